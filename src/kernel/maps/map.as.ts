// What all map types have in common: making and freeing, the operations of the system call (`sys_…`, whose values are
// in the caller's format) and the helpers of programs (`map_…`, by the map's type).

import { alloc, alloc_zeroed, free } from "../mem/alloc.as";
import { cpu } from "../mem/cpu.as";
import {
  array_free,
  array_init,
  array_lookup,
  array_next_key,
  array_of_maps_lookup,
  array_update,
  percpu_array_copy,
  percpu_array_lookup,
  percpu_array_update,
  percpu_array_update_all,
  slots_delete,
  slots_init,
  slots_update,
} from "./arraymap.as";
import { copyBytes } from "./bytes.as";
import {
  htab_delete,
  htab_free,
  htab_init,
  htab_lookup,
  htab_lru_lookup,
  htab_lru_percpu_lookup,
  htab_next_key,
  htab_peek,
  htab_percpu_lookup,
  htab_update,
  htab_update_all,
} from "./hashtab.as";
import {
  ARRAY,
  ARRAY_OF_MAPS,
  BpfMap,
  CPUMAP,
  DEVMAP,
  DEVMAP_HASH,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  HASH,
  HASH_OF_MAPS,
  LPM_TRIE,
  LRU_HASH,
  LRU_PERCPU_HASH,
  MAP_BYTES,
  PERCPU_ARRAY,
  PERCPU_HASH,
  QUEUE,
  RINGBUF,
  SOCKHASH,
  SOCKMAP,
  STACK,
  STACK_TRACE,
  mapAt,
} from "./layout.as";
import { lpm_delete, lpm_free, lpm_init, lpm_lookup, lpm_next_key, lpm_update } from "./lpm_trie.as";
import { pairs_delete, pairs_init, pairs_lookup, pairs_set } from "./pairs.as";
import { queue_free, queue_init, queue_peek, queue_pop, queue_push } from "./queue_stack.as";
import { ringbuf_free, ringbuf_init } from "./ringbuf.as";

/** Makes an empty map of a type that createMap has checked; 0 if there is no memory. The caller frees it. */
export function map_create(
  type: u32,
  keySize: u32,
  valueSize: u32,
  maxEntries: u32,
  flags: u32,
  cpus: u32,
  seedLow: u32,
  seedHigh: u32,
): u32 {
  const address = alloc_zeroed(MAP_BYTES);
  if (!address) return 0;
  const map = changetype<BpfMap>(<usize>address);
  map.type = type;
  map.keySize = keySize;
  map.valueSize = valueSize;
  map.maxEntries = maxEntries;
  map.flags = flags;
  map.cpus = cpus;
  map.seed = (<u64>seedHigh << 32) | <u64>seedLow;
  if (init(map)) return address;
  free(address);
  return 0;
}

function init(map: BpfMap): bool {
  switch (map.type) {
    case HASH:
    case LRU_HASH:
    case HASH_OF_MAPS:
    case DEVMAP_HASH:
      return htab_init(map, false);
    case PERCPU_HASH:
    case LRU_PERCPU_HASH:
      return htab_init(map, true);
    case ARRAY:
      return array_init(map, false);
    case PERCPU_ARRAY:
      return array_init(map, true);
    case LPM_TRIE:
      return lpm_init(map);
    case QUEUE:
    case STACK:
      return queue_init(map);
    case DEVMAP:
    case CPUMAP:
      return pairs_init(map);
    case RINGBUF:
      return ringbuf_init(map);
    case STACK_TRACE:
    case SOCKHASH:
      // Nothing can be in them yet.
      return true;
  }
  return slots_init(map);
}

/** Gives back all memory of a map. */
export function map_free(address: u32): void {
  const map = changetype<BpfMap>(<usize>address);
  switch (map.type) {
    case HASH:
    case LRU_HASH:
    case HASH_OF_MAPS:
    case DEVMAP_HASH:
    case PERCPU_HASH:
    case LRU_PERCPU_HASH:
      htab_free(map);
      break;
    case LPM_TRIE:
      lpm_free(map);
      break;
    case QUEUE:
    case STACK:
      queue_free(map);
      break;
    case RINGBUF:
      ringbuf_free(map);
      break;
    default:
      array_free(map);
  }
  free(address);
}

