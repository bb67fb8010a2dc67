// What a packet carries beside its bytes: flow hash, tunnel key, socket, class, and where it is to go.

import { cpu } from "../mem/cpu.as";
import { ETH_P_IP, ETH_P_IPV6, Skb, skbClearHash, skbOf } from "../net/skb.as";
import { xdpOf } from "../net/xdp.as";
import { EAFNOSUPPORT, EINVAL, ENODEV, EOPNOTSUPP } from "./errno.as";

export function bpf_set_hash(ctx: i64, hash: i64): i64 {
  skbOf(ctx).hash = <u32>hash;
  return 0;
}

export function bpf_set_hash_invalid(ctx: i64): i64 {
  skbClearHash(skbOf(ctx));
  return 0;
}

@inline
function mix(h: u32, word: u32): u32 {
  h = (h ^ word) * 0x9e3779b1;
  return h ^ (h >> 15);
}

/** A hash of the flow: addresses, protocol and ports. Linux's is keyed at random, so any is as good. */
function flowHash(skb: Skb): u32 {
  let h: u32 = 0x2545f491;
  const p = <usize>skb.network;
  let l4: usize = 0;
  let proto: u32 = 0;
  if (skb.protocol == ETH_P_IP && skb.network + 20 <= skb.data_end) {
    h = mix(mix(h, load<u32>(p, 12)), load<u32>(p, 16));
    proto = <u32>load<u8>(p, 9);
    if ((load<u16>(p, 6) & 0xff3f) == 0) l4 = p + (<usize>(load<u8>(p) & 15) << 2);
  } else if (skb.protocol == ETH_P_IPV6 && skb.network + 40 <= skb.data_end) {
    for (let i: usize = 8; i < 40; i += 4) h = mix(h, load<u32>(p + i));
    proto = <u32>load<u8>(p, 6);
    l4 = p + 40;
  } else {
    h = mix(mix(mix(h, load<u32>(<usize>skb.mac)), load<u32>(<usize>skb.mac, 4)), load<u32>(<usize>skb.mac, 8));
  }
  h = mix(h, proto);
  if (l4 != 0 && (proto == 6 || proto == 17 || proto == 132) && l4 + 4 <= <usize>skb.data_end) h = mix(h, load<u32>(l4));
  return h == 0 ? 1 : h;
}

export function bpf_get_hash_recalc(ctx: i64): i64 {
  const skb = skbOf(ctx);
  if (skb.hash == 0) skb.hash = flowHash(skb);
  return <i64>skb.hash;
}

// ---- where it goes

const TC_ACT_SHOT: i64 = 2;
const TC_ACT_REDIRECT: i64 = 7;
const XDP_ABORTED: i64 = 0;
const XDP_REDIRECT: i64 = 4;

@inline
function redirectTo(ifindex: u32, flags: u32): void {
  const c = cpu();
  c.redirectIfindex = ifindex;
  c.redirectFlags = flags;
  c.redirectMap = 0;
}

export function bpf_redirect(ifindex: i64, flags: i64): i64 {
  // BPF_F_INGRESS is the only flag.
  if (<u64>flags & ~(<u64>1)) return TC_ACT_SHOT;
  redirectTo(<u32>ifindex, <u32>flags);
  return TC_ACT_REDIRECT;
}

export function bpf_redirect_peer(ifindex: i64, flags: i64): i64 {
  if (flags) return TC_ACT_SHOT;
  redirectTo(<u32>ifindex, 0x100);
  return TC_ACT_REDIRECT;
}

export function bpf_redirect_neigh(ifindex: i64, params: i64, size: i64, flags: i64): i64 {
  if (flags || (<u32>size != 0 && <u32>size < 20)) return TC_ACT_SHOT;
  redirectTo(<u32>ifindex, 0x200);
  return TC_ACT_REDIRECT;
}

export function bpf_xdp_redirect(ifindex: i64, flags: i64): i64 {
  if (flags) return XDP_ABORTED;
  redirectTo(<u32>ifindex, 0);
  return XDP_REDIRECT;
}

export function bpf_clone_redirect(ctx: i64, ifindex: i64, flags: i64): i64 {
  // The only device is lo; a copy that goes there leaves the test run.
  if (<u64>flags & ~(<u64>1)) return EINVAL;
  return <u32>ifindex == 1 ? 0 : EINVAL;
}

