import type { Insn } from "../../../isa/insn.ts";
import { MODE, SIZE } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { PROG_TYPE } from "../../../uapi/prog_type.ts";
import { leaveFrame } from "../calls/exit.ts";
import { checkResourceLeak } from "../calls/reference.ts";
import { TYPE } from "../state/layout.ts";
import { curframe, regType, setSubregDef } from "../state/view.ts";
import { markConstZero, markUnknown } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { pushPath } from "../walk/paths.ts";
import { checkReg, clearCallerSaved, reg } from "../walk/regs.ts";
import { checkPlainPointer } from "./context.ts";

const TYPES: ReadonlySet<number> = new Set<number>([
  PROG_TYPE.SOCKET_FILTER,
  PROG_TYPE.SCHED_CLS,
  PROG_TYPE.SCHED_ACT,
]);
/** The register that holds the packet. */
const CTX_REG = 6;

/** Checks BPF_LD_ABS and BPF_LD_IND: loads from the packet that end the program where they fail. */
export function checkLdAbs(env: Env, insn: Insn): void {
  const isAbs = (insn.code & 0xe0) === MODE.ABS;
  if (!TYPES.has(env.input.progType)) {
    throw reject(env, E.EINVAL, "BPF_LD_[ABS|IND] instructions not allowed for this program type");
  }
  const reserved = insn.dst !== 0 || insn.off !== 0 || (isAbs && insn.src !== 0);
  if (reserved || (insn.code & 0x18) === SIZE.DW) {
    throw reject(env, E.EINVAL, "BPF_LD_[ABS|IND] uses reserved fields");
  }
  checkReg(env, CTX_REG, "src");
  checkResourceLeak(env, true, "BPF_LD_[ABS|IND]");
  if (regType(reg(env, CTX_REG)) !== TYPE.PTR_TO_CTX) {
    throw reject(env, E.EINVAL, "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
  }
  if (!isAbs) checkReg(env, insn.src, "src");
  checkPlainPointer(env, reg(env, CTX_REG), CTX_REG);
  clearCallerSaved(env, env.curState);
  const r0 = reg(env, 0);
  markUnknown(r0);
  setSubregDef(r0, env.insnIdx + 1);
  // A load outside of the packet leaves the program; in a subprogram that looks like a return of zero.
  if (curframe(env.curState) === 0) {
    env.insnIdx++;
    return;
  }
  pushPath(env, env.insnIdx + 1, env.insnIdx, false);
  markConstZero(r0);
  leaveFrame(env);
}
