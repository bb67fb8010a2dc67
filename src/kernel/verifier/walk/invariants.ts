import { E } from "../../../uapi/errno.ts";
import type { RegPtr } from "../state/layout.ts";
import {
  isScalar,
  s32max,
  s32min,
  smaxBig,
  sminBig,
  u32max,
  u32min,
  umaxBig,
  uminBig,
  varMaskBig,
  varValueBig,
} from "../state/view.ts";
import { boundsBroken, setUnbounded } from "../value/value.ts";
import { type Env, reject } from "./env.ts";

/** What is wrong, by `boundsBroken`. */
const FAULTS: readonly string[] = [
  "",
  "range bounds violation",
  "const tnum out of sync with range bounds",
  "const subreg tnum out of sync with range bounds",
];

/** A number as C's `%#llx` prints it. */
function hex(value: bigint | number): string {
  return value === 0 || value === 0n ? "0x0" : `0x${value.toString(16)}`;
}

/**
 * Checks that what is known of a number can be true, and forgets its ranges if not: that happens where a branch is
 * walked that is dead in a way nobody saw. EFAULT instead under BPF_F_TEST_REG_INVARIANTS.
 *
 * @param where what was done to the register, in the kernel's word: `alu`, `ldx`, `true_reg1` …
 */
export function checkInvariants(env: Env, r: RegPtr, where: string): void {
  if (!isScalar(r)) return;
  const fault = boundsBroken(r);
  if (fault === 0) return;
  const u64 = [uminBig(r), umaxBig(r)].map(hex).join(", ");
  const s64 = [sminBig(r), smaxBig(r)].map((v) => hex(BigInt.asUintN(64, v))).join(", ");
  const u32 = [u32min(r), u32max(r)].map(hex).join(", ");
  const s32 = [s32min(r), s32max(r)].map((v) => hex(v >>> 0)).join(", ");
  const bits = [varValueBig(r), varMaskBig(r)].map((v) => hex(BigInt.asUintN(64, v))).join(", ");
  const ranges = `u64=[${u64}] s64=[${s64}] u32=[${u32}] s32=[${s32}] var_off=(${bits})`;
  env.log.line(`verifier bug: REG INVARIANTS VIOLATION (${where}): ${FAULTS[fault]} ${ranges}`);
  if (env.testRegInvariants) throw reject(env, E.EFAULT);
  setUnbounded(r);
}
