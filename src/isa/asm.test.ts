import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assemble } from "./asm.ts";
import { disasmInsn } from "./disasm.ts";
import { type Insn, isLdImm64 } from "./insn.ts";
import { ENCODINGS, type Encoding, encodingError } from "./legality.ts";

function disassemble(insns: readonly Insn[]): string {
  const lines: string[] = [];
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    lines.push(`${i}: ${disasmInsn(insns, i)}`);
    if (insn !== undefined && isLdImm64(insn)) i++;
  }
  return lines.join("\n");
}

const imm = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000));
const anyOf = {
  dst: fc.nat(10),
  src: fc.nat(10),
  off: fc.integer({ min: -0x8000, max: 0x7fff }),
  imm,
};

/** Any instruction of an encoding; a reserved field is zero. */
function instance(encoding: Encoding): fc.Arbitrary<Insn[]> {
  const field = (name: keyof typeof anyOf) => {
    const rule = encoding[name];
    if (rule === "zero") return fc.constant(0);
    return typeof rule === "string" ? anyOf[name] : fc.constantFrom(...rule);
  };
  return fc
    .record({ dst: field("dst"), src: field("src"), off: field("off"), imm: field("imm"), high: imm })
    .map(({ high, ...insn }) => {
      const first = { code: encoding.code, ...insn };
      if (!isLdImm64(first)) return [first];
      // Only a plain load and a value's offset use the high half; file descriptors and offsets are not negative.
      const second = (n: number) => ({ code: 0, dst: 0, src: 0, off: 0, imm: n });
      if (first.src === 0) return [first, second(high)];
      if (first.src === 4) return [first, second(0)];
      const positive = { ...first, imm: first.imm & 0x7fffffff };
      return [positive, second(first.src === 2 || first.src === 6 ? high & 0x7fffffff : 0)];
    });
}

describe("assemble", () => {
  it("reads back every legal instruction as it was disassembled", () => {
    for (const encoding of ENCODINGS) {
      fc.assert(
        fc.property(instance(encoding), (insns) => {
          expect(insns[0] && encodingError(insns[0], insns[1])).toBeUndefined();
          expect(assemble(disassemble(insns))).toEqual(insns);
        }),
        { numRuns: 20 },
      );
    }
  });

  it("reads plain text with labels and comments", () => {
    const program = assemble(`
      ; a loop
        r0 = 0
        r1 = 0x123456789   // does not fit a move
      again:
        r0 += 1
        if r0 < 0x5 goto again
        call work
        goto out
      work:
        call bpf_ktime_get_ns
        exit
      out:
        exit`);
    expect(program.map((i) => i.code)).toEqual([0xb7, 0x18, 0, 0x07, 0xa5, 0x85, 0x05, 0x85, 0x95, 0x95]);
    expect(program[4]?.off).toBe(-2);
    expect(program[5]).toMatchObject({ src: 1, imm: 1 });
    expect(program[6]?.off).toBe(2);
    expect(program[7]).toMatchObject({ src: 0, imm: 5 });
  });

  it.each([
    ["r0 = 1\nr11 = 0", "line 2: expected a register from 0 to 10, not r11"],
    ["r0 = 0x1ffffffff0000000000", "line 1: expected a number of at most 64 bits"],
    ["goto nowhere", "line 1: there is no label nowhere"],
    ["a:\na:", "line 2: label a is there twice"],
    ["if r1 == w2 goto pc+1", "line 1: expected both registers of a comparison to be r or w"],
    ["if r1 ~ 2 goto pc+1", 'line 1: "if r1 ~ 2 goto pc+1": expected if rD OP rS|IMM goto pc+N'],
    ["r1 + 2", 'line 1: "r1 + 2": expected rD OP rS|IMM'],
    ["mov r1, 2", 'line 1: "mov r1, 2": expected an instruction in the verifier log\'s syntax'],
    ["call bpf_ktime_get_ns#6", "line 1: expected bpf_ktime_get_ns#5"],
    ["(07) r0 = 1", 'line 1: expected the text of opcode 07; "r0 = 1" is opcode b7'],
    ["r2 = atomic_fetch_add((u64 *)(r1 +0), r2)", "line 1: expected atomic64_ for u64"],
    ["r1 = *(u64 *)(r2 +40000)", "line 1: expected an offset from -32768 to 32767, not +40000"],
  ])("says what it expected for %j", (text, message) => {
    expect(() => assemble(text)).toThrow(message);
  });
});
