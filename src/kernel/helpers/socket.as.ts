// Sockets: a test run's packet belongs to one that was never used; there are no others to be found.

import { ETH_P_IP, skbOf } from "../net/skb.as";
import { EINVAL, EOPNOTSUPP } from "./errno.as";

/** A socket of the right kind for every packet's context. */
export function bpf_sk_fullsock(sk: i64): i64 {
  return sk;
}

export function bpf_tcp_sock(sk: i64): i64 {
  return 0;
}

export function bpf_get_listener_sock(sk: i64): i64 {
  return 0;
}

export function bpf_sk_lookup(ctx: i64, tuple: i64, size: i64, netns: i64, flags: i64): i64 {
  return 0;
}

export function bpf_sk_release(sk: i64): i64 {
  return 0;
}

export function bpf_sk_assign(ctx: i64, sk: i64, flags: i64): i64 {
  // Only packets that come in through a device can be assigned.
  return sk == 0 || flags != 0 ? EINVAL : EOPNOTSUPP;
}

export function bpf_get_socket_cookie(ctx: i64): i64 {
  return 1;
}

export function bpf_get_socket_uid(ctx: i64): i64 {
  return 0;
}

export function bpf_get_netns_cookie(ctx: i64): i64 {
  return 1;
}
