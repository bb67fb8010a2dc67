// Helpers that change a packet's shape: VLAN tags, protocol, head, tail, room for other headers. All but the flow of
// errors is moving bytes before `off` down or up, so packets never move behind their headers.

import {
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_IP,
  ETH_P_IPV6,
  Skb,
  skbClearHash,
  skbOf,
  skbReserve,
  skbSetData,
} from "../net/skb.as";
import { EALREADY, EFAULT, EINVAL, ENOMEM, ENOTSUPP } from "./errno.as";

const VLAN_HLEN: u32 = 4;
const IPV4_HLEN: u32 = 20;
const IPV6_HLEN: u32 = 40;
const ETH_HLEN: u32 = 14;

/** Makes `len` bytes of zeros at `off` by moving what is before them down; false if there is no headroom. */
function pushAt(skb: Skb, off: u32, len: u32): bool {
  const old = skb.data;
  if (!skbReserve(skb, len)) return false;
  const data = old - len;
  memory.copy(<usize>data, <usize>old, <usize>off);
  memory.fill(<usize>(data + off), 0, <usize>len);
  skbSetData(skb, data);
  return true;
}

/** Takes `len` bytes out at `off` by moving what is before them up; false if they are not there. */
function popAt(skb: Skb, off: u32, len: u32): bool {
  if (<u64>off + <u64>len > <u64>skb.len) return false;
  const data = skb.data + len;
  memory.copy(<usize>data, <usize>skb.data, <usize>off);
  skbSetData(skb, data);
  return true;
}

/** As pushAt, for room before, in or behind the network header. */
function headerPush(skb: Skb, off: u32, len: u32): bool {
  if (!pushAt(skb, off, len)) return false;
  skb.mac -= len;
  skb.network -= len;
  return true;
}

/** As popAt, likewise. */
function headerPop(skb: Skb, off: u32, len: u32): bool {
  if (!popAt(skb, off, len)) return false;
  skb.mac += len;
  skb.network += len;
  return true;
}

/** The most bytes that a packet may become: four pages less what Linux keeps in them (SKB_MAX_ALLOC). */
const MAX_LENGTH: u32 = 16064;

@inline
function isVlan(protocol: u32): bool {
  return protocol == ETH_P_8021Q || protocol == ETH_P_8021AD;
}

@inline
function setTag(skb: Skb, proto: u32, tci: u32): void {
  skb.vlan_present = 1;
  skb.vlan_proto = proto;
  skb.vlan_tci = tci;
}

export function bpf_skb_vlan_push(ctx: i64, proto: i64, tci: i64): i64 {
  const skb = skbOf(ctx);
  let p = <u32>proto & 0xffff;
  if (!isVlan(p)) p = ETH_P_8021Q;
  if (skb.vlan_present) {
    // The tag so far goes into the packet.
    if (!pushAt(skb, 12, VLAN_HLEN)) return ENOMEM;
    store<u16>(<usize>(skb.data + 12), <u16>skb.vlan_proto);
    store<u16>(<usize>(skb.data + 14), bswap<u16>(<u16>skb.vlan_tci));
    skb.mac -= VLAN_HLEN;
    skb.network -= VLAN_HLEN;
    skb.protocol = skb.vlan_proto;
  }
  setTag(skb, p, <u32>tci & 0xffff);
  return 0;
}

/** Takes the tag behind the MAC addresses out of the packet; returns its TCI, or -1 for a packet without room. */
function takeTag(skb: Skb): i32 {
  if (skb.len < 18) return -1;
  const tci = <i32>bswap<u16>(load<u16>(<usize>(skb.data + 14)));
  popAt(skb, 12, VLAN_HLEN);
  skb.mac += VLAN_HLEN;
  // What follows decides the protocol, as for a frame from the wire.
  const type = <u32>load<u16>(<usize>(skb.data + 12));
  if (<u32>bswap<u16>(<u16>type) >= 0x0600) skb.protocol = type;
  else if (skb.len >= 16 && load<u16>(<usize>(skb.data + 14)) == 0xffff) skb.protocol = 0x0100;
  else skb.protocol = 0x0400;
  if (skb.network < skb.data + ETH_HLEN) skb.network = skb.data + ETH_HLEN;
  skb.macLen = skb.network - skb.mac;
  return tci;
}

export function bpf_skb_vlan_pop(ctx: i64): i64 {
  const skb = skbOf(ctx);
  if (skb.vlan_present) {
    skb.vlan_present = 0;
    skb.vlan_tci = 0;
    skb.vlan_proto = 0;
  } else {
    if (!isVlan(skb.protocol)) return 0;
    if (takeTag(skb) < 0) return ENOMEM;
  }
  if (!isVlan(skb.protocol)) return 0;
  // The next tag moves out of the packet.
  const proto = skb.protocol;
  const tci = takeTag(skb);
  if (tci < 0) return ENOMEM;
  setTag(skb, proto, <u32>tci);
  return 0;
}

export function bpf_skb_change_proto(ctx: i64, proto: i64, flags: i64): i64 {
  if (flags) return EINVAL;
  const skb = skbOf(ctx);
  const from = skb.protocol;
  const to = <u32>proto & 0xffff;
  const more = IPV6_HLEN - IPV4_HLEN;
  const off = skb.network - skb.mac;
  if (from == ETH_P_IP && to == ETH_P_IPV6) {
    if (!headerPush(skb, off, more)) return ENOMEM;
  } else if (from == ETH_P_IPV6 && to == ETH_P_IP) {
    if (!headerPop(skb, off, more)) return ENOMEM;
  } else return ENOTSUPP;
  skb.protocol = to;
  skbClearHash(skb);
  return 0;
}

