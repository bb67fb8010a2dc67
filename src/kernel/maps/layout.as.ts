// `struct bpf_map` in linear memory. The first fields are those of `MAP` in layout.ts, which the executors use too;
// the rest belongs to the map types. A test compares the two.

@unmanaged
export class BpfMap {
  type: u32;
  keySize: u32;
  valueSize: u32;
  maxEntries: u32;
  flags: u32;
  data: u32;
  elemSize: u32;
  cpuStride: u32;
  buckets: u32;
  shift: u32;
  valueOffset: u32;
  count: u32;
  seed: u64;

  /** The pool that elements come from (pool.as.ts). */
  poolElem: u32;
  poolFree: u32;
  poolBump: u32;
  poolEnd: u32;
  poolChunks: u32;
  poolNext: u32;
  /** Elements that the pool holds when all its chunks are made. */
  poolLimit: u32;

  /** CPUs that a per-CPU value has slots for; 1 for other maps. */
  cpus: u32;

  /** lru: the element (by number) that the hand looks at next. */
  hand: u32;

  /** queue, stack: the places (by number) where the next element goes and where the oldest is. */
  head: u32;
  tail: u32;

  /** lpm_trie: the binary trie's root, and the nodes that lookups walk (lpm_trie.as.ts). */
  trie: u32;
  root: u32;
  rootBits: u32;
  fallback: u32;
  maxPrefix: u32;
  /** Bytes of a key after the prefix length. */
  dataSize: u32;

  /** ringbuf: the block of memory that `data`, on a page boundary, is in. */
  block: u32;
}

export const MAP_BYTES: u32 = 160;

export const HASH: u32 = 1;
export const ARRAY: u32 = 2;
export const PROG_ARRAY: u32 = 3;
export const PERF_EVENT_ARRAY: u32 = 4;
export const PERCPU_HASH: u32 = 5;
export const PERCPU_ARRAY: u32 = 6;
export const STACK_TRACE: u32 = 7;
export const CGROUP_ARRAY: u32 = 8;
export const LRU_HASH: u32 = 9;
export const LRU_PERCPU_HASH: u32 = 10;
export const LPM_TRIE: u32 = 11;
export const ARRAY_OF_MAPS: u32 = 12;
export const HASH_OF_MAPS: u32 = 13;
export const DEVMAP: u32 = 14;
export const SOCKMAP: u32 = 15;
export const CPUMAP: u32 = 16;
export const XSKMAP: u32 = 17;
export const SOCKHASH: u32 = 18;
export const QUEUE: u32 = 22;
export const STACK: u32 = 23;
export const DEVMAP_HASH: u32 = 25;
export const RINGBUF: u32 = 27;

export const BPF_ANY: u64 = 0;
export const BPF_NOEXIST: u64 = 1;
export const BPF_EXIST: u64 = 2;
export const BPF_F_NO_PREALLOC: u32 = 1;

export const ENOENT: i64 = 2;
export const E2BIG: i64 = 7;
export const EAGAIN: i64 = 11;
export const ENOMEM: i64 = 12;
export const EEXIST: i64 = 17;
export const EINVAL: i64 = 22;
export const ENOSPC: i64 = 28;
export const EOPNOTSUPP: i64 = 95;

/** The map at an address as programs hold it. */
@inline
export function mapAt(address: i64): BpfMap {
  return changetype<BpfMap>(<usize>address);
}

@inline
export function roundUp8(n: u32): u32 {
  return (n + 7) & ~7;
}
