import { describe, expect, it } from "vitest";
import { assembleConformance } from "./asm_conformance.ts";
import { parseConformanceCase } from "./conformance_case.ts";
import { disasmInsn } from "./disasm.ts";

const texts = (source: string) => {
  const insns = assembleConformance(source);
  return insns.flatMap((insn, i) => (insn.code === 0 ? [] : [disasmInsn(insns, i)]));
};

describe("assembleConformance", () => {
  it("reads uBPF's mnemonics", () => {
    expect(
      texts(`
        mov %r0, 0xFFFFFFFFFFFFFFF6   # only the sign repeats
        mov32 %r1, %r0
        sdiv32 %r0, -13
        movsx1632 %r0, %r1
        be16 %r3
        swap64 %r3
        neg32 %r3
        lddw %r2, 0x1122334455667788
        ldxsh %r0, [%r10-0x2]
        ldxb %r0, [%r1]
        stw [%r1+2], 0x44332211
        stxdw [%r10-8], %r0
        lock fetch xor32 [%r10-4], %r3
        lock cmpxchg [%r10-8], %r1
        jsle32 %r1, 0xfffffffe, +1
        ja32 done
      done:
        call local done
        call 5
        jne %r0, %r1, exit
        exit`),
    ).toEqual([
      "(b7) r0 = -10",
      "(bc) w1 = w0",
      "(34) w0 s/= -13",
      "(bc) w0 = (s16)w1",
      "(dc) r3 = be16 r3",
      "(d7) r3 = bswap64 r3",
      "(84) w3 = -w3",
      "(18) r2 = 0x1122334455667788",
      "(89) r0 = *(s16 *)(r10 -2)",
      "(71) r0 = *(u8 *)(r1 +0)",
      "(62) *(u32 *)(r1 +2) = 1144201745",
      "(7b) *(u64 *)(r10 -8) = r0",
      "(c3) r3 = atomic_fetch_xor((u32 *)(r10 -4), r3)",
      "(db) r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r1)",
      "(d6) if w1 s<= 0xfffffffe goto pc+1",
      "(06) gotol pc+0",
      "(85) call pc-1",
      "(85) call bpf_ktime_get_ns#5",
      "(5d) if r0 != r1 goto pc+0",
      "(95) exit",
    ]);
  });

  it.each([
    ["frob %r0", 'line 1: "frob %r0": expected a mnemonic such as mov, not frob'],
    ["exit\nmov %r0", 'line 2: "mov %r0": expected mov %rD, %rS|IMM'],
    ["ldxw %r0, %r1", 'line 1: "ldxw %r0, %r1": expected ldxw %rD, [%rS+OFF]'],
    ["add %r0, 0x123456789", "expected add %rD, %rS|IMM"],
    ["ja away", "line 1: there is no label away"],
  ])("says what it expected for %j", (source, message) => {
    expect(() => assembleConformance(source)).toThrow(message);
  });
});

describe("parseConformanceCase", () => {
  it("reads the sections", () => {
    const test = parseConformanceCase(
      "# c\n-- asm\nmov %r0, -1 # one\nexit\n-- mem\naa 0b\n# c\n-- result\n-1\n",
    );
    expect(test.insns).toHaveLength(2);
    expect([...test.mem]).toEqual([0xaa, 0x0b]);
    expect(test.result).toBe(0xffffffffffffffffn);
    expect(test.error).toBeUndefined();
  });

  it("reads raw instructions, and holds them against the assembly", () => {
    expect(parseConformanceCase("-- raw\n0x95\n-- error\nno\n").insns).toEqual([
      { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
    ]);
    expect(() => parseConformanceCase("-- asm\nexit\n-- raw\n0xb7\n")).toThrow("different programs");
  });

  it("counts lines from the file's start", () => {
    expect(() => parseConformanceCase("# a\n-- asm\nexit\nfrob\n")).toThrow("line 4:");
  });
});