/** bpf_map_lookup_elem: the address of the key's value (for maps of maps the inner map's), or 0. */
export function map_lookup_elem(map: i64, key: i64): i64 {
  switch (mapAt(map).type) {
    case HASH:
      return htab_lookup(map, key);
    case ARRAY:
      return array_lookup(map, key);
    case PERCPU_HASH:
      return htab_percpu_lookup(map, key);
    case PERCPU_ARRAY:
      return percpu_array_lookup(map, key);
    case LRU_HASH:
      return htab_lru_lookup(map, key);
    case LRU_PERCPU_HASH:
      return htab_lru_percpu_lookup(map, key);
    case LPM_TRIE:
      return lpm_lookup(map, key);
    case ARRAY_OF_MAPS:
      return array_of_maps_lookup(map, key);
    case HASH_OF_MAPS: {
      const value = htab_lookup(map, key);
      return value ? <i64>load<u32>(<usize>value) : 0;
    }
    case DEVMAP:
      return pairs_lookup(map, key);
    case DEVMAP_HASH:
      return htab_lookup(map, key);
  }
  return 0;
}

/** bpf_map_update_elem: 0 or -errno. */
export function map_update_elem(map: i64, key: i64, value: i64, flags: i64): i64 {
  switch (mapAt(map).type) {
    case HASH:
    case PERCPU_HASH:
    case LRU_HASH:
    case LRU_PERCPU_HASH:
      return htab_update(map, key, value, flags);
    case ARRAY:
      return array_update(map, key, value, flags);
    case PERCPU_ARRAY:
      return percpu_array_update(map, key, value, flags);
    case LPM_TRIE:
      return lpm_update(map, key, value, flags);
  }
  return -EOPNOTSUPP;
}

/** bpf_map_delete_elem: 0 or -errno. */
export function map_delete_elem(map: i64, key: i64): i64 {
  switch (mapAt(map).type) {
    case HASH:
    case PERCPU_HASH:
    case LRU_HASH:
    case LRU_PERCPU_HASH:
      return htab_delete(map, key);
    case LPM_TRIE:
      return lpm_delete(map, key);
    case ARRAY:
    case PERCPU_ARRAY:
    case SOCKMAP:
      return -EINVAL;
    case SOCKHASH:
      return -ENOENT;
  }
  return -EOPNOTSUPP;
}

/** bpf_map_lookup_percpu_elem: the address of a CPU's value, or 0 (also for a CPU that there isn't). */
export function map_lookup_percpu_elem(map: i64, key: i64, on: i64): i64 {
  const m = mapAt(map);
  const number = <u32>on;
  if (number >= m.cpus) return 0;
  let value: i64 = 0;
  switch (m.type) {
    case PERCPU_HASH:
      value = htab_lookup(map, key);
      break;
    case LRU_PERCPU_HASH:
      value = htab_lru_lookup(map, key);
      break;
    case PERCPU_ARRAY:
      value = array_lookup(map, key);
      break;
  }
  return value ? value + <i64>(number * m.cpuStride) : 0;
}

/** bpf_map_push_elem, for queue and stack: 0 or -errno. */
export function map_push_elem(map: i64, value: i64, flags: i64): i64 {
  return queue_push(map, value, flags);
}

/** bpf_map_pop_elem, for queue and stack: 0 or -errno. */
export function map_pop_elem(map: i64, value: i64): i64 {
  return queue_pop(map, value);
}

/** bpf_map_peek_elem, for queue and stack: 0 or -errno. */
export function map_peek_elem(map: i64, value: i64): i64 {
  return queue_peek(map, value);
}

/** Copies the key's value to `out`, all CPUs' slots for a per-CPU map. 0 or -errno. Does not count as a use. */
export function sys_lookup(address: u32, key: u32, out: u32): i32 {
  const map = changetype<BpfMap>(<usize>address);
  const at = <i64>address;
  let value: i64 = 0;
  let bytes = map.valueSize;
  switch (map.type) {
    case HASH:
    case LRU_HASH:
    case HASH_OF_MAPS:
    case DEVMAP_HASH:
      value = htab_peek(map, <usize>key);
      break;
    case PERCPU_HASH:
    case LRU_PERCPU_HASH:
      value = htab_peek(map, <usize>key);
      bytes = map.cpuStride * map.cpus;
      break;
    case ARRAY:
      value = array_lookup(at, <i64>key);
      break;
    case PERCPU_ARRAY:
      return percpu_array_copy(map, <usize>key, <usize>out) ? 0 : <i32>-ENOENT;
    case LPM_TRIE:
      value = lpm_lookup(at, <i64>key);
      break;
    case QUEUE:
    case STACK:
      return <i32>queue_peek(at, <i64>out);
    case DEVMAP:
    case CPUMAP:
      value = pairs_lookup(at, <i64>key);
      break;
    default: {
      const object = array_of_maps_lookup(at, <i64>key);
      if (!object) return <i32>-ENOENT;
      store<u32>(<usize>out, <u32>object);
      return 0;
    }
  }
  if (!value) return <i32>-ENOENT;
  copyBytes(<usize>out, <usize>value, bytes);
  return 0;
}

