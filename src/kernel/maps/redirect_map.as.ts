// bpf_redirect_map of XDP programs, over devmap, devmap_hash, cpumap and xskmap.

import { Cpu, cpu } from "../mem/cpu.as";
import { htab_lookup } from "./hashtab.as";
import { BpfMap, CPUMAP, DEVMAP, DEVMAP_HASH, mapAt } from "./layout.as";
import { pairs_lookup } from "./pairs.as";

const XDP_ABORTED: i64 = 0;
const XDP_REDIRECT: i64 = 4;
/** The flags' lowest bits: the action for an empty slot, XDP_ABORTED to XDP_TX. */
const ACTION: u64 = 3;
const BROADCAST: u64 = 1 << 3;
const EXCLUDE_INGRESS: u64 = 1 << 4;

function isFilled(map: BpfMap, at: i64, key: i64): bool {
  switch (map.type) {
    case DEVMAP:
    case CPUMAP:
      return pairs_lookup(at, key) != 0;
    case DEVMAP_HASH:
      return htab_lookup(at, key) != 0;
  }
  // An xskmap: no socket can be in it yet.
  return false;
}

/**
 * Notes in the CPU's block (`redirectIfindex` the key, `redirectMap` the map) where the packet is to go and returns
 * XDP_REDIRECT; for an empty slot the action in `flags`, and XDP_ABORTED for flags that the map's type doesn't have.
 */
export function bpf_redirect_map(map: i64, key: i64, flags: i64): i64 {
  const m = mapAt(map);
  const isDevmap = m.type == DEVMAP || m.type == DEVMAP_HASH;
  const known = isDevmap ? ACTION | BROADCAST | EXCLUDE_INGRESS : ACTION;
  if (<u64>flags & ~known) return XDP_ABORTED;
  const c = cpu();
  c.redirectIfindex = <u32>key;
  c.redirectFlags = <u32>flags;
  const place = <i64>(changetype<usize>(c) + offsetof<Cpu>("redirectIfindex"));
  const toAll = (<u64>flags & BROADCAST) != 0;
  if (!toAll && !isFilled(m, map, place)) {
    c.redirectMap = 0;
    return flags & <i64>ACTION;
  }
  c.redirectMap = <u32>map;
  return XDP_REDIRECT;
}
