// Cgroups in maps.

import { mapAt } from "../maps/layout.as";
import { skbOf } from "../net/skb.as";
import { E2BIG, EAGAIN, ENOENT } from "./errno.as";

export function bpf_skb_under_cgroup(ctx: i64, map: i64, index: i64): i64 {
  if (!skbOf(ctx).sk) return ENOENT;
  if (<u32>index >= mapAt(map).maxEntries) return E2BIG;
  // There are no cgroups yet, so that no slot is ever filled.
  return EAGAIN;
}
