import { ATTACH_TYPE } from "../uapi/attach_type.ts";
import { PROG_TYPE } from "../uapi/prog_type.ts";

/** What a section's name says of the programs in it. */
export interface SectionDef {
  /** The name; a `+` at the end stands for nothing or `/` and anything. */
  readonly pattern: string;
  /** A BPF_PROG_TYPE_ number. */
  readonly type: number;
  /** A BPF_ATTACH_TYPE number, 0 where the program type has none. */
  readonly attachType: number;
  /** True if the program may sleep (BPF_F_SLEEPABLE). */
  readonly sleepable: boolean;
  /** True if the program takes packets in fragments (BPF_F_XDP_HAS_FRAGS). */
  readonly xdpFrags: boolean;
  /** True if what follows the slash names a kernel function or tracepoint to be found in BTF. */
  readonly attachBtf: boolean;
}

type ProgName = keyof typeof PROG_TYPE;
type AttachName = keyof typeof ATTACH_TYPE;
type Trait = "sleepable" | "frags" | "btf";

/**
 * The section names of libbpf 1.x. One line for each program type: the type, then names, each with its attach type
 * and traits where it has any. Source: libbpf's documentation, program_types.rst.
 */
const ROWS: readonly (readonly [ProgName, ...(string | readonly [string, AttachName | "", ...Trait[]])[]])[] =
  [
    ["SOCKET_FILTER", "socket"],
    [
      "SK_REUSEPORT",
      ["sk_reuseport/migrate", "SK_REUSEPORT_SELECT_OR_MIGRATE"],
      ["sk_reuseport", "SK_REUSEPORT_SELECT"],
    ],
    [
      "KPROBE",
      "kprobe+",
      "uprobe+",
      ["uprobe.s+", "", "sleepable"],
      "kretprobe+",
      "uretprobe+",
      ["uretprobe.s+", "", "sleepable"],
      ["kprobe.multi+", "TRACE_KPROBE_MULTI"],
      ["kretprobe.multi+", "TRACE_KPROBE_MULTI"],
      ["kprobe.session+", "TRACE_KPROBE_SESSION"],
      ["uprobe.multi+", "TRACE_UPROBE_MULTI"],
      ["uretprobe.multi+", "TRACE_UPROBE_MULTI"],
      ["uprobe.session+", "TRACE_UPROBE_SESSION"],
      ["uprobe.multi.s+", "TRACE_UPROBE_MULTI", "sleepable"],
      ["uretprobe.multi.s+", "TRACE_UPROBE_MULTI", "sleepable"],
      ["uprobe.session.s+", "TRACE_UPROBE_SESSION", "sleepable"],
      "ksyscall+",
      "kretsyscall+",
      ["usdt+", "TRACE_UPROBE_MULTI"],
      ["usdt.s+", "TRACE_UPROBE_MULTI", "sleepable"],
    ],
    [
      "SCHED_CLS",
      ["tc/ingress", "TCX_INGRESS"],
      ["tc/egress", "TCX_EGRESS"],
      ["tcx/ingress", "TCX_INGRESS"],
      ["tcx/egress", "TCX_EGRESS"],
      "tc",
      "classifier",
      ["netkit/primary", "NETKIT_PRIMARY"],
      ["netkit/peer", "NETKIT_PEER"],
    ],
    ["SCHED_ACT", "action"],
    ["TRACEPOINT", "tracepoint+", "tp+", ["tracepoint.s+", "", "sleepable"], ["tp.s+", "", "sleepable"]],
    [
      "RAW_TRACEPOINT",
      "raw_tracepoint+",
      "raw_tp+",
      ["raw_tracepoint.s+", "", "sleepable"],
      ["raw_tp.s+", "", "sleepable"],
    ],
    ["RAW_TRACEPOINT_WRITABLE", "raw_tracepoint.w+", "raw_tp.w+"],
    [
      "TRACING",
      ["tp_btf+", "TRACE_RAW_TP", "btf"],
      ["tp_btf.s+", "TRACE_RAW_TP", "btf", "sleepable"],
      ["fentry+", "TRACE_FENTRY", "btf"],
      ["fmod_ret+", "MODIFY_RETURN", "btf"],
      ["fexit+", "TRACE_FEXIT", "btf"],
      ["fentry.s+", "TRACE_FENTRY", "btf", "sleepable"],
      ["fmod_ret.s+", "MODIFY_RETURN", "btf", "sleepable"],
      ["fexit.s+", "TRACE_FEXIT", "btf", "sleepable"],
      ["iter+", "TRACE_ITER", "btf"],
      ["iter.s+", "TRACE_ITER", "btf", "sleepable"],
    ],
    ["EXT", ["freplace+", "", "btf"]],
    [
      "LSM",
      ["lsm+", "LSM_MAC", "btf"],
      ["lsm.s+", "LSM_MAC", "btf", "sleepable"],
      ["lsm_cgroup+", "LSM_CGROUP", "btf"],
    ],
    ["SYSCALL", ["syscall", "", "sleepable"]],
    [
      "XDP",
      ["xdp.frags/devmap", "XDP_DEVMAP", "frags"],
      ["xdp/devmap", "XDP_DEVMAP"],
      ["xdp.frags/cpumap", "XDP_CPUMAP", "frags"],
      ["xdp/cpumap", "XDP_CPUMAP"],
      ["xdp.frags", "XDP", "frags"],
      ["xdp", "XDP"],
    ],
    ["PERF_EVENT", "perf_event"],
    ["LWT_IN", "lwt_in"],
    ["LWT_OUT", "lwt_out"],
    ["LWT_XMIT", "lwt_xmit"],
    ["LWT_SEG6LOCAL", "lwt_seg6local"],
    ["SOCK_OPS", ["sockops", "CGROUP_SOCK_OPS"]],
    [
      "SK_SKB",
      ["sk_skb/stream_parser", "SK_SKB_STREAM_PARSER"],
      ["sk_skb/stream_verdict", "SK_SKB_STREAM_VERDICT"],
      ["sk_skb/verdict", "SK_SKB_VERDICT"],
      "sk_skb",
    ],
    ["SK_MSG", ["sk_msg", "SK_MSG_VERDICT"]],
    ["LIRC_MODE2", ["lirc_mode2", "LIRC_MODE2"]],
    ["FLOW_DISSECTOR", ["flow_dissector", "FLOW_DISSECTOR"]],
    [
      "CGROUP_SKB",
      ["cgroup_skb/ingress", "CGROUP_INET_INGRESS"],
      ["cgroup_skb/egress", "CGROUP_INET_EGRESS"],
      "cgroup/skb",
    ],
    [
      "CGROUP_SOCK",
      ["cgroup/sock_create", "CGROUP_INET_SOCK_CREATE"],
      ["cgroup/sock_release", "CGROUP_INET_SOCK_RELEASE"],
      ["cgroup/sock", "CGROUP_INET_SOCK_CREATE"],
      ["cgroup/post_bind4", "CGROUP_INET4_POST_BIND"],
      ["cgroup/post_bind6", "CGROUP_INET6_POST_BIND"],
    ],
    [
      "CGROUP_SOCK_ADDR",
      ["cgroup/bind4", "CGROUP_INET4_BIND"],
      ["cgroup/bind6", "CGROUP_INET6_BIND"],
      ["cgroup/connect4", "CGROUP_INET4_CONNECT"],
      ["cgroup/connect6", "CGROUP_INET6_CONNECT"],
      ["cgroup/connect_unix", "CGROUP_UNIX_CONNECT"],
      ["cgroup/sendmsg4", "CGROUP_UDP4_SENDMSG"],
      ["cgroup/sendmsg6", "CGROUP_UDP6_SENDMSG"],
      ["cgroup/sendmsg_unix", "CGROUP_UNIX_SENDMSG"],
      ["cgroup/recvmsg4", "CGROUP_UDP4_RECVMSG"],
      ["cgroup/recvmsg6", "CGROUP_UDP6_RECVMSG"],
      ["cgroup/recvmsg_unix", "CGROUP_UNIX_RECVMSG"],
      ["cgroup/getpeername4", "CGROUP_INET4_GETPEERNAME"],
      ["cgroup/getpeername6", "CGROUP_INET6_GETPEERNAME"],
      ["cgroup/getpeername_unix", "CGROUP_UNIX_GETPEERNAME"],
      ["cgroup/getsockname4", "CGROUP_INET4_GETSOCKNAME"],
      ["cgroup/getsockname6", "CGROUP_INET6_GETSOCKNAME"],
      ["cgroup/getsockname_unix", "CGROUP_UNIX_GETSOCKNAME"],
    ],
    ["CGROUP_SYSCTL", ["cgroup/sysctl", "CGROUP_SYSCTL"]],
    [
      "CGROUP_SOCKOPT",
      ["cgroup/getsockopt", "CGROUP_GETSOCKOPT"],
      ["cgroup/setsockopt", "CGROUP_SETSOCKOPT"],
    ],
    ["CGROUP_DEVICE", ["cgroup/dev", "CGROUP_DEVICE"]],
    ["STRUCT_OPS", "struct_ops+", ["struct_ops.s+", "", "sleepable"]],
    ["SK_LOOKUP", ["sk_lookup", "SK_LOOKUP"]],
    ["NETFILTER", ["netfilter", "NETFILTER"]],
  ];

