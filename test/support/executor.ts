import { type Insn, isLdImm64 } from "../../src/isa/insn.ts";
import { CALL, CLASS, JMP, PSEUDO } from "../../src/isa/opcode.ts";
import { CPU_BASE, CPU_SIZE, FRAME_SIZE } from "../../src/kernel/mem/layout.ts";
import type { ExecEnv, ExecHelper, LinkedProgram, Subprog } from "../../src/kernel/prog/program.ts";
import { arrayWalker } from "./walk_array.ts";

/** Where tests put packets and the like: behind CPU 0's block. */
export const TEST_DATA = CPU_BASE + CPU_SIZE;
/** CPU 0's block. */
export const TEST_CPU = CPU_BASE;

/**
 * Makes a program for the executors from instructions that no verifier has seen: subprograms from the targets of calls
 * and function loads, no facts, the largest frames.
 */
export function linkForTest(insns: readonly Insn[], name = "test"): LinkedProgram {
  const starts = new Set([0]);
  insns.forEach((insn, i) => {
    const local = insn.code === (CLASS.JMP | JMP.CALL) && insn.src === CALL.LOCAL;
    const func = isLdImm64(insn) && insn.src === PSEUDO.FUNC;
    if (local || func) starts.add(i + 1 + insn.imm);
  });
  const sorted = [...starts].sort((a, b) => a - b);
  const subprogs = sorted.map((start, i): Subprog => {
    const end = sorted[i + 1] ?? insns.length;
    const body = insns.slice(start, end);
    const call = (id: number) => body.some((x) => x.code === 0x85 && x.src === CALL.HELPER && x.imm === id);
    const hasLdAbs = body.some((x) => (x.code & 7) === CLASS.LD && x.code !== 0 && !isLdImm64(x));
    return { start, end, stackDepth: FRAME_SIZE, hasTailCall: call(12), hasLdAbs };
  });
  const facts = insns.map((insn, i) => {
    const target = sorted.indexOf(i + 1 + insn.imm);
    if (insn.code === (CLASS.JMP | JMP.CALL) && insn.src === CALL.LOCAL) return { subprog: target };
    if (isLdImm64(insn) && insn.src === PSEUDO.FUNC) return { func: target };
    return undefined;
  });
  return { name, type: 1, insns, facts, subprogs, maps: [] };
}

/** An environment of two pages with the given helpers, and packets read from TEST_DATA on. */
export function testEnv(
  helpers: readonly ExecHelper[] = [],
  packetSize = 0,
): ExecEnv & { view: () => DataView } {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 16 });
  const view = () => new DataView(memory.buffer);
  return {
    memory,
    view,
    table: new WebAssembly.Table({ element: "anyfunc", initial: 8 }),
    helper: (id) => helpers.find((helper) => helper.id === id),
    mapEachNext: arrayWalker(memory),
    ldAbs: (_ctx, offset, size) => {
      if (offset < 0 || offset + size > packetSize) return -1n;
      const at = TEST_DATA + offset;
      if (size === 1) return BigInt(view().getUint8(at));
      return BigInt(size === 2 ? view().getUint16(at) : view().getUint32(at));
    },
  };
}
