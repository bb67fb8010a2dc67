// queue and stack: values without keys in a ring of one place more than there may be elements, so that full and empty
// differ.

import { alloc, free } from "../mem/alloc.as";
import { copyBytes } from "./bytes.as";
import { BPF_EXIST, BpfMap, E2BIG, EINVAL, ENOENT, STACK, mapAt, roundUp8 } from "./layout.as";

/** Makes the ring; false if there is no memory. */
export function queue_init(map: BpfMap): bool {
  map.elemSize = roundUp8(map.valueSize);
  const bytes = (<u64>map.maxEntries + 1) * map.elemSize;
  if (bytes > 0xf0000000) return false;
  map.data = alloc(<u32>bytes);
  return map.data != 0;
}

export function queue_free(map: BpfMap): void {
  free(map.data);
}

@inline
function place(map: BpfMap, i: u32): usize {
  return <usize>(map.data + i * map.elemSize);
}

@inline
function after(map: BpfMap, i: u32): u32 {
  return i == map.maxEntries ? 0 : i + 1;
}

/**
 * Adds a value; BPF_EXIST drops the oldest of a full map. Returns 0 or -errno: EINVAL, E2BIG.
 */
export function queue_push(map: i64, value: i64, flags: i64): i64 {
  const m = mapAt(map);
  if (flags != 0 && <u64>flags != BPF_EXIST) return -EINVAL;
  if (m.count == m.maxEntries) {
    if (!flags) return -E2BIG;
    m.tail = after(m, m.tail);
    m.count--;
  }
  copyBytes(place(m, m.head), <usize>value, m.valueSize);
  m.head = after(m, m.head);
  m.count++;
  return 0;
}

function read(m: BpfMap, value: usize, remove: bool): i64 {
  if (!m.count) {
    memory.fill(value, 0, <usize>m.valueSize);
    return -ENOENT;
  }
  const newest = m.head ? m.head - 1 : m.maxEntries;
  const i = m.type == STACK ? newest : m.tail;
  copyBytes(value, place(m, i), m.valueSize);
  if (remove) {
    if (m.type == STACK) m.head = newest;
    else m.tail = after(m, m.tail);
    m.count--;
  }
  return 0;
}

/** Takes the next value: a queue's oldest, a stack's newest. -ENOENT (and a zero value) if there is none. */
export function queue_pop(map: i64, value: i64): i64 {
  return read(mapAt(map), <usize>value, true);
}

/** Reads the next value and leaves it. */
export function queue_peek(map: i64, value: i64): i64 {
  return read(mapAt(map), <usize>value, false);
}
