import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { SysError } from "../error.ts";
import { ACCESS_FLAGS, type AllocCheck, checkFlags, KMALLOC_MAX, valid } from "./alloc_check.ts";

/** Checks a queue or stack, which have no keys. Errnos: EINVAL, E2BIG. */
export const queueAllocCheck: AllocCheck = (spec) => {
  valid(spec.maxEntries !== 0 && spec.keySize === 0 && spec.valueSize !== 0);
  checkFlags(spec.flags, ACCESS_FLAGS | MAP_FLAG.NUMA_NODE);
  if (spec.valueSize > KMALLOC_MAX) throw new SysError(E.E2BIG);
  return spec;
};
