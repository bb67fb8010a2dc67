import type { Insn } from "../../../isa/insn.ts";
import { isLdImm64 } from "../../../isa/insn.ts";
import { CLASS, JMP, SRC } from "../../../isa/opcode.ts";

const JA = CLASS.JMP | JMP.JA | SRC.K;
const JA32 = CLASS.JMP32 | JMP.JA | SRC.K;
const EXIT = CLASS.JMP | JMP.EXIT;
const CALL = CLASS.JMP | JMP.CALL;

/** True for `goto` and `gotol`. */
export function isGoto(insn: Insn): boolean {
  return insn.code === JA || insn.code === JA32;
}

/** True for `exit`. */
export function isExit(insn: Insn): boolean {
  return insn.code === EXIT;
}

/** True for any kind of call. */
export function isCall(insn: Insn): boolean {
  return insn.code === CALL;
}

/** True for both jump classes. */
export function isJumpClass(insn: Insn): boolean {
  const cls = insn.code & 0x07;
  return cls === CLASS.JMP || cls === CLASS.JMP32;
}

/** The slot a jump goes to: `gotol` counts in its imm, all others in off. */
export function jumpTarget(insn: Insn, i: number): number {
  return i + 1 + (insn.code === JA32 ? insn.imm : insn.off);
}

/** The slots of an instruction: 2 for a 64-bit immediate load. */
export function slotsOf(insn: Insn): 1 | 2 {
  return isLdImm64(insn) ? 2 : 1;
}

/**
 * Where control goes inside the subprogram after an instruction, as two slots (-1 for none): calls are stepped over.
 * Returned through `out` so that callers in loops need not allocate.
 */
export function successors(insns: readonly Insn[], i: number, out: [number, number]): void {
  const insn = insns[i] as Insn;
  out[0] = -1;
  out[1] = -1;
  if (isExit(insn)) return;
  if (isGoto(insn)) {
    out[0] = jumpTarget(insn, i);
    return;
  }
  out[0] = i + slotsOf(insn);
  if (isJumpClass(insn) && !isCall(insn)) out[1] = jumpTarget(insn, i);
}
