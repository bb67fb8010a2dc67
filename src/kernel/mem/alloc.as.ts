// The allocator of the kernel's linear memory above the CPU blocks: two-level segregated fit with immediate
// coalescing, so alloc and free take constant time whatever the sizes.
//
// A block is an 8-byte header and its payload:
//
//   +0  u32  payload bytes (a multiple of 8) | FREE | PREV_FREE
//   +4  u32  address of the block before it in memory (0: first of its region)
//   +8       payload; in a free block the next and previous free block of its size class
//
// All state is in linear memory (not in globals), where every instance over the same memory finds it.

const HEADER: usize = 8;
const FREE: u32 = 1;
const PREV_FREE: u32 = 2;
const FLAGS: u32 = 7;
const MIN_PAYLOAD: u32 = 8;
/** Payloads above this are refused: sizes must stay clear of the 32-bit wrap. */
const MAX_PAYLOAD: u32 = 0xf0000000;

/** Second-level classes per power of two, as a shift. */
const SL_SHIFT: u32 = 4;
const SL: u32 = 16;
/** Sizes below this (SL << 3) are in first-level class 0, one list per size. */
const SMALL: u32 = 128;
const FL: u32 = 26;
const PAGE: u32 = 65536;

@unmanaged
class Heap {
  /** Payload bytes of the blocks that are out, and how many blocks those are. */
  used: u32;
  blocks: u32;
  /** The end of the region that grows last; its last 8 bytes are a sentinel block. */
  end: u32;
  /** From here up to `end` nothing was ever handed out: memory is still zero. */
  fresh: u32;
  /** Addresses at or above this are not given out. */
  limit: u32;
  flMap: u32;
}

const heap = changetype<Heap>(memory.data(24, 8));
const SL_MAPS: usize = memory.data(104, 8);
const HEADS: usize = memory.data(1664, 8);

@inline
function sizeOf(b: usize): u32 {
  return load<u32>(b) & ~FLAGS;
}

@inline
function nextOf(b: usize): usize {
  return b + HEADER + <usize>sizeOf(b);
}

/** The class that a payload of `size` bytes belongs to, as first level * SL + second level. */
@inline
function classOf(size: u32): u32 {
  if (size < SMALL) return size >> 3;
  const log = 31 - clz(size);
  return ((log - 6) << SL_SHIFT) + ((size >> (log - SL_SHIFT)) & (SL - 1));
}

function insertFree(b: usize): void {
  const c = classOf(sizeOf(b));
  const head = HEADS + (<usize>c << 2);
  const first = <usize>load<u32>(head);
  store<u32>(b, <u32>first, 8);
  store<u32>(b, 0, 12);
  if (first) store<u32>(first, <u32>b, 12);
  store<u32>(head, <u32>b);
  const fl = c >> SL_SHIFT;
  const slMap = SL_MAPS + (<usize>fl << 2);
  store<u32>(slMap, load<u32>(slMap) | (1 << (c & (SL - 1))));
  heap.flMap |= 1 << fl;
}

function removeFree(b: usize): void {
  const next = <usize>load<u32>(b, 8);
  const prev = <usize>load<u32>(b, 12);
  if (next) store<u32>(next, <u32>prev, 12);
  if (prev) {
    store<u32>(prev, <u32>next, 8);
    return;
  }
  const c = classOf(sizeOf(b));
  store<u32>(HEADS + (<usize>c << 2), <u32>next);
  if (next) return;
  const fl = c >> SL_SHIFT;
  const slMap = SL_MAPS + (<usize>fl << 2);
  const left = load<u32>(slMap) & ~(1 << (c & (SL - 1)));
  store<u32>(slMap, left);
  if (!left) heap.flMap &= ~(1 << fl);
}

/** A free block of at least `size` bytes, or 0. */
function find(size: u32): usize {
  // Rounded up to the next class, so that any block of the class found is large enough.
  let c: u32;
  if (size < SMALL) c = size >> 3;
  else {
    const round: u32 = (1 << (31 - clz(size) - SL_SHIFT)) - 1;
    c = classOf(size + round);
  }
  let fl = c >> SL_SHIFT;
  if (fl >= FL) return 0;
  let map = load<u32>(SL_MAPS + (<usize>fl << 2)) & (~(<u32>0) << (c & (SL - 1)));
  if (!map) {
    const above = fl + 1 >= 32 ? 0 : heap.flMap & (~(<u32>0) << (fl + 1));
    if (!above) return 0;
    fl = ctz(above);
    map = load<u32>(SL_MAPS + (<usize>fl << 2));
  }
  return <usize>load<u32>(HEADS + (<usize>((fl << SL_SHIFT) + ctz(map)) << 2));
}

/** Marks the block free, joins it with its free neighbours and files it. */
function release(b: usize): void {
  let size = sizeOf(b);
  const next = nextOf(b);
  if (load<u32>(next) & FREE) {
    removeFree(next);
    size += <u32>HEADER + sizeOf(next);
  }
  let flags = load<u32>(b) & PREV_FREE;
  if (flags) {
    const prev = <usize>load<u32>(b, 4);
    removeFree(prev);
    size += <u32>HEADER + sizeOf(prev);
    b = prev;
    flags = 0;
  }
  store<u32>(b, size | FREE | flags);
  const after = nextOf(b);
  store<u32>(after, load<u32>(after) | PREV_FREE);
  store<u32>(after, <u32>b, 4);
  insertFree(b);
}

