// array, percpu_array, and the arrays whose slots hold numbers that stand for objects: prog_array, array_of_maps,
// perf_event_array, cgroup_array, devmap, cpumap, xskmap.

import { alloc_zeroed, free } from "../mem/alloc.as";
import { cpu } from "../mem/cpu.as";
import { copyBytes } from "./bytes.as";
import { BPF_EXIST, BPF_NOEXIST, BpfMap, E2BIG, EEXIST, EINVAL, ENOENT, mapAt, roundUp8 } from "./layout.as";

/** Makes the elements, all zero; false if there is no memory. */
export function array_init(map: BpfMap, percpu: bool): bool {
  const elem = roundUp8(map.valueSize);
  const one = <u64>elem * map.maxEntries;
  const all = percpu ? one * map.cpus : one;
  if (all > 0xf0000000) return false;
  map.elemSize = elem;
  map.cpuStride = percpu ? <u32>one : 0;
  map.data = alloc_zeroed(<u32>all);
  return map.data != 0;
}

/** Makes `maxEntries` empty slots of a u32. */
export function slots_init(map: BpfMap): bool {
  const all = <u64>map.maxEntries << 2;
  if (all > 0xf0000000) return false;
  map.elemSize = 4;
  map.data = alloc_zeroed(<u32>all);
  return map.data != 0;
}

export function array_free(map: BpfMap): void {
  free(map.data);
}

@inline
function element(map: BpfMap, index: u32): usize {
  return <usize>(map.data + index * map.elemSize);
}

/** array: the address of an element, or 0 for an index beyond the last. */
export function array_lookup(map: i64, key: i64): i64 {
  const m = mapAt(map);
  const index = load<u32>(<usize>key);
  return index < m.maxEntries ? <i64>element(m, index) : 0;
}

/** percpu_array: the address of the running CPU's element, or 0. */
export function percpu_array_lookup(map: i64, key: i64): i64 {
  const m = mapAt(map);
  const index = load<u32>(<usize>key);
  return index < m.maxEntries ? <i64>(element(m, index) + <usize>(cpu().id * m.cpuStride)) : 0;
}

/** An array of maps: the inner map's address, or 0. */
export function array_of_maps_lookup(map: i64, key: i64): i64 {
  const m = mapAt(map);
  const index = load<u32>(<usize>key);
  return index < m.maxEntries ? <i64>load<u32>(<usize>m.data + (<usize>index << 2)) : 0;
}

@inline
function refuse(map: BpfMap, index: u32, flags: u64): i64 {
  if (flags > BPF_EXIST) return -EINVAL;
  if (index >= map.maxEntries) return -E2BIG;
  return flags == BPF_NOEXIST ? -EEXIST : 0;
}

/** array, from anywhere: copies the value in place. Returns 0 or -errno: EINVAL, E2BIG, EEXIST. */
export function array_update(map: i64, key: i64, value: i64, flags: i64): i64 {
  const m = mapAt(map);
  const index = load<u32>(<usize>key);
  const no = refuse(m, index, <u64>flags);
  if (no) return no;
  copyBytes(element(m, index), <usize>value, m.valueSize);
  return 0;
}

/** percpu_array, from a program: the running CPU's element. */
export function percpu_array_update(map: i64, key: i64, value: i64, flags: i64): i64 {
  const m = mapAt(map);
  const index = load<u32>(<usize>key);
  const no = refuse(m, index, <u64>flags);
  if (no) return no;
  copyBytes(element(m, index) + <usize>(cpu().id * m.cpuStride), <usize>value, m.valueSize);
  return 0;
}

/** percpu_array, from the system call: all CPUs' elements, of a value size rounded up to 8 each. */
export function percpu_array_update_all(map: i64, key: i64, value: i64, flags: i64): i64 {
  const m = mapAt(map);
  const index = load<u32>(<usize>key);
  const no = refuse(m, index, <u64>flags);
  if (no) return no;
  let to = element(m, index);
  let from = <usize>value;
  for (let i: u32 = 0; i < m.cpus; i++) {
    copyBytes(to, from, m.elemSize);
    to += <usize>m.cpuStride;
    from += <usize>m.elemSize;
  }
  return 0;
}

/** Copies all CPUs' elements to `out`; false for an index beyond the last. */
export function percpu_array_copy(map: BpfMap, key: usize, out: usize): bool {
  const index = load<u32>(key);
  if (index >= map.maxEntries) return false;
  let from = element(map, index);
  for (let i: u32 = 0; i < map.cpus; i++) {
    copyBytes(out, from, map.elemSize);
    out += <usize>map.elemSize;
    from += <usize>map.cpuStride;
  }
  return true;
}

/** Writes the index after `key` (0 or beyond the last: index 0) to `out`; -ENOENT after the last. */
export function array_next_key(map: BpfMap, key: usize, out: usize): i64 {
  const index = key ? load<u32>(key) : 0xffffffff;
  if (index >= map.maxEntries) {
    store<u32>(out, 0);
    return 0;
  }
  if (index == map.maxEntries - 1) return -ENOENT;
  store<u32>(out, index + 1);
  return 0;
}

/** A slot's number; 0 for an empty one and beyond the last. */
export function slot_get(map: u32, index: u32): u32 {
  const m = changetype<BpfMap>(<usize>map);
  return index < m.maxEntries ? load<u32>(<usize>m.data + (<usize>index << 2)) : 0;
}

/** Sets a slot that exists and returns what it held. */
export function slot_set(map: u32, index: u32, value: u32): u32 {
  const m = changetype<BpfMap>(<usize>map);
  const at = <usize>m.data + (<usize>index << 2);
  const old = load<u32>(at);
  store<u32>(at, value);
  return old;
}

/** An array of numbers that stand for objects, from the system call: 0 or -errno (EINVAL, E2BIG). */
export function slots_update(map: BpfMap, key: usize, value: usize, flags: u64): i64 {
  if (flags) return -EINVAL;
  const index = load<u32>(key);
  if (index >= map.maxEntries) return -E2BIG;
  store<u32>(element(map, index), load<u32>(value));
  return 0;
}

/** Empties a slot: 0 or -errno (E2BIG, ENOENT for one that is empty). */
export function slots_delete(map: BpfMap, key: usize): i64 {
  const index = load<u32>(key);
  if (index >= map.maxEntries) return -E2BIG;
  const at = element(map, index);
  if (!load<u32>(at)) return -ENOENT;
  store<u32>(at, 0);
  return 0;
}
