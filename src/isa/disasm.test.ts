import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { disasmInsn, imm64Hex } from "./disasm.ts";
import { decodeInsns, type Insn } from "./insn.ts";

const golden = readFileSync(new URL("disasm.golden.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line): [string, string] => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]);

const insn = (code: number, rest: Partial<Insn> = {}): Insn => ({
  code,
  dst: 0,
  src: 0,
  off: 0,
  imm: 0,
  ...rest,
});

describe("disasmInsn", () => {
  it(`writes ${golden.length} instructions as Linux 6.18 logged them`, () => {
    expect(golden.length).toBeGreaterThan(1000);
    const ours = golden.map(([hex]) => {
      const insns = decodeInsns(Uint8Array.from(Buffer.from(hex, "hex")));
      // The kernel looks a function's name up and finds none for id 0.
      return [hex, disasmInsn(insns, 0, { call: (call) => (call.imm === 0 ? "" : undefined) })];
    });
    expect(ours).toEqual(golden);
  });

  it("asks for the names and addresses that only a kernel has", () => {
    const program = [insn(0x18, { src: 1, imm: 3 }), insn(0), insn(0x85, { src: 2, imm: 65470 })];
    expect(disasmInsn(program, 0)).toBe("(18) r0 = map[fd:3]");
    expect(disasmInsn(program, 0, { imm64: () => "0xffff888012345678" })).toBe(
      "(18) r0 = 0xffff888012345678",
    );
    expect(disasmInsn(program, 2)).toBe("(85) call kfunc#65470");
    expect(disasmInsn(program, 2, { call: () => "bpf_rcu_read_lock" })).toBe(
      "(85) call bpf_rcu_read_lock#65470",
    );
  });

  it("writes 64-bit immediates without leading zeros", () => {
    expect(imm64Hex(insn(0x18, { imm: 1 }), insn(0, { imm: 1 }))).toBe("0x100000001");
    expect(imm64Hex(insn(0x18, { imm: -1 }), insn(0))).toBe("0xffffffff");
  });

  it("refuses an index outside of the program", () => {
    expect(() => disasmInsn([], 0)).toThrow(RangeError);
  });
});