// ---- devices and routes

const MTU_CHK_SEGS: u64 = 1;

/** bpf_check_mtu's judgement of a packet of `len` bytes that may change by `diff`. */
@inline
function checkMtu(ifindex: u32, own: u32, mtu: u32, len: u32, at: usize, diff: i32): i64 {
  const dev = ifindex == 0 ? own : ifindex;
  if (dev != 1) return ENODEV;
  const given = load<u32>(at);
  const length = <i64>(given != 0 ? given + 14 : len) + <i64>diff;
  store<u32>(at, mtu);
  // BPF_MTU_CHK_RET_FRAG_NEEDED
  return length > <i64>(mtu + 14) ? 1 : 0;
}

export function bpf_skb_check_mtu(ctx: i64, ifindex: i64, mtuLen: i64, diff: i64, flags: i64): i64 {
  const at = <usize>(<u32>mtuLen);
  if (<u64>flags & ~MTU_CHK_SEGS) return EINVAL;
  if (<u64>flags & MTU_CHK_SEGS && (<i32>diff != 0 || load<u32>(at) != 0)) return EINVAL;
  const skb = skbOf(ctx);
  return checkMtu(<u32>ifindex, skb.ifindex, skb.mtu, skb.len, at, <i32>diff);
}

export function bpf_xdp_check_mtu(ctx: i64, ifindex: i64, mtuLen: i64, diff: i64, flags: i64): i64 {
  if (flags) return EINVAL;
  const xdp = xdpOf(ctx);
  const at = <usize>(<u32>mtuLen);
  return checkMtu(<u32>ifindex, xdp.ingress_ifindex, xdp.mtu, xdp.data_end - xdp.data, at, <i32>diff);
}

/** True for the IPv6 addresses that are never forwarded: multicast, link-local, loopback. */
function staysLocal(p: usize): bool {
  if (load<u8>(p) == 0xff) return true;
  if (load<u8>(p) == 0xfe && (load<u8>(p, 1) & 0xc0) == 0x80) return true;
  return load<u64>(p) == 0 && load<u64>(p, 8) == 0x0100000000000000;
}

/** The only device is lo, which doesn't forward: all that is left of a lookup is its checks. */
export function bpf_fib_lookup(ctx: i64, params: i64, size: i64, flags: i64): i64 {
  const p = <usize>(<u32>params);
  if (<u32>size < 64) return EINVAL;
  if (<u32>flags & ~(<u32>0x3f)) return EINVAL;
  const family = load<u8>(p);
  if (family != 2 && family != 10) return EAFNOSUPPORT;
  // BPF_FIB_LKUP_RET_NOT_FWDED
  if (family == 10 && (staysLocal(p + 16) || staysLocal(p + 32))) return 4;
  if (load<u32>(p, 8) != 1) return ENODEV;
  // BPF_FIB_LKUP_RET_FWD_DISABLED
  return 5;
}

// ---- control groups: all belongs to the root group, whose id is 1

export function bpf_get_cgroup_classid(ctx: i64): i64 {
  return 0;
}

export function bpf_skb_cgroup_classid(ctx: i64): i64 {
  return 0;
}

export function bpf_get_route_realm(ctx: i64): i64 {
  return 0;
}

export function bpf_skb_cgroup_id(ctx: i64): i64 {
  return 1;
}

export function bpf_skb_ancestor_cgroup_id(ctx: i64, level: i64): i64 {
  return <u32>level == 0 ? 1 : 0;
}

export function bpf_get_current_cgroup_id(): i64 {
  return 1;
}

export function bpf_get_current_ancestor_cgroup_id(level: i64): i64 {
  return <u32>level == 0 ? 1 : 0;
}

// ---- when it goes

/** The clock of a timestamp: 0 the system's, 1 monotonic, 2 TAI. */
export function bpf_skb_set_tstamp(ctx: i64, tstamp: i64, type: i64): i64 {
  const skb = skbOf(ctx);
  const clock = <u32>type;
  if (skb.protocol != ETH_P_IP && skb.protocol != ETH_P_IPV6) return EOPNOTSUPP;
  if (clock > 2 || (clock != 0 && tstamp == 0)) return EINVAL;
  skb.tstamp = <u64>tstamp;
  skb.tstamp_type = clock;
  return 0;
}
