import { progKind } from "./helper_proto.ts";

/** What a load from a context field puts into the register, in the verifier's words. */
export type CtxReg =
  | "scalar"
  | "pkt"
  | "pkt_end"
  | "pkt_meta"
  | "sock"
  | "sock_or_null"
  | "sock_common_or_null"
  | "flow_keys"
  | "tp_buffer"
  /** A kernel object of the type in `btf`. */
  | "trusted_ptr";

/**
 * One stretch of a context (or of a UAPI socket) with one rule. An access of `size` bytes at `off` is allowed if it
 * lies inside, `off` is a multiple of `size`, and `size` is among the bits of `read` or `write`. Rows may overlap:
 * one that allows an access is enough, and the first such one says what a load gives.
 */
export interface CtxRow {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** The sizes that may be read: an OR of 1, 2, 4 and 8. */
  readonly read: number;
  /** The sizes that may be written. */
  readonly write: number;
  /** What a load gives. */
  readonly reg: CtxReg;
  /** For kernel objects the struct's name, else "". */
  readonly btf: string;
  /** Accesses narrower than four bytes only at a multiple of four. */
  readonly startOnly: boolean;
}

/** Sizes. */
const W = 4;
const DW = 8;
const NARROW = 1 | 2 | 4;
const ANY = 1 | 2 | 4 | 8;

function row(from: number, to: number, read: number, write = 0, reg: CtxReg = "scalar", btf = ""): CtxRow {
  return { from, to, read, write, reg, btf, startOnly: false };
}

function startOnly(from: number, to: number): CtxRow {
  return { ...row(from, to, NARROW), startOnly: true };
}

/** `__sk_buff` as nearly all types see it: len … protocol, the vlan fields, ifindexes, hash, gso fields, sk. */
const SKB: readonly CtxRow[] = [
  row(0, 48, NARROW),
  row(68, 72, NARROW),
  row(84, 88, NARROW),
  row(164, 168, NARROW),
  row(168, 176, DW, 0, "sock_common_or_null"),
  row(176, 180, NARROW),
];
const SKB_CB_WRITABLE = row(48, 68, ANY, ANY);
const SKB_PACKET: readonly CtxRow[] = [row(76, 80, W, 0, "pkt"), row(80, 84, W, 0, "pkt_end")];
/** family, remote and local addresses, ports: for the types that see packets of a socket. */
const SKB_SOCKET: readonly CtxRow[] = [row(88, 92, NARROW), row(92, 132, W), row(132, 140, NARROW)];
const SKB_MARK = row(8, 12, NARROW, W);
const SKB_PRIORITY = row(32, 36, NARROW, W);
const SKB_TC_INDEX = row(44, 48, NARROW, W);

const SCHED: readonly CtxRow[] = [
  ...[SKB_MARK, SKB_PRIORITY, SKB_TC_INDEX, SKB_CB_WRITABLE, ...SKB, ...SKB_PACKET],
  row(12, 16, NARROW, W),
  row(72, 76, NARROW, W),
  row(140, 144, W, 0, "pkt_meta"),
  row(152, 160, DW, DW),
  row(160, 164, NARROW),
  row(180, 181, 1),
  row(184, 192, DW),
];
const LWT: readonly CtxRow[] = [SKB_MARK, SKB_PRIORITY, SKB_CB_WRITABLE, ...SKB, ...SKB_PACKET];

const XDP: readonly CtxRow[] = [
  row(0, 4, W, 0, "pkt"),
  row(4, 8, W, 0, "pkt_end"),
  row(8, 12, W, 0, "pkt_meta"),
  row(12, 20, W),
];

/** The fields of `struct bpf_sock` that stay readable in every program that has one: addresses, ports, state. */
const SOCK_ADDRESSES: readonly CtxRow[] = [
  row(24, 44, NARROW),
  startOnly(44, 48),
  row(48, 50, 1 | 2),
  row(48, 52, W),
  row(52, 72, NARROW),
  startOnly(72, 80),
];
/** dst_port and what follows. */
const SOCK_REMOTE: readonly CtxRow[] = SOCK_ADDRESSES.slice(2);
const SOCK_CREATE: readonly CtxRow[] = [row(0, 4, W, W), row(16, 24, W, W), startOnly(4, 16), ...SOCK_REMOTE];

/** struct bpf_sock_addr by address family; `local` adds what sendmsg sees of the source address. */
const ADDR: readonly CtxRow[] = [
  row(0, 4, W),
  row(24, 28, NARROW, W),
  row(28, 40, W),
  row(64, 72, DW, 0, "sock"),
];
const ADDR4: readonly CtxRow[] = [...ADDR, row(4, 8, NARROW, W)];
const ADDR6: readonly CtxRow[] = [...ADDR, row(8, 24, ANY, W | DW)];

const SOCKOPT: readonly CtxRow[] = [
  row(0, 8, DW, 0, "sock"),
  row(8, 16, DW, 0, "pkt"),
  row(16, 24, DW, 0, "pkt_end"),
];