export function bpf_skb_change_type(ctx: i64, type: i64): i64 {
  const skb = skbOf(ctx);
  // Only the types that say whom a packet is for may change, and only into each other.
  if (skb.pkt_type > 3 || <u32>type > 3) return EINVAL;
  skb.pkt_type = <u32>type;
  return 0;
}

export function bpf_skb_change_tail(ctx: i64, len: i64, flags: i64): i64 {
  const skb = skbOf(ctx);
  const length = <u32>len;
  let least = skb.network > skb.data ? skb.network - skb.data : 0;
  if (skb.transport > skb.data) least = skb.transport - skb.data;
  if (flags || length > MAX_LENGTH || length < least) return EINVAL;
  if (skb.encapsulation) return ENOTSUPP;
  const end = skb.data + length;
  if (length > skb.len) {
    if (end > skb.end) return ENOMEM;
    memory.fill(<usize>skb.data_end, 0, <usize>(end - skb.data_end));
  }
  skb.data_end = end;
  skb.len = length;
  return 0;
}

export function bpf_skb_change_head(ctx: i64, room: i64, flags: i64): i64 {
  const skb = skbOf(ctx);
  const more = <u32>room;
  const length = <u64>skb.len + <u64>more;
  if (flags || <i32>more < 0 || length > <u64>MAX_LENGTH) return EINVAL;
  if (!pushAt(skb, 0, more)) return ENOMEM;
  skb.mac = skb.data;
  skb.macLen = skb.network - skb.mac;
  return 0;
}

const ROOM_NET: u32 = 0;
const ROOM_MAC: u32 = 1;
const FIXED_GSO: u64 = 1;
const ENCAP_L3_IPV4: u64 = 2;
const ENCAP_L3_IPV6: u64 = 4;
const ENCAP_L3: u64 = 6;
const ENCAP_L4_GRE: u64 = 8;
const ENCAP_L4_UDP: u64 = 16;
const NO_CSUM_RESET: u64 = 32;
const ENCAP_L2_ETH: u64 = 64;
const DECAP_L3_IPV4: u64 = 128;
const DECAP_L3_IPV6: u64 = 256;
const DECAP_L3: u64 = 384;
const ENCAP_L2_SHIFT: u64 = 56;
const ROOM_FLAGS: u64 =
  FIXED_GSO |
  ENCAP_L3 |
  ENCAP_L4_GRE |
  ENCAP_L4_UDP |
  NO_CSUM_RESET |
  ENCAP_L2_ETH |
  DECAP_L3 |
  ((<u64>0xff) << ENCAP_L2_SHIFT);

export function bpf_skb_adjust_room(ctx: i64, diff: i64, mode: i64, flagBits: i64): i64 {
  const skb = skbOf(ctx);
  const flags = <u64>flagBits;
  const change = <i32>diff;
  const shrink = change < 0;
  const by = <u32>(shrink ? -change : change);
  if (flags & ~ROOM_FLAGS) return EINVAL;
  if (by > 0xfff) return EFAULT;
  const v4 = skb.protocol == ETH_P_IP;
  if (!v4 && skb.protocol != ETH_P_IPV6) return ENOTSUPP;
  let off = skb.network - skb.mac;
  let least = v4 ? IPV4_HLEN : IPV6_HLEN;
  if (<u32>mode == ROOM_NET) off += least;
  else if (<u32>mode != ROOM_MAC) return ENOTSUPP;
  if (flags & DECAP_L3) {
    if (!shrink) return EINVAL;
    const decap = flags & DECAP_L3;
    if (decap == DECAP_L3_IPV4) least = IPV4_HLEN;
    else if (decap == DECAP_L3_IPV6) least = IPV6_HLEN;
    else return EINVAL;
  }
  if (shrink) {
    const have = skb.data_end - skb.network;
    if (by >= have || have - by < least) return ENOTSUPP;
    return roomShrink(skb, off, by, flags);
  }
  if (<u64>skb.len + <u64>by > <u64>MAX_LENGTH) return ENOTSUPP;
  return roomGrow(skb, off, by, flags);
}

function roomShrink(skb: Skb, off: u32, by: u32, flags: u64): i64 {
  if (flags & ~(DECAP_L3 | FIXED_GSO | NO_CSUM_RESET)) return EINVAL;
  if (!headerPop(skb, off, by)) return ENOMEM;
  const decap = flags & DECAP_L3;
  if (decap == DECAP_L3_IPV4) skb.protocol = ETH_P_IP;
  else if (decap == DECAP_L3_IPV6) skb.protocol = ETH_P_IPV6;
  return 0;
}

function roomGrow(skb: Skb, off: u32, by: u32, flags: u64): i64 {
  const encap = (flags & ENCAP_L3) != 0;
  const inner = <u32>(flags >> ENCAP_L2_SHIFT);
  if (encap) {
    if ((flags & ENCAP_L3) == ENCAP_L3) return EINVAL;
    if (flags & ENCAP_L4_GRE && flags & ENCAP_L4_UDP) return EINVAL;
    if (skb.encapsulation) return EALREADY;
    if (inner > by) return EINVAL;
    if (flags & ENCAP_L2_ETH && inner < ETH_HLEN) return EINVAL;
  }
  if (!headerPush(skb, off, by)) return ENOMEM;
  if (encap) {
    skb.encapsulation = 1;
    if (flags & (ENCAP_L4_GRE | ENCAP_L4_UDP))
      skb.transport = skb.network + (flags & ENCAP_L3_IPV6 ? IPV6_HLEN : IPV4_HLEN);
    skb.protocol = flags & ENCAP_L3_IPV6 ? ETH_P_IPV6 : ETH_P_IP;
  }
  return 0;
}
