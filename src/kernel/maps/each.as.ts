// Walking a map while programs change it: the primitive of bpf_for_each_map_elem. The caller keeps a cursor of
// CURSOR_BYTES in linear memory, zeroed to start, and asks for one element after the other.
//
//   +0  u32  key's address, of the element that was given last
//   +4  u32  value's address (of the running CPU)
//   +8  u32  where to go on: the index of the next element or bucket, plus 1
//   +12 u32  hash: the element that was given last
//   +16 u32  hash: the one that followed it then; array: the index, which is its own key
//
// An element that is deleted before its turn is not given. No other is left out, unless both the element given last
// and the one after it in its bucket are deleted in between; then the rest of that bucket may be.

import { cpu } from "../mem/cpu.as";
import {
  ARRAY,
  BpfMap,
  HASH,
  LRU_HASH,
  LRU_PERCPU_HASH,
  PERCPU_ARRAY,
  PERCPU_HASH,
  mapAt,
} from "./layout.as";

/**
 * Moves the cursor to the next element: 1, or 0 after the last (and for types that have no such walk). Works on hash,
 * percpu_hash, lru_hash, lru_percpu_hash, array and percpu_array.
 */
export function map_each_next(map: i64, cursor: i64): i64 {
  const m = mapAt(map);
  switch (m.type) {
    case ARRAY:
    case PERCPU_ARRAY:
      return nextIndex(m, <usize>cursor);
    case HASH:
    case PERCPU_HASH:
    case LRU_HASH:
    case LRU_PERCPU_HASH:
      return nextElement(m, <usize>cursor);
  }
  return 0;
}

function nextIndex(map: BpfMap, cursor: usize): i64 {
  const index = load<u32>(cursor, 8);
  if (index >= map.maxEntries) return 0;
  store<u32>(cursor, index, 16);
  store<u32>(cursor, <u32>cursor + 16);
  store<u32>(cursor, map.data + index * map.elemSize + cpu().id * map.cpuStride, 4);
  store<u32>(cursor, index + 1, 8);
  return 1;
}

/** True if the element is in the bucket's chain now. */
function isIn(head: usize, e: usize): bool {
  let at = <usize>load<u32>(head);
  while (at && at != e) at = <usize>load<u32>(at);
  return at != 0;
}

function nextElement(map: BpfMap, cursor: usize): i64 {
  const count: u32 = 1 << (64 - map.shift);
  let index = load<u32>(cursor, 8);
  const last = <usize>load<u32>(cursor, 12);
  let e: usize = 0;
  if (last) {
    const head = <usize>map.buckets + (<usize>(index - 1) << 2);
    const after = <usize>load<u32>(cursor, 16);
    if (isIn(head, last)) e = <usize>load<u32>(last);
    else if (after && isIn(head, after)) e = after;
  }
  while (!e && index < count) {
    e = <usize>load<u32>(<usize>map.buckets + (<usize>index << 2));
    index++;
  }
  if (!e) return 0;
  store<u32>(cursor, <u32>e + 8);
  store<u32>(cursor, <u32>e + map.valueOffset + cpu().id * map.cpuStride, 4);
  store<u32>(cursor, index, 8);
  store<u32>(cursor, <u32>e, 12);
  store<u32>(cursor, load<u32>(e), 16);
  return 1;
}
