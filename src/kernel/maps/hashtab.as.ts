// hash, percpu_hash, lru_hash, lru_percpu_hash: chains of elements under an array of bucket heads. There are at least
// as many buckets as elements, so a chain has 1.3 elements on average at most. An element never moves.

import { alloc_zeroed, free } from "../mem/alloc.as";
import { cpu } from "../mem/cpu.as";
import { copyBytes, equalBytes } from "./bytes.as";
import { hashBytes, hashWord } from "./hash.as";
import {
  BPF_EXIST,
  BPF_F_NO_PREALLOC,
  BPF_NOEXIST,
  BpfMap,
  E2BIG,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOMEM,
  LRU_HASH,
  LRU_PERCPU_HASH,
  mapAt,
  roundUp8,
} from "./layout.as";
import { poolFree, poolGive, poolInit, poolTake } from "./pool.as";

/** Bytes before an lru element's address: u32 ref, u32 live. */
const LRU_PREFIX: u32 = 8;
const KEY: u32 = 8;

@inline
function isLru(map: BpfMap): bool {
  return map.type == LRU_HASH || map.type == LRU_PERCPU_HASH;
}

/** Makes the buckets and the pool; false if there is no memory. `percpu` gives a value a slot for each CPU. */
export function htab_init(map: BpfMap, percpu: bool): bool {
  const max = map.maxEntries;
  // Half as many buckets again as elements, rounded up to a power of two; at least 2, as a shift by 64 is one by 0.
  const want = <u64>max + (<u64>max >> 1);
  let bits: u32 = 1;
  while (bits < 30 && (<u64>1 << bits) < want) bits++;
  const slot = roundUp8(map.valueSize);
  map.shift = 64 - bits;
  map.valueOffset = KEY + roundUp8(map.keySize);
  map.cpuStride = percpu ? slot : 0;
  const values = <u64>slot * (percpu ? map.cpus : 1);
  const elem = values + map.valueOffset + (isLru(map) ? LRU_PREFIX : 0);
  if (elem > 0x7fffffff) return false;
  const buckets = alloc_zeroed(4 << bits);
  if (!buckets) return false;
  map.buckets = buckets;
  // A replaced element is freed only after its successor is in place: one spare element for each CPU.
  const limit = max + (percpu && !isLru(map) ? 0 : map.cpus);
  const prealloc = !(map.flags & BPF_F_NO_PREALLOC);
  if (!poolInit(map, <u32>elem, limit, prealloc ? limit : 0)) {
    free(buckets);
    return false;
  }
  if (isLru(map)) map.data = map.poolBump + LRU_PREFIX;
  return true;
}

/** Gives back what `htab_init` took. */
export function htab_free(map: BpfMap): void {
  poolFree(map);
  free(map.buckets);
}

@inline
function bucket(map: BpfMap, h: u64): usize {
  return <usize>map.buckets + (<usize>(h >> <u64>map.shift) << 2);
}

/** The element with a key of 4 bytes, or 0. */
@inline
function find4(map: BpfMap, key: usize): usize {
  const k = load<u32>(key);
  let e = <usize>load<u32>(bucket(map, hashWord(map.seed, <u64>k)));
  while (e) {
    if (load<u32>(e, KEY) == k) break;
    e = <usize>load<u32>(e);
  }
  return e;
}

/** The element with a key of 8 bytes, or 0. */
@inline
function find8(map: BpfMap, key: usize): usize {
  const k = load<u64>(key);
  let e = <usize>load<u32>(bucket(map, hashWord(map.seed, k)));
  while (e) {
    if (load<u64>(e, KEY) == k) break;
    e = <usize>load<u32>(e);
  }
  return e;
}

/** The element with a key of 16 bytes, or 0. */
@inline
function find16(map: BpfMap, key: usize): usize {
  const k0 = load<u64>(key);
  const k1 = load<u64>(key, 8);
  let e = <usize>load<u32>(bucket(map, hashWord(hashWord(map.seed, k0), k1)));
  while (e) {
    if (load<u64>(e, KEY) == k0 && load<u64>(e, KEY + 8) == k1) break;
    e = <usize>load<u32>(e);
  }
  return e;
}

/** The element with a key, or 0. */
function find(map: BpfMap, key: usize): usize {
  const size = map.keySize;
  if (size == 4) return find4(map, key);
  if (size == 8) return find8(map, key);
  if (size == 16) return find16(map, key);
  const h = hashBytes(map.seed, key, size);
  return <usize>load<u32>(findLink(map, key, h));
}

