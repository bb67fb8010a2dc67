// The nodes that longest-prefix lookups walk, one key byte a step (or two at a wide root). A node stands for 256
// slots, stored as runs of equal slots:
//
//   +0   u32  the element of the slot that leads here, 0 for none
//   +4   u16  runs that there is room for     +6  u16  runs
//   +8   u8[4] runs that start before bit 0, 64, 128, 192
//   +16  u64[4] a bit for each slot: 1 where a run starts (slot 0 always does)
//   +48  u32[] the run's slot: 0, an element, or a node's address + 1
//
// A prefix lives in the one node in whose byte it ends, over all the slots that it covers and no longer prefix does.
// So a change touches one node, and a lookup keeps the last element that it passed.

import { alloc, alloc_zeroed, free } from "../mem/alloc.as";
import { BpfMap } from "./layout.as";

const BITS: u32 = 16;
const RUNS: u32 = 48;
const WIDE_BYTES: u32 = 65536 << 2;

/** The 256 slots of the node that is being changed. */
const slots: usize = memory.data(1024, 8);

/** Prepares the root: a node that isn't there yet. */
export function nodesInit(map: BpfMap): void {
  map.rootBits = 8;
  map.root = 0;
  map.fallback = 0;
}

/** The element of the longest prefix of the full key `data`, or 0. */
@inline
export function nodesLookup(map: BpfMap, data: usize): usize {
  let best = map.fallback;
  let w: u32;
  if (map.rootBits == 16) {
    w = load<u32>(<usize>map.root + ((<usize>load<u8>(data) << 10) | (<usize>load<u8>(data, 1) << 2)));
    data += 2;
  } else w = map.root;
  while (w & 1) {
    const node = <usize>w - 1;
    const e = load<u32>(node);
    best = e ? e : best;
    w = load<u32>(runOf(node, <u32>load<u8>(data)));
    data++;
  }
  return <usize>(w ? w : best);
}

/** The address of the word of the run that slot `b` is in. */
@inline
function runOf(node: usize, b: u32): usize {
  const word = <usize>(b >> 6);
  const starts = load<u64>(node + (word << 3), BITS) << <u64>(63 - (b & 63));
  const rank = <usize>load<u8>(node + word, 8) + <usize>popcnt(starts);
  return node + (rank << 2) + (RUNS - 4);
}

/** Writes the node's slots to `slots`. */
function expand(node: usize): void {
  let run = node + RUNS - 4;
  for (let b: u32 = 0; b < 256; b++) {
    if ((load<u64>(node + (<usize>(b >> 6) << 3), BITS) >> <u64>(b & 63)) & 1) run += 4;
    store<u32>(slots + (<usize>b << 2), load<u32>(run));
  }
}

/** Makes the node hold `slots`: the same node, another one if it was too small, 0 if there is no memory for that. */
function compress(node: usize): usize {
  let runs: u32 = 1;
  for (let b: usize = 4; b < 1024; b += 4) {
    if (load<u32>(slots + b) != load<u32>(slots + b - 4)) runs++;
  }
  if (runs > <u32>load<u16>(node, 4)) {
    const room = min<u32>(runs + (runs >> 2) + 1, 256);
    const other = <usize>alloc(RUNS + (room << 2));
    if (!other) return 0;
    store<u32>(other, load<u32>(node));
    store<u16>(other, <u16>room, 4);
    free(<u32>node);
    node = other;
  }
  store<u16>(node, <u16>runs, 6);
  let run = node + RUNS;
  let before: u32 = 0;
  let last: u32 = 0;
  for (let word: usize = 0; word < 4; word++) {
    let starts: u64 = 0;
    store<u8>(node + word, <u8>before, 8);
    for (let i: u32 = 0; i < 64; i++) {
      const w = load<u32>(slots + (word << 8) + (<usize>i << 2));
      if (w == last && (word | <usize>i) != 0) continue;
      starts |= <u64>1 << <u64>i;
      store<u32>(run, w);
      run += 4;
      before++;
      last = w;
    }
    store<u64>(node + (word << 3), starts, BITS);
  }
  return node;
}

/** A node with 256 empty slots under a slot that held `element`; 0 if there is no memory. */
function newNode(element: u32): usize {
  const room: u32 = 4;
  const node = <usize>alloc(RUNS + (room << 2));
  if (!node) return 0;
  store<u32>(node, element);
  store<u16>(node, <u16>room, 4);
  memory.fill(slots, 0, 1024);
  return compress(node);
}

/** Puts `element` in a slot where nothing longer than `prefix` is. */
@inline
function putSlot(at: usize, prefix: u32, element: u32): void {
  const w = load<u32>(at);
  const place = w & 1 ? <usize>w - 1 : at;
  const now = load<u32>(place);
  if (!now || load<u32>(<usize>now, 8) <= prefix) store<u32>(place, element);
}

/** Puts `other` in a slot that `element` is in. */
@inline
function swapSlot(at: usize, element: u32, other: u32): void {
  const w = load<u32>(at);
  const place = w & 1 ? <usize>w - 1 : at;
  if (load<u32>(place) == element) store<u32>(place, other);
}

/** The first of the slots that a prefix covers among the 2^bits that start at bit `depth`. */
@inline
function firstSlot(index: u32, count: u32): u32 {
  return index & ~(count - 1);
}

@inline
function wideIndex(data: usize): u32 {
  return (<u32>load<u8>(data) << 8) | <u32>load<u8>(data, 1);
}

