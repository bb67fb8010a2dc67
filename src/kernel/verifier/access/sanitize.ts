import type { Insn } from "../../../isa/insn.ts";
import { E } from "../../../uapi/errno.ts";
import { type RegPtr, TYPE } from "../state/layout.ts";
import { constValue, isConst, regMap, regOff, regType, smin, umax } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { mapOf } from "../walk/regs.ts";
import { varText } from "./align.ts";

/**
 * For loaders without CAP_PERFMON a computed pointer must stay inside its object, so that it can be masked against
 * speculation. Linux: sanitize_check_bounds.
 */
export function checkPointerStaysInside(env: Env, insn: Insn, dst: RegPtr): void {
  if (env.bypassSpecV1) return;
  const type = regType(dst);
  if (type === TYPE.PTR_TO_STACK) {
    if (!isConst(dst)) {
      throw reject(
        env,
        E.EACCES,
        `R${insn.dst} variable stack access prohibited for !root, var_off=${varText(dst)} off=${regOff(dst)}`,
      );
    }
    const off = regOff(dst) + constValue(dst);
    if (off >= 0 || off < -512) {
      throw reject(
        env,
        E.EACCES,
        `R${insn.dst} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}`,
      );
    }
  } else if (type === TYPE.PTR_TO_MAP_VALUE) {
    const size = mapOf(env, regMap(dst)).valueSize;
    const low = regOff(dst) + smin(dst);
    const high = regOff(dst) + umax(dst);
    if (low >= 0 && low + 1 <= size && high + 1 <= size) return;
    throw reject(
      env,
      E.EACCES,
      `R${insn.dst} pointer arithmetic of map value goes out of range, prohibited for !root`,
    );
  }
}
