import type { StructField } from "./struct_field.ts";

/**
 * `struct __sk_buff`: the context of programs that see packets as the network stack holds them. Little endian here;
 * fields named after the wire (protocol, vlan_proto, addresses) hold network byte order.
 * Source: `include/uapi/linux/bpf.h`.
 */
export const SK_BUFF = {
  len: { offset: 0, size: 4, since: "4.1" },
  pkt_type: { offset: 4, size: 4, since: "4.1" },
  mark: { offset: 8, size: 4, since: "4.1" },
  queue_mapping: { offset: 12, size: 4, since: "4.1" },
  protocol: { offset: 16, size: 4, since: "4.1" },
  vlan_present: { offset: 20, size: 4, since: "4.1" },
  vlan_tci: { offset: 24, size: 4, since: "4.1" },
  vlan_proto: { offset: 28, size: 4, since: "4.1" },
  priority: { offset: 32, size: 4, since: "4.1" },
  ingress_ifindex: { offset: 36, size: 4, since: "4.2" },
  ifindex: { offset: 40, size: 4, since: "4.2" },
  tc_index: { offset: 44, size: 4, since: "4.2" },
  cb: { offset: 48, size: 20, since: "4.2" },
  hash: { offset: 68, size: 4, since: "4.3" },
  tc_classid: { offset: 72, size: 4, since: "4.3" },
  data: { offset: 76, size: 4, since: "4.7" },
  data_end: { offset: 80, size: 4, since: "4.7" },
  napi_id: { offset: 84, size: 4, since: "4.12" },
  family: { offset: 88, size: 4, since: "4.14" },
  remote_ip4: { offset: 92, size: 4, since: "4.14" },
  local_ip4: { offset: 96, size: 4, since: "4.14" },
  remote_ip6: { offset: 100, size: 16, since: "4.14" },
  local_ip6: { offset: 116, size: 16, since: "4.14" },
  remote_port: { offset: 132, size: 4, since: "4.14" },
  local_port: { offset: 136, size: 4, since: "4.14" },
  data_meta: { offset: 140, size: 4, since: "4.15" },
  flow_keys: { offset: 144, size: 8, since: "4.20" },
  tstamp: { offset: 152, size: 8, since: "5.0" },
  wire_len: { offset: 160, size: 4, since: "5.0" },
  gso_segs: { offset: 164, size: 4, since: "5.1" },
  sk: { offset: 168, size: 8, since: "5.1" },
  gso_size: { offset: 176, size: 4, since: "5.7" },
  tstamp_type: { offset: 180, size: 1, since: "5.18" },
  hwtstamp: { offset: 184, size: 8, since: "5.16" },
} as const satisfies Record<string, StructField>;
/** Bytes of `struct __sk_buff`. */
export const SK_BUFF_SIZE = 192;

/**
 * The fields of `__sk_buff` that the kernel keeps in fewer bytes than programs see, and the bytes it keeps. It shows:
 * a store is cut to them, and a load of that many bytes gives the field wherever in its four bytes it starts (Linux
 * 6.18, as measured; the upper halves are not zero).
 */
export const SK_BUFF_KEPT: Readonly<Partial<Record<keyof typeof SK_BUFF, 1 | 2>>> = {
  pkt_type: 1,
  queue_mapping: 2,
  protocol: 2,
  vlan_tci: 2,
  vlan_proto: 2,
  tc_index: 2,
  tc_classid: 2,
  gso_segs: 2,
  gso_size: 2,
};

/** A store of this number or more to `queue_mapping` does nothing. */
export const NO_QUEUE_MAPPING = 0xffff;

/** `struct bpf_sock`: what a program may see of a socket. */
export const BPF_SOCK = {
  bound_dev_if: { offset: 0, size: 4, since: "4.10" },
  family: { offset: 4, size: 4, since: "4.10" },
  type: { offset: 8, size: 4, since: "4.10" },
  protocol: { offset: 12, size: 4, since: "4.10" },
  mark: { offset: 16, size: 4, since: "4.14" },
  priority: { offset: 20, size: 4, since: "4.14" },
  src_ip4: { offset: 24, size: 4, since: "4.17" },
  src_ip6: { offset: 28, size: 16, since: "4.17" },
  src_port: { offset: 44, size: 4, since: "4.17" },
  dst_port: { offset: 48, size: 2, since: "5.1" },
  dst_ip4: { offset: 52, size: 4, since: "5.1" },
  dst_ip6: { offset: 56, size: 16, since: "5.1" },
  state: { offset: 72, size: 4, since: "5.1" },
  rx_queue_mapping: { offset: 76, size: 4, since: "5.8" },
} as const satisfies Record<string, StructField>;
/** Bytes of `struct bpf_sock`. */
export const BPF_SOCK_SIZE = 80;

/** `struct bpf_tcp_sock`: what a program may see of a TCP connection. */
export const BPF_TCP_SOCK = {
  snd_cwnd: { offset: 0, size: 4, since: "5.1" },
  srtt_us: { offset: 4, size: 4, since: "5.1" },
  rtt_min: { offset: 8, size: 4, since: "5.1" },
  snd_ssthresh: { offset: 12, size: 4, since: "5.1" },
  rcv_nxt: { offset: 16, size: 4, since: "5.1" },
  snd_nxt: { offset: 20, size: 4, since: "5.1" },
  snd_una: { offset: 24, size: 4, since: "5.1" },
  mss_cache: { offset: 28, size: 4, since: "5.1" },
  ecn_flags: { offset: 32, size: 4, since: "5.1" },
  rate_delivered: { offset: 36, size: 4, since: "5.1" },
  rate_interval_us: { offset: 40, size: 4, since: "5.1" },
  packets_out: { offset: 44, size: 4, since: "5.1" },
  retrans_out: { offset: 48, size: 4, since: "5.1" },
  total_retrans: { offset: 52, size: 4, since: "5.1" },
  segs_in: { offset: 56, size: 4, since: "5.1" },
  data_segs_in: { offset: 60, size: 4, since: "5.1" },
  segs_out: { offset: 64, size: 4, since: "5.1" },
  data_segs_out: { offset: 68, size: 4, since: "5.1" },
  lost_out: { offset: 72, size: 4, since: "5.1" },
  sacked_out: { offset: 76, size: 4, since: "5.1" },
  bytes_received: { offset: 80, size: 8, since: "5.1" },
  bytes_acked: { offset: 88, size: 8, since: "5.1" },
  dsack_dups: { offset: 96, size: 4, since: "5.3" },
  delivered: { offset: 100, size: 4, since: "5.3" },
  delivered_ce: { offset: 104, size: 4, since: "5.3" },
  icsk_retransmits: { offset: 108, size: 4, since: "5.3" },
} as const satisfies Record<string, StructField>;
/** Bytes of `struct bpf_tcp_sock`. */
export const BPF_TCP_SOCK_SIZE = 112;
