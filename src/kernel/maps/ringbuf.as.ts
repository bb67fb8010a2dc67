// ringbuf: records of any length that programs write and user space reads, in Linux's layout, page by page:
//
//   data + 0x0000  the kernel's own: u32 address of the struct bpf_map, u64 (at 8) pending position
//   data + 0x1000  consumer page: u64 consumer position, which user space writes
//   data + 0x2000  producer page: u64 producer position
//   data + 0x3000  `maxEntries` bytes of records, and as many again
//
// A record is a header of 8 bytes (u32 length with BUSY and DISCARD, u32 page number from `data`) and its bytes, padded
// to 8. In Linux the second half is the first, mapped again, so that a record that runs over the end is in one piece.
// Here the part that runs over is copied to the start when the record is committed: headers never lie in it.

import { alloc, free } from "../mem/alloc.as";
import { copyBytes } from "./bytes.as";
import { BpfMap, EAGAIN, EINVAL, mapAt } from "./layout.as";

const PAGE: u32 = 4096;
const CONSUMER: u32 = PAGE;
const PRODUCER: u32 = 2 * PAGE;
const RECORDS: u32 = 3 * PAGE;
const PENDING: u32 = 8;
const HEADER: u32 = 8;

const BUSY: u32 = 1 << 31;
const DISCARD: u32 = 1 << 30;
/** Linux's RINGBUF_MAX_RECORD_SZ. */
const RECORD_MAX: u64 = 0x3fffffff;

const NO_WAKEUP: u64 = 1;
const FORCE_WAKEUP: u64 = 2;

const AVAIL_DATA: u64 = 0;
const RING_SIZE: u64 = 1;
const CONS_POS: u64 = 2;
const PROD_POS: u64 = 3;

/** Makes an empty ring; false if there is no memory. */
export function ringbuf_init(map: BpfMap): bool {
  const bytes = <u64>map.maxEntries * 2 + RECORDS + PAGE;
  if (bytes > 0xf0000000) return false;
  const block = alloc(<u32>bytes);
  if (!block) return false;
  map.block = block;
  map.data = (block + PAGE - 1) & ~(PAGE - 1);
  memory.fill(<usize>map.data, 0, <usize>(RECORDS + 2 * map.maxEntries));
  store<u32>(<usize>map.data, <u32>changetype<usize>(map));
  return true;
}

export function ringbuf_free(map: BpfMap): void {
  free(map.block);
}

@inline
function position(map: BpfMap, page: u32): u64 {
  return load<u64>(<usize>(map.data + page));
}

/** The header of the record at a position. */
@inline
function headerAt(map: BpfMap, pos: u64): usize {
  return <usize>(map.data + RECORDS + (<u32>pos & (map.maxEntries - 1)));
}

@inline
function recordBytes(length: u32): u64 {
  return (<u64>length + HEADER + 7) & ~(<u64>7);
}

/** Moves the pending position over records that are committed: the oldest that a program still writes. */
function pending(map: BpfMap, producer: u64): u64 {
  let pos = position(map, PENDING);
  while (pos < producer) {
    const length = load<u32>(headerAt(map, pos));
    if (length & BUSY) break;
    pos += recordBytes(length & ~DISCARD);
  }
  store<u64>(<usize>(map.data + PENDING), pos);
  return pos;
}

function reserve(map: BpfMap, size: u64): usize {
  if (size > RECORD_MAX) return 0;
  const bytes = recordBytes(<u32>size);
  if (bytes > <u64>map.maxEntries) return 0;
  const producer = position(map, PRODUCER);
  const next = producer + bytes;
  const most = <u64>(map.maxEntries - 1);
  if (next - position(map, CONSUMER) > most || next - pending(map, producer) > most) return 0;
  const header = headerAt(map, producer);
  store<u32>(header, <u32>size | BUSY);
  store<u32>(header, (<u32>header - map.data) >> 12, 4);
  store<u64>(<usize>(map.data + PRODUCER), next);
  return header + HEADER;
}

function commit(record: usize, discard: u32): void {
  const header = record - HEADER;
  const base = (<u32>header & ~(PAGE - 1)) - (load<u32>(header, 4) << 12);
  const map = changetype<BpfMap>(<usize>load<u32>(<usize>base));
  const length = load<u32>(header) & ~BUSY;
  const end = <usize>(base + RECORDS + map.maxEntries);
  if (record + <usize>length > end)
    memory.copy(<usize>(base + RECORDS), end, record + <usize>length - end);
  store<u32>(header, length | discard);
}

/** bpf_ringbuf_reserve: the address of `size` bytes to fill, or 0 if there is no room (or a flag is set). */
export function bpf_ringbuf_reserve(map: i64, size: i64, flags: i64): i64 {
  return flags ? 0 : <i64>reserve(mapAt(map), <u64>size);
}

/** bpf_ringbuf_submit: a record that was reserved is there to be read. */
export function bpf_ringbuf_submit(record: i64, flags: i64): i64 {
  commit(<usize>record, 0);
  return 0;
}

/** bpf_ringbuf_discard: a record that was reserved is to be skipped. */
export function bpf_ringbuf_discard(record: i64, flags: i64): i64 {
  commit(<usize>record, DISCARD);
  return 0;
}

/** bpf_ringbuf_output: copies a record in. 0 or -errno: EINVAL for flags, EAGAIN without room. */
export function bpf_ringbuf_output(map: i64, from: i64, size: i64, flags: i64): i64 {
  if (<u64>flags & ~(NO_WAKEUP | FORCE_WAKEUP)) return -EINVAL;
  const record = reserve(mapAt(map), <u64>size);
  if (!record) return -EAGAIN;
  copyBytes(record, <usize>from, <u32>size);
  commit(record, 0);
  return 0;
}

/** bpf_ringbuf_query: one of the ring's four numbers; 0 for others. */
export function bpf_ringbuf_query(map: i64, what: i64): i64 {
  const m = mapAt(map);
  switch (<u64>what) {
    case AVAIL_DATA:
      return <i64>(position(m, PRODUCER) - position(m, CONSUMER));
    case RING_SIZE:
      return <i64>m.maxEntries;
    case CONS_POS:
      return <i64>position(m, CONSUMER);
    case PROD_POS:
      return <i64>position(m, PRODUCER);
  }
  return 0;
}
