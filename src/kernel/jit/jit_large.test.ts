import { describe, expect, it } from "vitest";
import { DATA, machine } from "../../../test/support/jit_machine.ts";
import { assemble } from "../../isa/asm.ts";
import type { Insn } from "../../isa/insn.ts";

/** Programs of `count` times the same few instructions between a start and an end. */
function repeated(start: string, body: string, end: string, count: number): Insn[] {
  const [s, b, e] = [assemble(start), assemble(body), assemble(end)];
  const insns = [...s];
  for (let i = 0; i < count; i++) for (const x of b) insns.push(x);
  insns.push(...e);
  return insns;
}

const START = "r2 = *(u64 *)(r1 +0)\nr0 = 0";

describe("large programs", () => {
  it("runs 100,000 instructions in a row", () => {
    const m = machine();
    m.view.setBigUint64(DATA, 3n, true);
    expect(m.run({ insns: repeated(START, "r0 += r2", "exit", 100_000) })).toBe(300_000n);
  });

  it("runs 50,000 ifs in a row", () => {
    const m = machine();
    m.view.setBigUint64(DATA, 0n, true);
    expect(m.run({ insns: repeated(START, "if r2 > 5 goto pc+1\nr0 += 1", "exit", 50_000) })).toBe(50_000n);
  });

  it("runs 30,000 early exits to one place", () => {
    const m = machine();
    const count = 30_000;
    // Offsets have 16 bits, so the exits go through stepping stones; here all go to the nearest one.
    const insns: Insn[] = assemble(START);
    for (let i = 0; i < count; i++) {
      insns.push(
        ...assemble(
          `if r2 == ${i + 10} goto pc+${(count - i) * 2 - 1 > 32767 ? 0 : (count - i) * 2 - 1}\nr0 += 1`,
        ),
      );
    }
    insns.push(...assemble("exit"));
    m.view.setBigUint64(DATA, 0n, true);
    expect(m.run({ insns })).toBe(30_000n);
    m.view.setBigUint64(DATA, 29_010n, true);
    expect(m.run({ insns })).toBe(29_000n);
  });

  it("runs loops nested 1,000 deep", () => {
    const m = machine();
    const depth = 1000;
    const insns: Insn[] = assemble(START);
    // Each loop is left after one round, as r0 only grows.
    for (let i = 0; i < depth; i++) insns.push(...assemble("r0 += 1"));
    for (let i = 0; i < depth; i++) insns.push(...assemble(`if r0 < ${depth} goto pc-${i * 2 + 2}`));
    insns.push(...assemble("exit"));
    m.view.setBigUint64(DATA, 0n, true);
    expect(m.run({ insns })).toBe(BigInt(depth));
  });

  it("runs a million instructions with branches, split into parts", () => {
    const m = machine();
    m.view.setBigUint64(DATA, 2n, true);
    const body = "r3 = r2\nr3 *= 7\nw3 &= 15\nif r3 != 14 goto pc+1\nr0 += 1";
    expect(m.run({ insns: repeated(START, body, "exit", 199_999) })).toBe(199_999n);
  });
});
