import type { Insn } from "../../../isa/insn.ts";
import { CLASS, JMP, SRC } from "../../../isa/opcode.ts";
import { isCall, isExit, isGoto, isJumpClass, jumpTarget, slotsOf } from "../prepare/successors.ts";
import type { Env } from "../walk/env.ts";

const MAY_GOTO = CLASS.JMP | JMP.JCOND;

/**
 * The instructions as they run once what no path reached is gone: undefined for dead code and for jumps over nothing,
 * a plain jump for a branch that always goes one way.
 */
export function liveCode(env: Env): (Insn | undefined)[] {
  const n = env.insns.length;
  const live: (Insn | undefined)[] = new Array(n).fill(undefined);
  /** For each instruction the first one at or after it that stays. */
  const first = new Int32Array(n + 1).fill(n);
  for (let i = n - 1; i >= 0; i--) {
    let insn = env.insns[i - 1];
    // The second half of a 64-bit load is never reached, but stays with the first.
    const half = insn !== undefined && slotsOf(insn) === 2 && env.aux[i - 1]?.seen === true;
    insn = half ? env.insns[i] : branch(env, i);
    if (insn !== undefined && !half && isGoto(insn)) {
      const target = jumpTarget(insn, i);
      if (target > i && first[target] === first[i + 1]) insn = undefined;
    }
    live[i] = insn;
    first[i] = insn === undefined ? (first[i + 1] as number) : i;
  }
  return live;
}

function branch(env: Env, i: number): Insn | undefined {
  const insn = env.insns[i];
  if (insn === undefined || env.aux[i]?.seen !== true) return undefined;
  if (!isJumpClass(insn) || isCall(insn) || isExit(insn) || isGoto(insn)) return insn;
  if (insn.code === MAY_GOTO) return insn;
  if (env.aux[i + 1]?.seen !== true) {
    return { code: CLASS.JMP | JMP.JA | SRC.K, dst: 0, src: 0, off: insn.off, imm: 0 };
  }
  return env.aux[jumpTarget(insn, i)]?.seen === true ? insn : undefined;
}
