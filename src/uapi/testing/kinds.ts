import { PROG_TYPES } from "../prog_type.ts";

/** The attach type of each kind of program in the fact tables that has one; for tests. */
export const ATTACH_BY_KIND: Readonly<Record<string, number>> = {
  "cgroup_skb/ingress": 0,
  "cgroup_skb/egress": 1,
  "cgroup_sock/create": 2,
  "cgroup_sock/release": 34,
  "cgroup_sock/post_bind4": 12,
  "cgroup_sock/post_bind6": 13,
  "cgroup_sock_addr/bind4": 8,
  "cgroup_sock_addr/bind6": 9,
  "cgroup_sock_addr/connect4": 10,
  "cgroup_sock_addr/connect6": 11,
  "cgroup_sock_addr/sendmsg4": 14,
  "cgroup_sock_addr/sendmsg6": 15,
  "cgroup_sock_addr/recvmsg4": 19,
  "cgroup_sock_addr/recvmsg6": 20,
  "cgroup_sock_addr/getpeername4": 29,
  "cgroup_sock_addr/getpeername6": 30,
  "cgroup_sock_addr/getsockname4": 31,
  "cgroup_sock_addr/getsockname6": 32,
  "cgroup_sockopt/getsockopt": 21,
  "cgroup_sockopt/setsockopt": 22,
  "sk_skb/parser": 4,
  "sk_skb/verdict": 5,
  "sk_reuseport/select": 39,
  "sk_reuseport/migrate": 40,
  "xdp/devmap": 33,
  "xdp/cpumap": 35,
  "kprobe/multi": 42,
  "kprobe/session": 56,
  cgroup_device: 6,
  cgroup_sysctl: 18,
  "tracing/raw_tp": 23,
  "tracing/iter": 28,
};

/** The number of the program type in a kind such as `xdp/devmap`. */
export function typeOfKind(kind: string): number {
  const name = (kind.split("/")[0] ?? "").toUpperCase();
  const row = Object.entries(PROG_TYPES).find(([known]) => known === name);
  if (row === undefined) throw new RangeError(`unknown program type ${name}`);
  return row[1].value;
}
