import { E } from "../../../uapi/errno.ts";
import { MAP_FLAG } from "../../../uapi/flags.ts";
import { checkRegion } from "../access/region.ts";
import { constValue, isConst, regMap, regOff } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { mapOf, reg } from "../walk/regs.ts";

/** Checks that R`n` points to a NUL-terminated string in a frozen read-only map. Linux: check_reg_const_str. */
export function checkConstString(env: Env, n: number): void {
  const r = reg(env, n);
  const map = mapOf(env, regMap(r));
  if (!map.frozen || (map.flags & MAP_FLAG.RDONLY_PROG) === 0) {
    throw reject(env, E.EACCES, `R${n} does not point to a readonly map'`);
  }
  if (!isConst(r)) throw reject(env, E.EACCES, `R${n} is not a constant address'`);
  const bytes = map.constValue;
  if (bytes === undefined) throw reject(env, E.EACCES, "no direct value access support for this map type");
  const at = regOff(r) + constValue(r);
  checkRegion(env, n, regOff(r), map.valueSize - at, map.valueSize, false);
  if (bytes.indexOf(0, at) < 0) throw reject(env, E.EINVAL, "string is not zero-terminated");
}