/** Enters an element of `prefix` bits, over an older one of the same prefix if there is one. False: no memory. */
export function nodesPut(map: BpfMap, data: usize, prefix: u32, element: u32): bool {
  if (!prefix) {
    map.fallback = element;
    return true;
  }
  let link = changetype<usize>(map) + offsetof<BpfMap>("root");
  let depth: u32 = 0;
  if (map.rootBits == 16) {
    const index = wideIndex(data);
    if (prefix <= 16) {
      const count: u32 = 1 << (16 - prefix);
      let at = <usize>map.root + (<usize>firstSlot(index, count) << 2);
      for (let i: u32 = 0; i < count; i++, at += 4) putSlot(at, prefix, element);
      return true;
    }
    link = <usize>map.root + (<usize>index << 2);
    depth = 16;
  }
  while (true) {
    let w = load<u32>(link);
    if (!(w & 1)) {
      const made = newNode(w);
      if (!made) return false;
      w = <u32>made + 1;
      store<u32>(link, w);
    }
    let node = <usize>w - 1;
    const b = <u32>load<u8>(data + <usize>(depth >> 3));
    if (prefix <= depth + 8) {
      const count: u32 = 1 << (depth + 8 - prefix);
      expand(node);
      let at = slots + (<usize>firstSlot(b, count) << 2);
      for (let i: u32 = 0; i < count; i++, at += 4) putSlot(at, prefix, element);
      node = compress(node);
      if (!node) return false;
      store<u32>(link, <u32>node + 1);
      return true;
    }
    const run = runOf(node, b);
    const child = load<u32>(run);
    if (!(child & 1)) {
      // The slot leaves its run: it gets a word of its own, which leads to a node.
      const made = newNode(child);
      if (!made) return false;
      expand(node);
      store<u32>(slots + (<usize>b << 2), <u32>made + 1);
      node = compress(node);
      if (!node) {
        free(<u32>made);
        return false;
      }
      store<u32>(link, <u32>node + 1);
    }
    link = runOf(node, b);
    depth += 8;
  }
}

/** Takes an element of `prefix` bits out; `shorter` (or 0) is the next one that ends in the same node. */
export function nodesRemove(map: BpfMap, data: usize, prefix: u32, element: u32, shorter: u32): void {
  if (!prefix) {
    map.fallback = 0;
    return;
  }
  if (map.rootBits == 8) {
    map.root = removeIn(map.root, 0, data, prefix, element, shorter);
    return;
  }
  const index = wideIndex(data);
  if (prefix > 16) {
    const link = <usize>map.root + (<usize>index << 2);
    store<u32>(link, removeIn(load<u32>(link), 16, data, prefix, element, shorter));
    return;
  }
  const count: u32 = 1 << (16 - prefix);
  let at = <usize>map.root + (<usize>firstSlot(index, count) << 2);
  for (let i: u32 = 0; i < count; i++, at += 4) swapSlot(at, element, shorter);
}

/** Removes below a word that leads to a node; returns what the word must be then. Runs only ever get fewer. */
function removeIn(w: u32, depth: u32, data: usize, prefix: u32, element: u32, shorter: u32): u32 {
  const node = <usize>w - 1;
  const b = <u32>load<u8>(data + <usize>(depth >> 3));
  if (prefix > depth + 8) {
    const child = load<u32>(runOf(node, b));
    const now = removeIn(child, depth + 8, data, prefix, element, shorter);
    if (now == child) return w;
    expand(node);
    store<u32>(slots + (<usize>b << 2), now);
  } else {
    const count: u32 = 1 << (depth + 8 - prefix);
    expand(node);
    let at = slots + (<usize>firstSlot(b, count) << 2);
    for (let i: u32 = 0; i < count; i++, at += 4) swapSlot(at, element, shorter);
  }
  compress(node);
  if (load<u16>(node, 6) != 1 || load<u32>(node, RUNS)) return w;
  const over = load<u32>(node);
  free(<u32>node);
  return over;
}

/** Frees the nodes below a word. */
function freeBelow(w: u32): void {
  if (!(w & 1)) return;
  const node = <usize>w - 1;
  const runs = <u32>load<u16>(node, 6);
  for (let i: u32 = 0; i < runs; i++) freeBelow(load<u32>(node + (<usize>i << 2), RUNS));
  free(<u32>node);
}

/** Gives all nodes back. */
export function nodesFree(map: BpfMap): void {
  if (map.rootBits == 8) {
    freeBelow(map.root);
  } else {
    const end = <usize>map.root + <usize>WIDE_BYTES;
    for (let at = <usize>map.root; at < end; at += 4) freeBelow(load<u32>(at));
    free(map.root);
  }
  map.root = 0;
}

/** Enters all elements of a subtree of the binary trie. */
function putAll(map: BpfMap, n: usize): bool {
  if (!n) return true;
  if (!load<u32>(n, 12) && !nodesPut(map, n + 16, load<u32>(n, 8), <u32>n)) return false;
  return putAll(map, <usize>load<u32>(n)) && putAll(map, <usize>load<u32>(n, 4));
}

/** Makes the root a table over the first 16 bits. Without the memory for it, all stays as it is. */
export function nodesWiden(map: BpfMap): void {
  const table = alloc_zeroed(WIDE_BYTES);
  if (!table) return;
  const old = map.root;
  map.root = table;
  map.rootBits = 16;
  const done = putAll(map, <usize>map.trie);
  if (!done) nodesFree(map);
  if (done) freeBelow(old);
  else {
    map.root = old;
    map.rootBits = 8;
  }
}