/** Sets the key's value, all CPUs' slots for a per-CPU map. 0 or -errno. */
export function sys_update(address: u32, key: u32, value: u32, flags: u32): i32 {
  const map = changetype<BpfMap>(<usize>address);
  const at = <i64>address;
  switch (map.type) {
    case HASH:
    case LRU_HASH:
    case HASH_OF_MAPS:
    case DEVMAP_HASH:
    case PERCPU_HASH:
    case LRU_PERCPU_HASH:
      return <i32>htab_update_all(at, <i64>key, <i64>value, <i64>flags);
    case ARRAY:
      return <i32>array_update(at, <i64>key, <i64>value, <i64>flags);
    case PERCPU_ARRAY:
      return <i32>percpu_array_update_all(at, <i64>key, <i64>value, <i64>flags);
    case LPM_TRIE:
      return <i32>lpm_update(at, <i64>key, <i64>value, <i64>flags);
    case QUEUE:
    case STACK:
      return <i32>queue_push(at, <i64>value, <i64>flags);
    case DEVMAP:
    case CPUMAP:
      return <i32>pairs_set(map, <usize>key, <usize>value);
  }
  return <i32>slots_update(map, <usize>key, <usize>value, <u64>flags);
}

/** Removes the key. 0 or -errno. */
export function sys_delete(address: u32, key: u32): i32 {
  const map = changetype<BpfMap>(<usize>address);
  switch (map.type) {
    case HASH:
    case LRU_HASH:
    case HASH_OF_MAPS:
    case DEVMAP_HASH:
    case PERCPU_HASH:
    case LRU_PERCPU_HASH:
      return <i32>htab_delete(<i64>address, <i64>key);
    case LPM_TRIE:
      return <i32>lpm_delete(<i64>address, <i64>key);
    case ARRAY:
    case PERCPU_ARRAY:
    case QUEUE:
    case STACK:
      return <i32>-EINVAL;
    case DEVMAP:
    case CPUMAP:
      return <i32>pairs_delete(map, <usize>key);
  }
  return <i32>slots_delete(map, <usize>key);
}

/** Writes the key after `key` (0 or unknown: the first) to `out`. 0 or -errno. */
export function sys_next_key(address: u32, key: u32, out: u32): i32 {
  const map = changetype<BpfMap>(<usize>address);
  switch (map.type) {
    case HASH:
    case LRU_HASH:
    case HASH_OF_MAPS:
    case DEVMAP_HASH:
    case PERCPU_HASH:
    case LRU_PERCPU_HASH:
      return <i32>htab_next_key(map, <usize>key, <usize>out);
    case LPM_TRIE:
      return <i32>lpm_next_key(map, <usize>key, <usize>out);
    case QUEUE:
    case STACK:
      return <i32>-EINVAL;
  }
  return <i32>array_next_key(map, <usize>key, <usize>out);
}

/** As `sys_lookup`, then removes; a queue's or stack's next value is taken. 0 or -errno. */
export function sys_lookup_and_delete(address: u32, key: u32, out: u32): i32 {
  const map = changetype<BpfMap>(<usize>address);
  if (map.type == QUEUE || map.type == STACK) return <i32>queue_pop(<i64>address, <i64>out);
  const result = sys_lookup(address, key, out);
  return result ? result : sys_delete(address, key);
}

/** Where a field of `BpfMap` lies, by its place in the class; for the test that compares with layout.ts. */
export function map_offset(field: i32): u32 {
  switch (field) {
    case 0:
      return <u32>offsetof<BpfMap>("type");
    case 1:
      return <u32>offsetof<BpfMap>("keySize");
    case 2:
      return <u32>offsetof<BpfMap>("valueSize");
    case 3:
      return <u32>offsetof<BpfMap>("maxEntries");
    case 4:
      return <u32>offsetof<BpfMap>("flags");
    case 5:
      return <u32>offsetof<BpfMap>("data");
    case 6:
      return <u32>offsetof<BpfMap>("elemSize");
    case 7:
      return <u32>offsetof<BpfMap>("cpuStride");
    case 8:
      return <u32>offsetof<BpfMap>("buckets");
    case 9:
      return <u32>offsetof<BpfMap>("shift");
    case 10:
      return <u32>offsetof<BpfMap>("valueOffset");
    case 11:
      return <u32>offsetof<BpfMap>("count");
    case 12:
      return <u32>offsetof<BpfMap>("seed");
    case 13:
      return <u32>offsetof<BpfMap>() <= MAP_BYTES ? MAP_BYTES : 0;
  }
  return 0xffffffff;
}
