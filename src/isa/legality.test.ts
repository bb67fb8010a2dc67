import { describe, expect, it } from "vitest";
import type { Insn } from "./insn.ts";
import { encodingError } from "./legality.ts";

const insn = (code: number, rest: Partial<Insn> = {}): Insn => ({
  code,
  dst: 0,
  src: 0,
  off: 0,
  imm: 0,
  ...rest,
});

describe("encodingError", () => {
  it.each([
    ["a move", insn(0xb7, { imm: 5 })],
    ["signed division", insn(0x3f, { src: 1, off: 1 })],
    ["a sign-extending 32-bit move", insn(0xbf, { src: 1, off: 32 })],
    ["an 8-bit load-acquire", insn(0xd3, { imm: 0x100 })],
    ["may_goto", insn(0xe5, { off: -3 })],
  ])("finds nothing wrong with %s", (_name, good) => {
    expect(encodingError(good)).toBeUndefined();
  });

  it.each([
    [insn(0xff), "opcode 0xff does not exist"],
    [insn(0x8d), "opcode 0x8d does not exist"],
    [insn(0xb7, { src: 1 }), "opcode 0xb7 can't have src 1"],
    [insn(0xb7, { dst: 11 }), "opcode 0xb7 can't have dst 11"],
    [insn(0xbc, { src: 1, off: 32 }), "opcode 0xbc can't have off 32"],
    [insn(0x07, { off: 1 }), "opcode 0x7 can't have off 1"],
    [insn(0xd3), "opcode 0xd3 can't have imm 0"],
    [insn(0xd4, { imm: 8 }), "opcode 0xd4 can't have imm 8"],
    [insn(0x18), "a 64-bit load lacks its second half"],
  ])("says what is wrong", (bad, message) => {
    expect(encodingError(bad)).toBe(message);
  });

  it("looks at the second half of a 64-bit load", () => {
    expect(encodingError(insn(0x18), insn(0, { imm: 9 }))).toBeUndefined();
    expect(encodingError(insn(0x18), insn(0xb7))).toMatch("may have an immediate only");
    expect(encodingError(insn(0x18, { src: 1 }), insn(0, { imm: 9 }))).toMatch("must be zero");
  });
});
