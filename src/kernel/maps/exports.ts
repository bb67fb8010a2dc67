/**
 * The map functions of the data plane's module (`*.as.ts` of this room). Addresses are bytes in linear memory, u32
 * where they are numbers; what programs call takes and gives i64, as BigInt in JavaScript, and fails with -errno.
 */
export interface MapExports {
  /** Makes an empty map of a checked spec and returns its `struct bpf_map`'s address, or 0 if there is no memory. */
  map_create(
    type: number,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags: number,
    cpus: number,
    seedLow: number,
    seedHigh: number,
  ): number;
  /** Gives back all memory of a map. */
  map_free(map: number): void;

  /** The system call's operations: 0 or -errno; a per-CPU value is a slot for each CPU, sizes rounded up to 8. */
  sys_lookup(map: number, key: number, out: number): number;
  sys_update(map: number, key: number, value: number, flags: number): number;
  sys_delete(map: number, key: number): number;
  /** Key 0: the first key. */
  sys_next_key(map: number, key: number, out: number): number;
  sys_lookup_and_delete(map: number, key: number, out: number): number;

  /** A program array's (or another fd array's) slot: a number that stands for an object, 0 for empty. */
  slot_get(map: number, index: number): number;
  /** Sets a slot that exists; returns what it held. */
  slot_set(map: number, index: number, value: number): number;

  /** bpf_map_lookup_elem and its fellows, for a map of any type. */
  map_lookup_elem(map: bigint, key: bigint): bigint;
  map_update_elem(map: bigint, key: bigint, value: bigint, flags: bigint): bigint;
  map_delete_elem(map: bigint, key: bigint): bigint;
  map_lookup_percpu_elem(map: bigint, key: bigint, cpu: bigint): bigint;
  map_push_elem(map: bigint, value: bigint, flags: bigint): bigint;
  map_pop_elem(map: bigint, value: bigint): bigint;
  map_peek_elem(map: bigint, value: bigint): bigint;

  /**
   * Moves a cursor (24 bytes, zeroed to start) to the next element and returns 1, or 0 after the last: the key's
   * address is then at cursor + 0 and the value's at + 4, a u32 each. For bpf_for_each_map_elem.
   */
  map_each_next(map: bigint, cursor: bigint): bigint;

  /** One type's own functions, for calls whose map is known: hash, by key size where that pays. */
  htab_lookup(map: bigint, key: bigint): bigint;
  htab_lookup_4(map: bigint, key: bigint): bigint;
  htab_lookup_8(map: bigint, key: bigint): bigint;
  htab_lookup_16(map: bigint, key: bigint): bigint;
  /** percpu_hash: the running CPU's value. */
  htab_percpu_lookup(map: bigint, key: bigint): bigint;
  /** lru_hash. */
  htab_lru_lookup(map: bigint, key: bigint): bigint;
  htab_lru_lookup_4(map: bigint, key: bigint): bigint;
  htab_lru_lookup_8(map: bigint, key: bigint): bigint;
  htab_lru_lookup_16(map: bigint, key: bigint): bigint;
  /** lru_percpu_hash: the running CPU's value. */
  htab_lru_percpu_lookup(map: bigint, key: bigint): bigint;
  /** All four kinds of hash. */
  htab_update(map: bigint, key: bigint, value: bigint, flags: bigint): bigint;
  htab_delete(map: bigint, key: bigint): bigint;
  array_lookup(map: bigint, key: bigint): bigint;
  array_update(map: bigint, key: bigint, value: bigint, flags: bigint): bigint;
  /** percpu_array: the running CPU's element. */
  percpu_array_lookup(map: bigint, key: bigint): bigint;
  percpu_array_update(map: bigint, key: bigint, value: bigint, flags: bigint): bigint;
  /** array_of_maps: the inner map. */
  array_of_maps_lookup(map: bigint, key: bigint): bigint;
  lpm_lookup(map: bigint, key: bigint): bigint;
  lpm_update(map: bigint, key: bigint, value: bigint, flags: bigint): bigint;
  lpm_delete(map: bigint, key: bigint): bigint;
  queue_push(map: bigint, value: bigint, flags: bigint): bigint;
  queue_pop(map: bigint, value: bigint): bigint;
  queue_peek(map: bigint, value: bigint): bigint;

  /** Where a field of `struct bpf_map` lies; for the test that compares it with `MAP`. */
  map_offset(field: number): number;
}
