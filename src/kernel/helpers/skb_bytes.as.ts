// Reading and writing a packet's bytes through its context.

import { ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6, Skb, skbClearHash, skbOf, skbRange } from "../net/skb.as";
import { EFAULT, EINVAL, ENOMEM } from "./errno.as";

const RECOMPUTE_CSUM: u64 = 1;
const INVALIDATE_HASH: u64 = 2;

export function bpf_skb_load_bytes(ctx: i64, offset: i64, to: i64, len: i64): i64 {
  const length = <u32>len;
  const at = <u32>offset > 0x7fffffff ? 0 : skbRange(skbOf(ctx), <u32>offset, length);
  if (!at) {
    memory.fill(<usize>(<u32>to), 0, <usize>length);
    return EFAULT;
  }
  memory.copy(<usize>(<u32>to), <usize>at, <usize>length);
  return 0;
}

export function bpf_skb_load_bytes_relative(ctx: i64, offset: i64, to: i64, len: i64, start: i64): i64 {
  const skb = skbOf(ctx);
  const length = <u32>len;
  const from = <u32>offset;
  let base: u32 = 0;
  if (from <= 0xffff) {
    if (<u32>start == 0) base = skb.mac;
    else if (<u32>start == 1) base = skb.network;
  }
  if (!base || <u64>base + <u64>from + <u64>length > <u64>skb.data_end) {
    memory.fill(<usize>(<u32>to), 0, <usize>length);
    return EFAULT;
  }
  memory.copy(<usize>(<u32>to), <usize>(base + from), <usize>length);
  return 0;
}

export function bpf_skb_store_bytes(ctx: i64, offset: i64, from: i64, len: i64, flags: i64): i64 {
  if (<u64>flags & ~(RECOMPUTE_CSUM | INVALIDATE_HASH)) return EINVAL;
  const skb = skbOf(ctx);
  const at = <u32>offset > 0x7fffffff ? 0 : skbRange(skb, <u32>offset, <u32>len);
  if (!at) return EFAULT;
  memory.copy(<usize>at, <usize>(<u32>from), <usize>(<u32>len));
  if (<u64>flags & INVALIDATE_HASH) skbClearHash(skb);
  return 0;
}

export function bpf_skb_pull_data(ctx: i64, len: i64): i64 {
  // Packets are in one piece, so there is nothing to pull; asking for more than there is fails.
  return <u32>len > skbOf(ctx).len ? ENOMEM : 0;
}

/** The protocol behind any VLAN tags in the packet; 0 if they go on to its end. */
function protocolBehindTags(skb: Skb): u32 {
  let protocol = skb.protocol;
  let at = skb.data + (skb.macLen != 0 ? skb.macLen - 4 : ETH_HLEN);
  for (let depth = 0; protocol == ETH_P_8021Q || protocol == ETH_P_8021AD; depth++) {
    if (depth == 8 || at + 4 > skb.data_end) return 0;
    protocol = <u32>load<u16>(<usize>at, 2);
    at += 4;
  }
  return protocol;
}

export function bpf_skb_ecn_set_ce(ctx: i64): i64 {
  const skb = skbOf(ctx);
  const p = <usize>skb.network;
  const protocol = protocolBehindTags(skb);
  if (protocol == ETH_P_IP) {
    if (skb.network + 20 > skb.data_end) return 0;
    const tos = load<u8>(p, 1);
    const ecn = <u32>tos & 3;
    if (ecn == 0) return 0;
    if (ecn == 3) return 1;
    // The header's sum grows by what is missing to 3, so its checksum shrinks by that.
    const sum = <u32>bswap<u16>(load<u16>(p, 10)) + 0xffff - (3 - ecn);
    store<u16>(p, bswap<u16>(<u16>(sum >= 0xffff ? sum - 0xffff : sum)), 10);
    store<u8>(p, tos | 3, 1);
    return 1;
  }
  if (protocol == ETH_P_IPV6) {
    if (skb.network + 40 > skb.data_end) return 0;
    const bits = load<u8>(p, 1);
    if ((bits & 0x30) == 0) return 0;
    store<u8>(p, bits | 0x30, 1);
    return 1;
  }
  return 0;
}
