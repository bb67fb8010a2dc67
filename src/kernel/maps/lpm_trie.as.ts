// lpm_trie: longest prefix match. A key is a u32 prefix length (in bits, host order) and the data, first bit first.
//
// Two structures over the same elements. A binary trie with compressed paths is the truth: exact matches, order and
// removal go by it. Lookups walk byte-wise nodes (lpm_node.as.ts) that are kept in step with it; for long keys, whose
// byte-wise chains would cost too much memory, they walk the binary trie.
//
// A node of the binary trie is an element or, where two paths part and nothing ends, a branch:
//
//   +0 u32 child for bit 0   +4 u32 child for bit 1   +8 u32 prefix length   +12 u32 1: branch
//   +16 data, padded to 8 with zeros   +valueOffset value

import { copyBytes, tailWord } from "./bytes.as";
import {
  BPF_EXIST,
  BPF_NOEXIST,
  BpfMap,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENOSPC,
  mapAt,
  roundUp8,
} from "./layout.as";
import { nodesFree, nodesInit, nodesLookup, nodesPut, nodesRemove, nodesWiden } from "./lpm_node.as";
import { poolFree, poolGive, poolInit, poolTake } from "./pool.as";

const DATA: u32 = 16;
/** Keys with more bytes of data than this have no byte-wise nodes. */
const NODES_DATA_MAX: u32 = 32;
/** From this many elements on, the root of the byte-wise nodes is a table of 65536 slots (256 KiB). */
const WIDE_FROM: u32 = 4096;

@inline
function prefixOf(n: usize): u32 {
  return load<u32>(n, 8);
}

@inline
function isBranch(n: usize): bool {
  return load<u32>(n, 12) != 0;
}

/** Bit `i` of data, the first bit being the highest of the first byte. */
@inline
function bitOf(data: usize, i: u32): u32 {
  return (<u32>load<u8>(data + <usize>(i >> 3)) >> (7 - (i & 7))) & 1;
}

/** How many leading bits two data have in common, at most `limit`; `size` is the bytes of each. */
function commonBits(a: usize, b: usize, size: u32, limit: u32): u32 {
  let done: u32 = 0;
  while (size >= 8) {
    const x = load<u64>(a) ^ load<u64>(b);
    if (x) {
      done += <u32>clz(bswap(x));
      return done < limit ? done : limit;
    }
    done += 64;
    if (done >= limit) return limit;
    a += 8;
    b += 8;
    size -= 8;
  }
  if (size) {
    const x = tailWord(a, size) ^ tailWord(b, size);
    done += x ? <u32>clz(bswap(x)) : size << 3;
  }
  return done < limit ? done : limit;
}

@inline
function hasNodes(map: BpfMap): bool {
  return map.rootBits != 0;
}

/** Makes an empty trie; false if there is no memory. */
export function lpm_init(map: BpfMap): bool {
  map.dataSize = map.keySize - 4;
  map.maxPrefix = map.dataSize << 3;
  map.valueOffset = DATA + roundUp8(map.dataSize);
  // Branches come from the same pool; how many elements there are is limited by `count`.
  if (!poolInit(map, map.valueOffset + roundUp8(map.valueSize), 0xffffffff, 0)) return false;
  if (map.dataSize <= NODES_DATA_MAX) nodesInit(map);
  return true;
}

/** Gives back what the trie holds. */
export function lpm_free(map: BpfMap): void {
  if (hasNodes(map)) nodesFree(map);
  poolFree(map);
}

/** The element with exactly this prefix, or 0. */
function findExact(map: BpfMap, data: usize, prefix: u32): usize {
  let n = <usize>map.trie;
  while (n) {
    const p = prefixOf(n);
    if (commonBits(n + DATA, data, map.dataSize, min<u32>(p, prefix)) != p) return 0;
    if (p == prefix) return isBranch(n) ? 0 : n;
    n = <usize>load<u32>(n + <usize>(bitOf(data, p) << 2));
  }
  return 0;
}

/** The element with the longest prefix of `data` that has between `least` and `most` bits, or 0. */
function findLongest(map: BpfMap, data: usize, least: u32, most: u32): usize {
  let best: usize = 0;
  let n = <usize>map.trie;
  while (n) {
    const p = prefixOf(n);
    if (p > most || commonBits(n + DATA, data, map.dataSize, p) != p) break;
    if (p >= least && !isBranch(n)) best = n;
    if (p == most || p == map.maxPrefix) break;
    n = <usize>load<u32>(n + <usize>(bitOf(data, p) << 2));
  }
  return best;
}

/** The address of the value of the longest prefix that matches and is no longer than the key's own, or 0. */
export function lpm_lookup(map: i64, key: i64): i64 {
  const m = mapAt(map);
  const prefix = load<u32>(<usize>key);
  const data = <usize>key + 4;
  let e: usize;
  if (prefix == m.maxPrefix && hasNodes(m)) e = nodesLookup(m, data);
  else e = prefix > m.maxPrefix ? 0 : findLongest(m, data, 0, prefix);
  return e ? <i64>(e + <usize>m.valueOffset) : 0;
}

