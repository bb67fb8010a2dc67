import { describe, expect, it } from "vitest";
import type { Insn } from "../../isa/insn.ts";
import { PSEUDO } from "../../isa/opcode.ts";
import { resolveAddresses } from "./link.ts";
import type { ExecMap, VerifiedProgram } from "./program.ts";

const load = (src: number, imm: number, high: number): Insn[] => [
  { code: 0x18, dst: 1, src, off: 0, imm },
  { code: 0, dst: 0, src: 0, off: 0, imm: high },
];
const map = (address: number): ExecMap => ({ type: 2, address, keySize: 4, valueSize: 8, maxEntries: 1 });

describe("resolveAddresses", () => {
  const program: VerifiedProgram = {
    name: "p",
    type: 6,
    insns: [
      ...load(PSEUDO.MAP_FD, 5, 0),
      ...load(PSEUDO.MAP_VALUE, 5, 24),
      ...load(PSEUDO.FUNC, 1, 0),
      ...load(0, 7, 9),
    ],
    facts: [
      { map: { index: 1 } },
      undefined,
      { map: { index: 0, valueOffset: 24 } },
      undefined,
      { func: 1 },
      undefined,
      undefined,
      undefined,
    ],
    subprogs: [],
  };

  it("puts in the addresses of maps and values, and leaves other loads", () => {
    const linked = resolveAddresses(program, [map(0x1000), map(0x2000)], (index, offset) => {
      expect(index).toBe(0);
      return 0x9000 + offset;
    });
    expect(linked.insns).toEqual([
      ...load(0, 0x2000, 0),
      ...load(0, 0x9018, 0),
      ...load(PSEUDO.FUNC, 1, 0),
      ...load(0, 7, 9),
    ]);
    expect(linked.maps).toHaveLength(2);
  });

  it("says which map is missing", () => {
    expect(() => resolveAddresses(program, [], () => 0)).toThrow("p: instruction 0 has no map 1");
  });

  it("writes addresses above 2 GB as unsigned 64-bit values", () => {
    const linked = resolveAddresses(program, [map(0x1000), map(0x9000_0000)], () => 0);
    expect((linked.insns[0] as Insn).imm >>> 0).toBe(0x9000_0000);
    expect((linked.insns[1] as Insn).imm).toBe(0);
  });
});
