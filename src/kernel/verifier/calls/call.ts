import type { Insn } from "../../../isa/insn.ts";
import { CALL, CLASS, JMP } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import { activeLocks } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { markRegScratched } from "../walk/regs.ts";
import { checkHelperCall } from "./helper.ts";
import { checkSubprogCall } from "./subprog.ts";

/** Checks a call of a helper, a subprogram or a kernel function. */
export function checkCall(env: Env, insn: Insn): void {
  const known = insn.src === CALL.HELPER || insn.src === CALL.LOCAL || insn.src === CALL.KFUNC;
  if (
    insn.code !== (CLASS.JMP | JMP.CALL) ||
    (insn.src !== CALL.KFUNC && insn.off !== 0) ||
    !known ||
    insn.dst !== 0
  ) {
    throw reject(env, E.EINVAL, "BPF_CALL uses reserved fields");
  }
  if (activeLocks(env.curState) > 0) {
    const unlocks = insn.src === CALL.HELPER && insn.imm === HELPERS.spin_unlock.value;
    if (!unlocks && insn.src !== CALL.LOCAL) {
      throw reject(env, E.EINVAL, "function calls are not allowed while holding a lock");
    }
  }
  if (insn.src === CALL.LOCAL) {
    checkSubprogCall(env, insn);
    return;
  }
  if (insn.src === CALL.KFUNC) {
    throw reject(env, E.EINVAL, "anybpf: calls of kernel functions (kfuncs) are not supported yet");
  }
  checkHelperCall(env, insn);
  markRegScratched(env, 0);
}
