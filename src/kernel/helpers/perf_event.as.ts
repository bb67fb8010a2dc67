// bpf_perf_event_output: a record for the perf events of a perf_event_array.

import { mapAt } from "../maps/layout.as";
import { cpu } from "../mem/cpu.as";
import { skbOf } from "../net/skb.as";
import { E2BIG, EFAULT, EINVAL, ENOENT } from "./errno.as";
import { bpf_xdp_get_buff_len } from "./xdp.as";

/** BPF_F_INDEX_MASK, and BPF_F_CURRENT_CPU, which fills it. */
const INDEX: u64 = 0xffffffff;
/** BPF_F_CTXLEN_MASK: bytes of the packet to add to the record. */
const PACKET_BYTES: u64 = 0xfffff << 32;

function output(map: i64, flags: u64, packet: u64): i64 {
  if (flags & ~(INDEX | PACKET_BYTES)) return EINVAL;
  if ((flags & PACKET_BYTES) >> 32 > packet) return EFAULT;
  let index = flags & INDEX;
  if (index == INDEX) index = <u64>cpu().id;
  if (index >= <u64>mapAt(map).maxEntries) return E2BIG;
  // There are no perf events yet, so that no slot is ever filled.
  return ENOENT;
}

export function bpf_perf_event_output(ctx: i64, map: i64, flags: i64, data: i64, size: i64): i64 {
  return output(map, <u64>flags, <u64>skbOf(ctx).len);
}

export function bpf_xdp_event_output(ctx: i64, map: i64, flags: i64, data: i64, size: i64): i64 {
  return output(map, <u64>flags, <u64>bpf_xdp_get_buff_len(ctx));
}
