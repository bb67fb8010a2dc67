// Where a map's elements come from: chunks that the map owns until it is freed. A freed element goes to the map's own
// free list and never back to the allocator, because a program may still hold the address of its value: it must then
// write into an element of this map and into nothing else. (The list's link lies in the element's header, never in
// its value.)
//
// A preallocated map has all its elements in one chunk; others take chunks of growing size as they fill.

import { alloc, free } from "../mem/alloc.as";
import { BpfMap } from "./layout.as";

const CHUNK_HEADER: u32 = 8;
const CHUNK_BYTES: u32 = 65536;

/**
 * Prepares a pool for `limit` elements of `elem` bytes, of which `first` are had at once. False if there is no memory.
 */
export function poolInit(map: BpfMap, elem: u32, limit: u32, first: u32): bool {
  map.poolElem = elem;
  map.poolLimit = limit;
  map.poolFree = 0;
  map.poolBump = 0;
  map.poolEnd = 0;
  map.poolChunks = 0;
  map.poolNext = first ? first : 8;
  return first ? addChunk(map) : true;
}

function addChunk(map: BpfMap): bool {
  const n = map.poolNext < map.poolLimit ? map.poolNext : map.poolLimit;
  if (!n) return false;
  const bytes = <u64>n * map.poolElem + CHUNK_HEADER;
  if (bytes > 0xf0000000) return false;
  const chunk = alloc(<u32>bytes);
  if (!chunk) return false;
  store<u32>(<usize>chunk, map.poolChunks);
  map.poolChunks = chunk;
  map.poolBump = chunk + CHUNK_HEADER;
  map.poolEnd = chunk + <u32>bytes;
  map.poolLimit -= n;
  const twice = n << 1;
  map.poolNext = twice * map.poolElem <= CHUNK_BYTES ? twice : n;
  return true;
}

/** An element with arbitrary contents, or 0. */
@inline
export function poolTake(map: BpfMap): usize {
  const e = <usize>map.poolFree;
  if (e) {
    map.poolFree = load<u32>(e);
    return e;
  }
  return poolFresh(map);
}

function poolFresh(map: BpfMap): usize {
  if (map.poolBump == map.poolEnd && !addChunk(map)) return 0;
  const e = map.poolBump;
  map.poolBump = e + map.poolElem;
  return <usize>e;
}

/** Takes an element back; its first word becomes the list's link. */
@inline
export function poolGive(map: BpfMap, e: usize): void {
  store<u32>(e, map.poolFree);
  map.poolFree = <u32>e;
}

/** Gives all chunks back to the allocator. */
export function poolFree(map: BpfMap): void {
  let chunk = map.poolChunks;
  while (chunk) {
    const next = load<u32>(<usize>chunk);
    free(chunk);
    chunk = next;
  }
  map.poolChunks = 0;
}
