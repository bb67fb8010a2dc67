import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assemble } from "./asm.ts";
import { AsmError } from "./asm_error.ts";
import { disasmInsn } from "./disasm.ts";
import { decodeInsns, encodeInsns } from "./insn.ts";
import { encodingError } from "./legality.ts";

describe("instructions", () => {
  it("are little endian, the destination in the low half of byte 1", () => {
    const bytes = Uint8Array.of(0x7b, 0x2a, 0xf8, 0xff, 0xfe, 0xff, 0xff, 0xff);
    const insns = [{ code: 0x7b, dst: 10, src: 2, off: -8, imm: -2 }];
    expect(decodeInsns(bytes)).toEqual(insns);
    expect(encodeInsns(insns)).toEqual(bytes);
  });

  it("are whole", () => {
    expect(() => decodeInsns(new Uint8Array(12))).toThrow(
      "12 bytes are no whole number of eBPF instructions",
    );
  });

  it("come from any bytes, go back to them, and have a text and a verdict", () => {
    fc.assert(
      fc.property(fc.nat(6), fc.uint8Array({ minLength: 48, maxLength: 48 }), (count, random) => {
        const bytes = random.slice(0, 8 * count);
        const insns = decodeInsns(bytes);
        expect(encodeInsns(insns)).toEqual(bytes);
        insns.forEach((insn, i) => {
          const text = disasmInsn(insns, i);
          expect(text).toMatch(/^(BUG_[0-9a-f]{2}|\([0-9a-f]{2}\) .+)$/);
          const error = encodingError(insn, insns[i + 1]);
          expect(error === undefined || error.length > 0).toBe(true);
        });
      }),
    );
  });
});

it("text of any kind is a program or an AsmError", () => {
  const word = fc.constantFrom(
    "r1",
    "w2",
    "=",
    "+=",
    "goto",
    "pc+1",
    "if",
    "call",
    "*(u64 *)(r10 -8)",
    "5",
    "-",
    "l:",
    "(07)",
  );
  const line = fc.oneof(
    fc.string(),
    fc.array(word, { maxLength: 7 }).map((words) => words.join(" ")),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
      try {
        expect(Array.isArray(assemble(lines.join("\n")))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(AsmError);
      }
    }),
    { numRuns: 500 },
  );
});
