import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { SysError } from "../error.ts";
import {
  ACCESS_FLAGS,
  type AllocCheck,
  checkFlags,
  hasNumaNode,
  KMALLOC_MAX,
  PERCPU_VALUE_MAX,
  valid,
} from "./alloc_check.ts";

/** Bytes of Linux's own header of an element, which bounds key and value together. */
const HTAB_ELEM = 48;
/** Buckets beyond this do not fit Linux's u32 byte count, at 16 bytes each. */
const BUCKETS_MAX = Math.floor(0xffffffff / 16);

/**
 * Checks a hash, percpu_hash, lru_hash or lru_percpu_hash. Errnos: EINVAL; ENOTSUPP for an LRU without
 * preallocation; E2BIG for sizes. LRU lists for each CPU round the entries up to a multiple of the CPUs.
 */
export const htabAllocCheck: AllocCheck = (spec, cpus) => {
  const { type, keySize, valueSize, maxEntries, flags } = spec;
  const percpu = type === MAP_TYPE.PERCPU_HASH || type === MAP_TYPE.LRU_PERCPU_HASH;
  const lru = type === MAP_TYPE.LRU_HASH || type === MAP_TYPE.LRU_PERCPU_HASH;
  const perCpuLists = (flags & MAP_FLAG.NO_COMMON_LRU) !== 0;
  checkFlags(
    flags,
    ACCESS_FLAGS | MAP_FLAG.NO_PREALLOC | MAP_FLAG.NO_COMMON_LRU | MAP_FLAG.NUMA_NODE | MAP_FLAG.ZERO_SEED,
  );
  valid(lru || !perCpuLists);
  if (lru && (flags & MAP_FLAG.NO_PREALLOC) !== 0) throw new SysError(E.ENOTSUPP);
  valid(!hasNumaNode(spec) || !(percpu || perCpuLists));
  valid(maxEntries !== 0 && keySize !== 0 && valueSize !== 0);
  if (keySize + valueSize >= KMALLOC_MAX - HTAB_ELEM) throw new SysError(E.E2BIG);
  if (percpu && Math.ceil(valueSize / 8) * 8 > PERCPU_VALUE_MAX) throw new SysError(E.E2BIG);
  const entries = perCpuLists ? roundEntries(maxEntries, cpus) : maxEntries;
  if (2 ** Math.ceil(Math.log2(entries)) > BUCKETS_MAX) throw new SysError(E.E2BIG);
  return entries === maxEntries ? spec : { ...spec, maxEntries: entries };
};

/** To a multiple of the CPUs: up, or down where up does not fit a u32. */
function roundEntries(entries: number, cpus: number): number {
  const up = Math.ceil(entries / cpus) * cpus;
  return up <= 0xffffffff ? up : Math.floor(entries / cpus) * cpus;
}