/** The address of the word (bucket head or element) that leads to the key's element, or to the chain's end. */
function findLink(map: BpfMap, key: usize, h: u64): usize {
  let link = bucket(map, h);
  const hi = <u32>(h >> 32);
  const size = map.keySize;
  let e = <usize>load<u32>(link);
  if (size == 8) {
    const k = load<u64>(key);
    while (e && load<u64>(e, KEY) != k) {
      link = e;
      e = <usize>load<u32>(e);
    }
    return link;
  }
  while (e) {
    if (load<u32>(e, 4) == hi && equalBytes(e + KEY, key, size)) break;
    link = e;
    e = <usize>load<u32>(e);
  }
  return link;
}

@inline
function valueOf(map: BpfMap, e: usize): i64 {
  return e ? <i64>(e + <usize>map.valueOffset) : 0;
}

/** As `valueOf`, noting that the element was used. */
@inline
function valueUsed(map: BpfMap, e: usize): i64 {
  if (!e) return 0;
  // Reading first keeps the cache line clean when it was used before.
  if (!load<u32>(e - LRU_PREFIX)) store<u32>(e - LRU_PREFIX, 1);
  return <i64>(e + <usize>map.valueOffset);
}

@inline
function onCpu(map: BpfMap, value: i64): i64 {
  return value ? value + <i64>(cpu().id * map.cpuStride) : 0;
}

/** hash: the address of the key's value, or 0. */
export function htab_lookup(map: i64, key: i64): i64 {
  return valueOf(mapAt(map), find(mapAt(map), <usize>key));
}

/** hash with keys of 4 bytes. */
export function htab_lookup_4(map: i64, key: i64): i64 {
  return valueOf(mapAt(map), find4(mapAt(map), <usize>key));
}

/** hash with keys of 8 bytes. */
export function htab_lookup_8(map: i64, key: i64): i64 {
  return valueOf(mapAt(map), find8(mapAt(map), <usize>key));
}

/** hash with keys of 16 bytes. */
export function htab_lookup_16(map: i64, key: i64): i64 {
  return valueOf(mapAt(map), find16(mapAt(map), <usize>key));
}

/** percpu_hash: the address of the running CPU's value, or 0. */
export function htab_percpu_lookup(map: i64, key: i64): i64 {
  return onCpu(mapAt(map), htab_lookup(map, key));
}

/** lru_hash: the address of the key's value, or 0; the element counts as used. */
export function htab_lru_lookup(map: i64, key: i64): i64 {
  return valueUsed(mapAt(map), find(mapAt(map), <usize>key));
}

/** lru_hash with keys of 4 bytes. */
export function htab_lru_lookup_4(map: i64, key: i64): i64 {
  return valueUsed(mapAt(map), find4(mapAt(map), <usize>key));
}

/** lru_hash with keys of 8 bytes. */
export function htab_lru_lookup_8(map: i64, key: i64): i64 {
  return valueUsed(mapAt(map), find8(mapAt(map), <usize>key));
}

/** lru_hash with keys of 16 bytes. */
export function htab_lru_lookup_16(map: i64, key: i64): i64 {
  return valueUsed(mapAt(map), find16(mapAt(map), <usize>key));
}

/** lru_percpu_hash: the address of the running CPU's value, or 0; the element counts as used. */
export function htab_lru_percpu_lookup(map: i64, key: i64): i64 {
  return onCpu(mapAt(map), htab_lru_lookup(map, key));
}

/** Frees the first element that was not used since the hand came by last: a second chance for each. */
function evict(map: BpfMap): void {
  const step = map.poolElem;
  const total = map.maxEntries + map.cpus;
  // Two rounds at most: the first clears every `ref`.
  for (;;) {
    const e = <usize>(map.data + map.hand * step);
    map.hand = map.hand + 1 == total ? 0 : map.hand + 1;
    // Elements beyond `poolBump` were never used, and what they hold is arbitrary.
    if (<u32>e >= map.poolBump || !load<u32>(e - 4)) continue;
    if (load<u32>(e - LRU_PREFIX)) {
      store<u32>(e - LRU_PREFIX, 0);
      continue;
    }
    let link = <usize>map.buckets + (<usize>(load<u32>(e, 4) >> (map.shift - 32)) << 2);
    while (<usize>load<u32>(link) != e) link = <usize>load<u32>(link);
    unlink(map, link, e);
    return;
  }
}

/** Takes an element out of its chain and gives it back to the pool. */
function unlink(map: BpfMap, link: usize, e: usize): void {
  store<u32>(link, load<u32>(e));
  map.count--;
  release(map, e, isLru(map));
}

@inline
function release(map: BpfMap, e: usize, lru: bool): void {
  if (lru) store<u64>(e - LRU_PREFIX, 0);
  poolGive(map, e);
}

@inline
function take(map: BpfMap, lru: bool): usize {
  if (!lru) return poolTake(map);
  // Free elements are listed by their own address; new ones come from the chunk with the prefix before them.
  const listed = map.poolFree != 0;
  const e = poolTake(map);
  return listed || !e ? e : e + LRU_PREFIX;
}