/** Adds memory for a payload of `size` bytes at the end; false when the limit or the host refuses. */
function grow(size: u32): bool {
  const have = <u32>memory.size();
  const contiguous = heap.end != 0 && <u64>have * PAGE == <u64>heap.end;
  // One class of slack, so that `find` accepts what was added.
  const want = <u64>size + (<u64>size >> SL_SHIFT) + 64;
  let pages = <u32>((want + PAGE - 1) / PAGE);
  // Growing by an eighth of what there is keeps the number of growths small.
  const more = have >> 3;
  const most: u32 = heap.limit / PAGE;
  if (have >= most) return false;
  if (pages < more) pages = more;
  if (have + pages > most) {
    pages = <u32>((want + PAGE - 1) / PAGE);
    if (have + pages > most) return false;
  }
  if (memory.grow(<i32>pages) < 0) return false;
  const start = have * PAGE;
  // The last page of a 4 GiB memory is left out: its end does not fit an address.
  let bytes = pages * PAGE;
  if (<u64>start + bytes > 0xffff0000) bytes -= PAGE;
  if (contiguous) extend(bytes);
  else region(start, bytes);
  return true;
}

/** Starts a region of `bytes` at `start`: one free block and the sentinel. */
function region(start: u32, bytes: u32): void {
  const b = <usize>start;
  store<u32>(b, bytes - 16);
  store<u32>(b, 0, 4);
  const end = start + bytes;
  const sentinel = <usize>end - HEADER;
  store<u32>(sentinel, 0);
  store<u32>(sentinel, start, 4);
  heap.end = end;
  heap.fresh = start;
  release(b);
}

/** Adds `bytes` that follow the last region: its sentinel becomes the header of a free block. */
function extend(bytes: u32): void {
  const b = <usize>heap.end - HEADER;
  const end = heap.end + bytes;
  const sentinel = <usize>end - HEADER;
  heap.end = end;
  store<u32>(b, (bytes - <u32>HEADER) | (load<u32>(b) & PREV_FREE));
  store<u32>(sentinel, 0);
  store<u32>(sentinel, <u32>b, 4);
  const merges = (load<u32>(b) & PREV_FREE) != 0;
  release(b);
  // A header that vanished in the middle of fresh memory must not be seen as contents later.
  if (merges) store<u64>(b, 0);
  else if (<u32>b + 16 > heap.fresh) heap.fresh = <u32>b + 16;
}

/** Takes [start, memory's end) as the heap, giving out addresses below `limit` (at most 0xffff0000). */
export function alloc_init(start: u32, limit: u32): void {
  heap.used = 0;
  heap.blocks = 0;
  heap.end = 0;
  heap.limit = limit;
  heap.flMap = 0;
  memory.fill(SL_MAPS, 0, 104);
  memory.fill(HEADS, 0, 1664);
  const have = <u32>memory.size() * PAGE;
  if (have >= start + 64) region(start, have - start);
}

/**
 * Memory of at least `size` bytes, aligned to 8, or 0 when there is none. Contents are arbitrary.
 * The caller owns it and gives it back with `free`.
 */
export function alloc(size: u32): u32 {
  if (size > MAX_PAYLOAD) return 0;
  const want = size < MIN_PAYLOAD ? MIN_PAYLOAD : (size + 7) & ~7;
  let b = find(want);
  if (!b) {
    if (!grow(want)) return 0;
    b = find(want);
    if (!b) return 0;
  }
  removeFree(b);
  const have = sizeOf(b);
  const prevFree = load<u32>(b) & PREV_FREE;
  let got = have;
  if (have - want >= <u32>HEADER + MIN_PAYLOAD) {
    got = want;
    const rest = b + HEADER + <usize>want;
    store<u32>(rest, (have - want - <u32>HEADER) | FREE);
    store<u32>(rest, <u32>b, 4);
    const after = nextOf(rest);
    store<u32>(after, <u32>rest, 4);
    insertFree(rest);
    // The rest's header and links are no longer zero.
    if (<u32>rest + 16 > heap.fresh) heap.fresh = <u32>rest + 16;
  } else {
    const after = nextOf(b);
    store<u32>(after, load<u32>(after) & ~PREV_FREE);
    if (<u32>after > heap.fresh) heap.fresh = <u32>after;
  }
  store<u32>(b, got | prevFree);
  heap.used += got;
  heap.blocks++;
  return <u32>(b + HEADER);
}

/** As `alloc`, with zeros for contents; memory that was never handed out before is not touched. */
export function alloc_zeroed(size: u32): u32 {
  const fresh = heap.fresh;
  const end = heap.end;
  const p = alloc(size);
  if (!p) return 0;
  const got = sizeOf(<usize>p - HEADER);
  // A new region, not joined to the old one, starts its own fresh part.
  const limit = heap.end != end && p >= end ? p + 8 : fresh;
  const dirty = limit <= p ? 8 : limit - p < got ? limit - p : got;
  memory.fill(<usize>p, 0, <usize>(dirty < 8 ? 8 : dirty));
  return p;
}

/** Gives back what `alloc` gave; 0 is ignored. */
export function free(p: u32): void {
  if (!p) return;
  const b = <usize>p - HEADER;
  heap.used -= sizeOf(b);
  heap.blocks--;
  release(b);
}

/** The payload bytes of the block at `p`: what was asked for, rounded up. */
export function alloc_size(p: u32): u32 {
  return sizeOf(<usize>p - HEADER);
}

/** Payload bytes that are handed out now, for leak checks. */
export function alloc_used(): u32 {
  return heap.used;
}

/** Blocks that are handed out now, for leak checks. */
export function alloc_blocks(): u32 {
  return heap.blocks;
}
