// devmap and cpumap: an array of slots of two u32, `struct bpf_devmap_val` or `struct bpf_cpumap_val` as user space
// reads it: an ifindex or a queue size, which is 0 in an empty slot, and the id of a program or 0.

import { alloc_zeroed } from "../mem/alloc.as";
import { copyBytes } from "./bytes.as";
import { BpfMap, EINVAL, mapAt } from "./layout.as";

const SLOT_BYTES: u32 = 8;

/** Makes the slots, all empty; false if there is no memory. `array_free` gives them back. */
export function pairs_init(map: BpfMap): bool {
  const all = <u64>map.maxEntries * SLOT_BYTES;
  if (all > 0xf0000000) return false;
  map.elemSize = SLOT_BYTES;
  map.data = alloc_zeroed(<u32>all);
  return map.data != 0;
}

@inline
function slot(map: BpfMap, index: u32): usize {
  return <usize>(map.data + index * SLOT_BYTES);
}

/** The address of a filled slot, or 0. */
export function pairs_lookup(map: i64, key: i64): i64 {
  const m = mapAt(map);
  const index = load<u32>(<usize>key);
  if (index >= m.maxEntries) return 0;
  const at = slot(m, index);
  return load<u32>(at) ? <i64>at : 0;
}

/** Sets a slot that exists, from a value of 4 or 8 bytes; a first word of 0 empties it. */
export function pairs_set(map: BpfMap, key: usize, value: usize): i64 {
  const at = slot(map, load<u32>(key));
  store<u64>(at, 0);
  copyBytes(at, value, map.valueSize);
  return 0;
}

/** Empties a slot: 0, or -EINVAL beyond the last. */
export function pairs_delete(map: BpfMap, key: usize): i64 {
  const index = load<u32>(key);
  if (index >= map.maxEntries) return -EINVAL;
  store<u64>(slot(map, index), 0);
  return 0;
}