/**
 * Writes a value: for a per-CPU map from the system call (`all`) the slots of all CPUs, from a program the running
 * CPU's, the others becoming zero in a new element.
 */
@inline
function writeValue(map: BpfMap, e: usize, value: usize, all: bool, fresh: bool): void {
  const to = e + <usize>map.valueOffset;
  if (map.cpuStride) writeOnCpus(map, to, value, all, fresh);
  else copyBytes(to, value, map.valueSize);
}

function writeOnCpus(map: BpfMap, to: usize, value: usize, all: bool, fresh: bool): void {
  const stride = map.cpuStride;
  if (all) {
    copyBytes(to, value, stride * map.cpus);
    return;
  }
  if (fresh) memory.fill(to, 0, stride * map.cpus);
  copyBytes(to + <usize>(cpu().id * stride), value, map.valueSize);
}

function update(map: BpfMap, key: usize, value: usize, flags: u64, all: bool): i64 {
  if (flags > BPF_EXIST) return -EINVAL;
  const lru = isLru(map);
  const h = hashBytes(map.seed, key, map.keySize);
  const link = findLink(map, key, h);
  const old = <usize>load<u32>(link);
  if (old) {
    if (flags == BPF_NOEXIST) return -EEXIST;
    if (map.cpuStride) {
      if (lru) store<u32>(old - LRU_PREFIX, 1);
      writeValue(map, old, value, all, false);
      return 0;
    }
  } else {
    if (flags == BPF_EXIST) return -ENOENT;
    if (map.count >= map.maxEntries) {
      if (!lru) return -E2BIG;
      evict(map);
    }
  }
  const e = take(map, lru);
  if (!e) return -ENOMEM;
  store<u32>(e, <u32>(h >> 32), 4);
  copyBytes(e + KEY, key, map.keySize);
  writeValue(map, e, value, all, true);
  // A replaced element counts as used, a new one does not yet.
  if (lru) store<u64>(e - LRU_PREFIX, old ? 0x100000001 : 0x100000000);
  if (old) {
    // The successor takes the old element's place at once; who holds the old one's value can still read it.
    store<u32>(e, load<u32>(old));
    store<u32>(link, <u32>e);
    release(map, old, lru);
    return 0;
  }
  // The chain's head, as an eviction may have freed the element that the link is in.
  const head = bucket(map, h);
  store<u32>(e, load<u32>(head));
  store<u32>(head, <u32>e);
  map.count++;
  return 0;
}

/** All hash maps, from a program. Returns 0 or -errno: EINVAL, EEXIST, ENOENT, E2BIG, ENOMEM. */
export function htab_update(map: i64, key: i64, value: i64, flags: i64): i64 {
  return update(mapAt(map), <usize>key, <usize>value, <u64>flags, false);
}

/** As `htab_update`; a per-CPU map's value is the slots of all CPUs. */
export function htab_update_all(map: i64, key: i64, value: i64, flags: i64): i64 {
  return update(mapAt(map), <usize>key, <usize>value, <u64>flags, true);
}

/** All hash maps: removes the key's element. Returns 0 or -ENOENT. */
export function htab_delete(map: i64, key: i64): i64 {
  const m = mapAt(map);
  const h = hashBytes(m.seed, <usize>key, m.keySize);
  const link = findLink(m, <usize>key, h);
  const e = <usize>load<u32>(link);
  if (!e) return -ENOENT;
  unlink(m, link, e);
  return 0;
}

/** The element after `e` (0: the first) in the order of buckets, or 0. */
export function htabNext(map: BpfMap, e: usize): usize {
  let at = <usize>map.buckets;
  if (e) {
    const next = <usize>load<u32>(e);
    if (next) return next;
    at += (<usize>(load<u32>(e, 4) >> (map.shift - 32)) + 1) << 2;
  }
  const end = <usize>map.buckets + (<usize>1 << (<usize>(64 - map.shift) + 2));
  for (; at < end; at += 4) {
    const first = <usize>load<u32>(at);
    if (first) return first;
  }
  return 0;
}

/** Writes the key after `key` (0 or unknown: the first key) to `out`; -ENOENT after the last. */
export function htab_next_key(map: BpfMap, key: usize, out: usize): i64 {
  const e = htabNext(map, key ? find(map, key) : 0);
  if (!e) return -ENOENT;
  copyBytes(out, e + KEY, map.keySize);
  return 0;
}

/** Without counting as a use: the address of the key's value (of CPU 0), or 0. */
export function htab_peek(map: BpfMap, key: usize): i64 {
  return valueOf(map, find(map, key));
}
