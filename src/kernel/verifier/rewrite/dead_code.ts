import type { Insn } from "../../../isa/insn.ts";
import { CLASS, JMP, SRC } from "../../../isa/opcode.ts";
import { isCall, isExit, isGoto, isJumpClass, jumpTarget } from "../prepare/successors.ts";
import type { Env } from "../walk/env.ts";

const MAY_GOTO = CLASS.JMP | JMP.JCOND;

/**
 * An instruction as it runs once what no path reached is gone: nothing for dead code and jumps to the next
 * instruction, a plain jump for a branch that always goes one way.
 */
export function withoutDeadCode(env: Env, i: number): Insn | undefined {
  const insn = env.insns[i];
  if (insn === undefined || env.aux[i]?.seen !== true) return undefined;
  if (!isJumpClass(insn) || isCall(insn) || isExit(insn)) return insn;
  const target = jumpTarget(insn, i);
  if (isGoto(insn)) return target === i + 1 ? undefined : insn;
  if (insn.code === MAY_GOTO) return insn;
  if (env.aux[i + 1]?.seen !== true) {
    return { code: CLASS.JMP | JMP.JA | SRC.K, dst: 0, src: 0, off: insn.off, imm: 0 };
  }
  return env.aux[target]?.seen === true ? insn : undefined;
}