/** Adds or replaces a prefix. Returns 0 or -errno: EINVAL, EEXIST, ENOENT, ENOSPC, ENOMEM. */
export function lpm_update(map: i64, key: i64, value: i64, flags: i64): i64 {
  const m = mapAt(map);
  const prefix = load<u32>(<usize>key);
  const data = <usize>key + 4;
  if (<u64>flags > BPF_EXIST || prefix > m.maxPrefix) return -EINVAL;
  const size = m.dataSize;
  let link = changetype<usize>(m) + offsetof<BpfMap>("trie");
  let common: u32 = 0;
  let n = <usize>load<u32>(link);
  while (n) {
    const p = prefixOf(n);
    common = commonBits(n + DATA, data, size, min<u32>(p, prefix));
    if (common < p || p == prefix) break;
    link = n + <usize>(bitOf(data, p) << 2);
    n = <usize>load<u32>(link);
  }
  const same = n != 0 && common == prefix && prefixOf(n) == prefix;
  const replaces = same && !isBranch(n);
  if (replaces) {
    if (<u64>flags == BPF_NOEXIST) return -EEXIST;
  } else {
    if (<u64>flags == BPF_EXIST) return -ENOENT;
    if (m.count >= m.maxEntries) return -ENOSPC;
  }
  const e = poolTake(m);
  if (!e) return -ENOMEM;
  store<u64>(e, 0);
  store<u32>(e, prefix, 8);
  store<u32>(e, 0, 12);
  if (size) store<u64>(e + DATA + <usize>(roundUp8(size) - 8), 0);
  copyBytes(e + DATA, data, size);
  copyBytes(e + <usize>m.valueOffset, <usize>value, m.valueSize);
  const branches = n != 0 && !same && common < prefix;
  const branch = branches ? poolTake(m) : 0;
  if ((branches && !branch) || (hasNodes(m) && !nodesPut(m, data, prefix, <u32>e))) {
    if (branch) poolGive(m, branch);
    poolGive(m, e);
    return -ENOMEM;
  }
  if (same) {
    store<u64>(e, load<u64>(n));
    store<u32>(link, <u32>e);
    poolGive(m, n);
  } else if (branches) {
    store<u32>(branch, common, 8);
    store<u32>(branch, 1, 12);
    copyBytes(branch + DATA, e + DATA, roundUp8(size));
    const bit = <usize>(bitOf(data, common) << 2);
    store<u32>(branch + bit, <u32>e);
    store<u32>(branch + (bit ^ 4), <u32>n);
    store<u32>(link, <u32>branch);
  } else {
    if (n) store<u32>(e + <usize>(bitOf(n + DATA, prefix) << 2), <u32>n);
    store<u32>(link, <u32>e);
  }
  if (!replaces) {
    m.count++;
    if (m.count >= WIDE_FROM && m.rootBits == 8 && size > 1) nodesWiden(m);
  }
  return 0;
}

/** Removes exactly this prefix. Returns 0 or -errno: EINVAL, ENOENT. */
export function lpm_delete(map: i64, key: i64): i64 {
  const m = mapAt(map);
  const prefix = load<u32>(<usize>key);
  const data = <usize>key + 4;
  if (prefix > m.maxPrefix) return -EINVAL;
  let above: usize = 0;
  let link = changetype<usize>(m) + offsetof<BpfMap>("trie");
  let parent: usize = 0;
  let n = <usize>load<u32>(link);
  while (n) {
    const p = prefixOf(n);
    if (commonBits(n + DATA, data, m.dataSize, min<u32>(p, prefix)) != p) return -ENOENT;
    if (p == prefix) break;
    above = link;
    parent = n;
    link = n + <usize>(bitOf(data, p) << 2);
    n = <usize>load<u32>(link);
  }
  if (!n || isBranch(n)) return -ENOENT;
  if (hasNodes(m)) {
    // Within one byte-wise node the next shorter prefix shows where this one did.
    const from = prefix > m.rootBits ? (prefix - 1) & ~7 : 0;
    const shorter = prefix > 0 ? findLongest(m, data, from + 1, prefix - 1) : 0;
    nodesRemove(m, n + DATA, prefix, <u32>n, <u32>shorter);
  }
  const left = load<u32>(n);
  const right = load<u32>(n, 4);
  if (left && right) store<u32>(n, 1, 12);
  else {
    const child = left | right;
    store<u32>(link, child);
    poolGive(m, n);
    if (!child && parent && isBranch(parent)) {
      // A branch with one way left is none.
      store<u32>(above, load<u32>(parent) | load<u32>(parent, 4));
      poolGive(m, parent);
    }
  }
  m.count--;
  return 0;
}

/** The first element of a subtree, children before parents and bit 0 before bit 1. */
function firstOf(n: usize): usize {
  while (true) {
    const left = load<u32>(n);
    const child = left ? left : load<u32>(n, 4);
    if (!child) return n;
    n = <usize>child;
  }
}

/** The element after the key's (the first for a key that isn't in the trie), or 0 after the last. */
function nextOf(map: BpfMap, key: usize): usize {
  const root = <usize>map.trie;
  if (!root) return 0;
  if (!key) return firstOf(root);
  const prefix = load<u32>(key);
  const data = key + 4;
  if (prefix > map.maxPrefix || !findExact(map, data, prefix)) return firstOf(root);
  // The last ancestor on the way down that has something left to visit.
  let next: usize = 0;
  let whole = false;
  let n = root;
  for (let p = prefixOf(n); p < prefix; p = prefixOf(n)) {
    const bit = bitOf(data, p);
    const right = <usize>load<u32>(n, 4);
    if (!bit && right) {
      next = right;
      whole = true;
    } else if (!isBranch(n)) {
      next = n;
      whole = false;
    }
    n = <usize>load<u32>(n + <usize>(bit << 2));
  }
  return whole ? firstOf(next) : next;
}

/** Writes the key after `key` to `out`: longest prefixes first; -ENOENT after the last. */
export function lpm_next_key(map: BpfMap, key: usize, out: usize): i64 {
  const e = nextOf(map, key);
  if (!e) return -ENOENT;
  store<u32>(out, prefixOf(e));
  copyBytes(out + 4, e + DATA, map.dataSize);
  return 0;
}
