/**
 * `struct bpf_map` in linear memory: what a program's register points to after a 64-bit load of a map. The data plane
 * (`layout.as.ts`), the JIT and the interpreter share these offsets; a test compares them with AssemblyScript's
 * `offsetof`. All fields are u32, little endian, unless said otherwise.
 */
export const MAP = {
  /** A BPF_MAP_TYPE_ number. */
  type: 0,
  /** Bytes of a key. */
  keySize: 4,
  /** Bytes of a value, as the map was created. */
  valueSize: 8,
  /** Elements that the map can hold; never changes. */
  maxEntries: 12,
  /** BPF_F_ flags of the map. */
  flags: 16,
  /**
   * array, percpu_array: address of element 0 (of CPU 0). prog_array: address of slot 0, a u32 each: the index of a
   * program's entry in the executor table, 0 for empty. array_of_maps, devmap, cpumap, xskmap and the like: address
   * of slot 0, a u32 each, 0 for empty. Never changes.
   */
  data: 20,
  /** array: bytes from an element to the next (value size rounded up to 8). Never changes. */
  elemSize: 24,
  /** percpu maps: bytes from a CPU's value to the next CPU's value of the same element. 0 otherwise. */
  cpuStride: 28,
  /** hash maps: address of the bucket heads, a u32 each: the address of the chain's first element, or 0. */
  buckets: 32,
  /** hash maps: 64 - log2(number of buckets): the bucket is `hash >>> shift` (see `HASH`). */
  shift: 36,
  /** hash maps: from an element's address to its value (of CPU 0). Its key is at `HTAB.key`. */
  valueOffset: 40,
  /** Elements in the map now (hash, lpm_trie, queue, stack). */
  count: 44,
  /** u64: the seed of this map's hash function. */
  seed: 48,
  /** The bytes of the whole header. Fields from 56 on belong to the type's own file. */
  size: 160,
} as const;

/** An element of a hash map of any kind, by offset from its address. Its value is at the map's `valueOffset`. */
export const HTAB = {
  /** u32: the next element of the chain, or 0. */
  next: 0,
  /** u32: the upper half of its hash. */
  hash: 4,
  /** The key, padded to 8 bytes. */
  key: 8,
} as const;

/** What an element of an lru_hash or lru_percpu_hash map has besides, before its address. */
export const LRU = {
  /** u32: 1 after a lookup by a program, 0 after the hand that evicts has passed. */
  ref: -8,
  /** u32: 1 while the element is in a chain. */
  live: -4,
} as const;

/**
 * The hash of a key, all in 64 bits modulo 2^64, `seed` being the map's:
 *
 * ```
 * key size 4:  h = mix(seed ^ u32)
 * key size 8:  h = mix(seed ^ u64)
 * otherwise:   h = seed; for each 8 bytes, the last ones padded with zeros: h = mix(h ^ u64)
 * mix(x):      x *= MULTIPLIER; x ^= x >>> 32; x *= MULTIPLIER
 * bucket     = h >>> shift
 * ```
 */
export const HASH = { multiplier: 0x9e3779b97f4a7c15n } as const;
