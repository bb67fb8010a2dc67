import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { SysError } from "../error.ts";
import {
  ACCESS_FLAGS,
  type AllocCheck,
  checkFlags,
  hasNumaNode,
  PERCPU_VALUE_MAX,
  valid,
} from "./alloc_check.ts";

const INT_MAX = 0x7fffffff;

/** Checks an array or percpu_array. Errnos: EINVAL, E2BIG. */
export const arrayAllocCheck: AllocCheck = (spec) => {
  const { keySize, valueSize, maxEntries, flags } = spec;
  const percpu = spec.type === MAP_TYPE.PERCPU_ARRAY;
  const own = percpu ? 0 : MAP_FLAG.MMAPABLE | MAP_FLAG.INNER_MAP;
  valid(maxEntries !== 0 && keySize === 4 && valueSize !== 0);
  checkFlags(flags, ACCESS_FLAGS | MAP_FLAG.NUMA_NODE | own);
  valid(!percpu || !hasNumaNode(spec));
  if (valueSize > INT_MAX) throw new SysError(E.E2BIG);
  if (percpu && Math.ceil(valueSize / 8) * 8 > PERCPU_VALUE_MAX) throw new SysError(E.E2BIG);
  return spec;
};