/** Every section name of libbpf and what it means. */
export const SECTION_DEFS: readonly SectionDef[] = ROWS.flatMap(([type, ...names]) =>
  names.map((row) => {
    const [pattern, attach, ...traits] = typeof row === "string" ? ([row, ""] as const) : row;
    return {
      pattern,
      type: PROG_TYPE[type],
      attachType: attach === "" ? 0 : ATTACH_TYPE[attach],
      sleepable: traits.includes("sleepable"),
      xdpFrags: traits.includes("frags"),
      attachBtf: traits.includes("btf"),
    };
  }),
);

/** What a section's name means (a leading `?` does not count), or undefined if libbpf does not know it. */
export function sectionDef(section: string): SectionDef | undefined {
  const name = section.startsWith("?") ? section.slice(1) : section;
  return SECTION_DEFS.find(({ pattern }) => {
    if (!pattern.endsWith("+")) return name === pattern;
    const stem = pattern.slice(0, -1);
    return name === stem || name.startsWith(`${stem}/`);
  });
}

/**
 * What a name meant to loaders before libbpf 1.0, which took any name that starts with a known one (`xdp_prog`,
 * `socket1`, `classifier/ingress`); the longest known one wins.
 */
export function legacySectionDef(section: string): SectionDef | undefined {
  let best: SectionDef | undefined;
  for (const def of SECTION_DEFS) {
    const stem = def.pattern.replace(/\+$/, "");
    if (section.startsWith(stem) && stem.length > (best?.pattern.length ?? 0)) best = def;
  }
  return best;
}