/** By kind of program (`progKind`), or its program type alone. */
const RULES: Readonly<Record<string, readonly CtxRow[]>> = {
  socket_filter: [SKB_CB_WRITABLE, ...SKB],
  sched_cls: SCHED,
  sched_act: SCHED,
  cgroup_skb: [
    ...[SKB_MARK, SKB_PRIORITY, SKB_CB_WRITABLE, ...SKB, ...SKB_PACKET, ...SKB_SOCKET],
    row(152, 160, DW, DW),
    row(184, 192, DW),
  ],
  lwt_in: LWT,
  lwt_out: LWT,
  lwt_xmit: LWT,
  lwt_seg6local: LWT,
  sk_skb: [
    ...[SKB_PRIORITY, SKB_TC_INDEX, row(0, 8, NARROW), row(12, 48, NARROW), row(48, 68, ANY)],
    ...[...SKB.slice(1), ...SKB_PACKET, ...SKB_SOCKET],
  ],
  flow_dissector: [...SKB_PACKET, row(144, 152, DW, 0, "flow_keys")],
  xdp: XDP,
  "xdp/devmap": [...XDP, row(20, 24, W)],
  kprobe: [row(0, 168, ANY)],
  tracepoint: [row(8, 8192, ANY)],
  raw_tracepoint: [row(0, 96, ANY)],
  raw_tracepoint_writable: [row(0, 8, DW, 0, "tp_buffer"), row(1, 96, ANY)],
  perf_event: [row(0, 168, DW), row(168, 184, ANY)],
  cgroup_sock: SOCK_CREATE,
  "cgroup_sock/post_bind4": [startOnly(4, 16), row(24, 28, NARROW), startOnly(44, 48), ...SOCK_REMOTE],
  "cgroup_sock/post_bind6": [startOnly(4, 16), row(28, 44, NARROW), startOnly(44, 48), ...SOCK_REMOTE],
  "cgroup_sock_addr/bind4": ADDR4,
  "cgroup_sock_addr/connect4": ADDR4,
  "cgroup_sock_addr/recvmsg4": ADDR4,
  "cgroup_sock_addr/getpeername4": ADDR4,
  "cgroup_sock_addr/getsockname4": ADDR4,
  "cgroup_sock_addr/sendmsg4": [...ADDR4, row(40, 44, NARROW, W)],
  "cgroup_sock_addr/bind6": ADDR6,
  "cgroup_sock_addr/connect6": ADDR6,
  "cgroup_sock_addr/recvmsg6": ADDR6,
  "cgroup_sock_addr/getpeername6": ADDR6,
  "cgroup_sock_addr/getsockname6": ADDR6,
  "cgroup_sock_addr/sendmsg6": [...ADDR6, row(44, 60, ANY, W | DW)],
  cgroup_device: [row(0, 4, NARROW), row(4, 12, W)],
  cgroup_sysctl: [row(0, 4, NARROW), row(4, 8, NARROW, W)],
  "cgroup_sockopt/getsockopt": [...SOCKOPT, row(24, 32, W), row(32, 40, W, W)],
  "cgroup_sockopt/setsockopt": [...SOCKOPT, row(24, 36, W, W)],
  sock_ops: [
    ...[row(0, 4, W), row(4, 8, W, W), row(8, 164, W), row(164, 168, W, W), row(168, 184, DW)],
    ...[row(184, 192, DW, 0, "sock_or_null"), row(192, 200, DW, 0, "pkt"), row(200, 208, DW, 0, "pkt_end")],
    ...[row(208, 212, W), startOnly(212, 216), row(216, 224, DW)],
  ],
  sk_msg: [row(0, 8, DW, 0, "pkt"), row(8, 16, DW, 0, "pkt_end"), row(16, 72, W), row(72, 80, DW, 0, "sock")],
  sk_reuseport: [
    ...[row(0, 8, DW, 0, "pkt"), row(8, 16, DW, 0, "pkt_end"), row(16, 20, NARROW), row(20, 24, 2 | 4)],
    ...[
      row(24, 32, NARROW),
      row(32, 36, W),
      row(40, 48, DW, 0, "sock"),
      row(48, 56, DW, 0, "sock_common_or_null"),
    ],
  ],
  sk_lookup: [row(0, 8, DW, 0, "sock_or_null"), row(8, 68, NARROW)],
  syscall: [row(0, 65535, ANY, ANY)],
  netfilter: [row(0, 8, DW, 0, "trusted_ptr", "nf_hook_state"), row(8, 16, DW, 0, "trusted_ptr", "sk_buff")],
};

/**
 * The rows of a program's context, or undefined for types whose context this table doesn't hold (those that are
 * described by the kernel's BTF: tracing, ext, lsm, struct_ops; and lirc_mode2). Source: what Linux 6.18 answers.
 */
export function ctxRows(progType: number, attachType: number): readonly CtxRow[] | undefined {
  const kind = progKind(progType, attachType);
  return RULES[kind] ?? RULES[kind.split("/")[0] ?? kind];
}

/** The row that allows an access, or undefined if none does. */
export function accessIn(
  rows: readonly CtxRow[],
  off: number,
  size: number,
  write: boolean,
): CtxRow | undefined {
  if (off % size !== 0) return undefined;
  for (const r of rows) {
    if (off < r.from || off + size > r.to || ((write ? r.write : r.read) & size) === 0) continue;
    if (r.startOnly && off % 4 !== 0) continue;
    return r;
  }
  return undefined;
}

/** What may be read through the UAPI socket pointers that programs hold; none may be written. By register type. */
export const SOCK_ROWS: Readonly<
  Record<"sock_common" | "sock" | "tcp_sock" | "xdp_sock", readonly CtxRow[]>
> = {
  sock_common: [row(0, 4, W), startOnly(4, 8), ...SOCK_ADDRESSES],
  sock: [row(0, 4, W), startOnly(4, 16), row(16, 24, W), ...SOCK_ADDRESSES],
  tcp_sock: [row(0, 80, W), row(80, 96, DW), row(96, 112, W)],
  xdp_sock: [row(0, 4, W)],
};
