import { MAP_FLAG } from "../../uapi/flags.ts";
import { ACCESS_FLAGS, type AllocCheck, checkFlags, KMALLOC_MAX, valid } from "./alloc_check.ts";

/** Bytes of a key: the prefix length and 1 to 256 bytes of data. */
const KEY_MIN = 5;
const KEY_MAX = 260;
/** The largest value: what Linux's node header and the longest data leave of a block. */
const VALUE_MAX = KMALLOC_MAX - 256 - 24;

/** Checks an lpm_trie, which must be made with BPF_F_NO_PREALLOC. Errno: EINVAL. */
export const lpmAllocCheck: AllocCheck = (spec) => {
  const { keySize, valueSize, maxEntries, flags } = spec;
  valid(maxEntries !== 0 && (flags & MAP_FLAG.NO_PREALLOC) !== 0);
  checkFlags(flags, ACCESS_FLAGS | MAP_FLAG.NO_PREALLOC | MAP_FLAG.NUMA_NODE);
  valid(keySize >= KEY_MIN && keySize <= KEY_MAX && valueSize >= 1 && valueSize <= VALUE_MAX);
  return spec;
};
