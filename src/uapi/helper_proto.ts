import { ARGS, type ArgName, type ArgProto, type RetKind } from "./arg_kind.ts";
import { HELPERS } from "./helper_id.ts";
import { PROG_TYPES } from "./prog_type.ts";

/** The name of a helper, without `bpf_`. */
export type HelperName = keyof typeof HELPERS;

/** What the verifier must know of a helper. */
export interface HelperProto {
  readonly id: number;
  /** Without `bpf_`. */
  readonly name: string;
  readonly args: readonly ArgProto[];
  readonly ret: RetKind;
  /** Only programs with a GPL-compatible licence may call it. */
  readonly gplOnly: boolean;
  /** It takes packet memory as an argument. */
  readonly pktAccess: boolean;
  /** It may move the packet: all packet pointers are unknown afterwards. */
  readonly changesPacket: boolean;
  readonly mightSleep: boolean;
  /** What it returns is a reference that must be given up by a releasing helper. */
  readonly acquires: boolean;
  /** A `bpf_fastcall`: it leaves R1 to R5 that it doesn't take alone, where the JIT inlines it (x86-64). */
  readonly fastcall: boolean;
  /** For kernel objects returned: the struct's name, else "". */
  readonly retBtf: string;
  /** The capability that it takes beyond loading a program of the type. */
  readonly cap: "" | "bpf" | "perfmon";
}

interface HelperRow {
  readonly args: readonly ArgName[];
  readonly ret?: RetKind;
  readonly retBtf?: string;
  /** The programs that may call it: names of `GROUPS`, program types, or `type/attach`. */
  readonly in: readonly string[];
  readonly gpl?: boolean;
  readonly pkt?: boolean;
  readonly changes?: boolean;
  readonly sleeps?: boolean;
  readonly acquires?: boolean;
  readonly fastcall?: boolean;
  readonly cap?: "bpf" | "perfmon";
}

/** Program types that come together in the table, by name. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  tc: ["sched_cls", "sched_act"],
  lwt: ["lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local"],
  // The types that trace the kernel through its tracing protos.
  trace: [
    "kprobe",
    "perf_event",
    "raw_tracepoint",
    "raw_tracepoint_writable",
    "tracepoint",
    "tracing",
    "syscall",
  ],
  sock: ["cgroup_skb", "cgroup_sock_addr", "sched_cls", "sched_act", "sk_skb", "xdp"],
  casts: [
    ...["cgroup_skb", "cgroup_sock_addr", "flow_dissector", "lwt_in", "lwt_out", "lwt_seg6local", "lwt_xmit"],
    ...["sched_act", "sched_cls", "sk_lookup", "sk_msg", "sk_skb", "sock_ops", "socket_filter", "syscall"],
    ...["tracing", "xdp"],
  ],
  storage: [
    "cgroup_skb",
    "cgroup_sock_addr",
    "cgroup_sockopt",
    "tc",
    "sk_msg",
    "sock_ops",
    "syscall",
    "tracing",
  ],
  sockopt: ["cgroup_sock_addr", "cgroup_sockopt/setsockopt", "sock_ops"],
  retval: [
    // The attach type decides, even for types that are loaded without one.
    ...["!cgroup_device/0", "!cgroup_sysctl/0"],
    ...["cgroup_device", "cgroup_sock", "cgroup_sock_addr/bind4", "cgroup_sock_addr/bind6"],
    ...["cgroup_sock_addr/connect4", "cgroup_sock_addr/connect6", "cgroup_sock_addr/sendmsg4"],
    ...["cgroup_sock_addr/sendmsg6", "cgroup_sockopt", "cgroup_sysctl"],
  ],
};

const ALL = ["*"];
const TC = ["tc"];
const TC_XMIT = ["lwt_xmit", "tc"];
const TC_XDP = ["tc", "xdp"];
const TRACE = ["trace"];
const CASTS = ["casts"];

/**
 * The helpers, by name: what they take and give, and who may call them. Order: by id.
 * Source: bpf-helpers(7) for the prototypes; the rest is what Linux 6.18 answers (tests ask it again).
 */
const ROWS: Partial<Record<HelperName, HelperRow>> = {
  map_lookup_elem: { args: ["map", "key"], ret: "PTR_TO_MAP_VALUE_OR_NULL", in: ALL, pkt: true },
  map_update_elem: { args: ["map", "key", "value", "any"], in: ALL, pkt: true },
  map_delete_elem: { args: ["map", "key"], in: ALL, pkt: true },
  probe_read: { args: ["mem_uninit", "size0", "any"], in: TRACE, gpl: true },
  ktime_get_ns: { args: [], in: ALL },
  trace_printk: { args: ["mem", "size"], in: ALL, gpl: true, cap: "perfmon" },
  get_prandom_u32: { args: [], in: ALL },
  get_smp_processor_id: { args: [], in: ALL },
  skb_store_bytes: {
    args: ["ctx", "any", "mem", "size", "any"],
    in: ["lwt_xmit", "tc", "sk_skb"],
    changes: true,
  },
  l3_csum_replace: { args: ["ctx", "any", "any", "any", "any"], in: TC_XMIT, changes: true },
  l4_csum_replace: { args: ["ctx", "any", "any", "any", "any"], in: TC_XMIT, changes: true },
  tail_call: { args: ["ctx", "map", "any"], ret: "VOID", in: ALL },
  clone_redirect: { args: ["ctx", "any", "any"], in: TC_XMIT, changes: true },
  get_current_pid_tgid: { args: [], in: ALL },
  get_current_uid_gid: { args: [], in: ALL },
  get_current_comm: { args: ["mem_uninit", "size"], in: ALL, cap: "perfmon" },
  get_cgroup_classid: { args: [], in: ALL },
  skb_vlan_push: { args: ["ctx", "any", "any"], in: TC, changes: true },
  skb_vlan_pop: { args: ["ctx"], in: TC, changes: true },
  skb_get_tunnel_key: { args: ["ctx", "mem_uninit", "size", "any"], in: TC_XMIT },
  skb_set_tunnel_key: { args: ["ctx", "mem", "size", "any"], in: TC_XMIT },
  perf_event_read: { args: ["map", "any"], in: ALL, gpl: true, cap: "perfmon" },
  redirect: { args: ["any", "any"], in: ["lwt_xmit", "tc", "xdp"] },
  get_route_realm: { args: ["ctx"], in: ["lwt", "tc"] },
  perf_event_output: {
    args: ["ctx", "map", "any", "mem", "size0"],
    in: ["*", "!flow_dissector", "!netfilter", "!sk_reuseport"],
    gpl: true,
  },
  skb_load_bytes: {
    args: ["ctx", "any", "mem_uninit", "size"],
    in: ["cgroup_skb", "flow_dissector", "lwt", "tc", "sk_reuseport", "sk_skb", "socket_filter"],
  },
  get_stackid: { args: ["ctx", "map", "any"], in: TRACE, gpl: true },
  csum_diff: { args: ["mem_null", "size0", "mem_null", "size0", "any"], in: ["lwt", "tc", "xdp"], pkt: true },
  skb_get_tunnel_opt: { args: ["ctx", "mem_uninit", "size"], in: TC_XMIT },
  skb_set_tunnel_opt: { args: ["ctx", "mem", "size"], in: TC_XMIT },
  skb_change_proto: { args: ["ctx", "any", "any"], in: TC, changes: true },
  skb_change_type: { args: ["ctx", "any"], in: TC },
  skb_under_cgroup: { args: ["ctx", "map", "any"], in: ["lwt", "tc"] },
  get_hash_recalc: { args: ["ctx"], in: ["lwt", "tc"] },
  get_current_task: { args: [], in: ALL, gpl: true, cap: "perfmon" },
  current_task_under_cgroup: { args: ["map", "any"], in: ALL },
  skb_change_tail: { args: ["ctx", "any", "any"], in: ["lwt_xmit", "tc", "sk_skb"], changes: true },
  skb_pull_data: { args: ["ctx", "any"], in: ["lwt", "tc", "sk_skb"], changes: true },
  csum_update: { args: ["ctx", "any"], in: TC_XMIT },
  set_hash_invalid: { args: ["ctx"], in: TC_XMIT },
  get_numa_node_id: { args: [], in: ALL },
  skb_change_head: { args: ["ctx", "any", "any"], in: ["lwt_xmit", "tc", "sk_skb"], changes: true },
  xdp_adjust_head: { args: ["ctx", "any"], in: ["xdp"], changes: true },
  probe_read_str: { args: ["mem_uninit", "size0", "any"], in: TRACE, gpl: true },
  get_socket_cookie: {
    args: ["ctx"],
    in: [
      "cgroup_skb",
      "cgroup_sock",
      "cgroup_sock_addr",
      "tc",
      "sk_reuseport",
      "sk_skb",
      "sock_ops",
      "socket_filter",
      "syscall",
      "tracing",
    ],
  },
  get_socket_uid: { args: ["ctx"], in: ["cgroup_skb", "tc", "sk_skb", "socket_filter"] },
  set_hash: { args: ["ctx", "any"], in: TC },
  setsockopt: { args: ["ctx", "any", "any", "mem", "size"], in: ["sockopt"] },
  skb_adjust_room: { args: ["ctx", "any", "any", "any"], in: ["tc", "sk_skb"], changes: true },
  redirect_map: { args: ["map", "any", "any"], in: ["xdp"] },
  sk_redirect_map: { args: ["ctx", "map", "any", "any"], in: ["sk_skb"] },
  sock_map_update: { args: ["ctx", "map", "key", "any"], in: ["sock_ops"], pkt: true },
  xdp_adjust_meta: { args: ["ctx", "any"], in: ["xdp"], changes: true },
  perf_event_read_value: { args: ["map", "any", "mem_uninit", "size"], in: ALL, gpl: true, cap: "perfmon" },
  perf_prog_read_value: { args: ["ctx", "mem_uninit", "size"], in: ["perf_event"], gpl: true },
  getsockopt: { args: ["ctx", "any", "any", "mem_uninit", "size"], in: ["sockopt"] },
  sock_ops_cb_flags_set: { args: ["ctx", "any"], in: ["sock_ops"] },
  msg_redirect_map: { args: ["ctx", "map", "any", "any"], in: ["sk_msg"] },
  msg_apply_bytes: { args: ["ctx", "any"], in: ["sk_msg"] },
  msg_cork_bytes: { args: ["ctx", "any"], in: ["sk_msg"] },
  msg_pull_data: { args: ["ctx", "any", "any", "any"], in: ["sk_msg"], changes: true },
  bind: { args: ["ctx", "mem", "size"], in: ["cgroup_sock_addr/connect4", "cgroup_sock_addr/connect6"] },
  xdp_adjust_tail: { args: ["ctx", "any"], in: ["xdp"], changes: true },
  skb_get_xfrm_state: { args: ["ctx", "any", "mem_uninit", "size", "any"], in: TC },
  get_stack: { args: ["ctx", "mem_uninit", "size0", "any"], in: TRACE, gpl: true },
  skb_load_bytes_relative: {
    args: ["ctx", "any", "mem_uninit", "size", "any"],
    in: ["cgroup_skb", "tc", "sk_reuseport", "socket_filter"],
  },
  fib_lookup: { args: ["ctx", "mem_write", "size", "any"], in: TC_XDP, gpl: true },
  sock_hash_update: { args: ["ctx", "map", "key", "any"], in: ["sock_ops"], pkt: true },
  msg_redirect_hash: { args: ["ctx", "map", "key", "any"], in: ["sk_msg"] },
  sk_redirect_hash: { args: ["ctx", "map", "key", "any"], in: ["sk_skb"] },
  lwt_push_encap: { args: ["ctx", "any", "mem", "size"], in: ["lwt_in", "lwt_xmit"], changes: true },
  lwt_seg6_store_bytes: { args: ["ctx", "any", "mem", "size"], in: ["lwt_seg6local"], changes: true },
  lwt_seg6_adjust_srh: { args: ["ctx", "any", "any"], in: ["lwt_seg6local"], changes: true },
  lwt_seg6_action: { args: ["ctx", "any", "mem", "size"], in: ["lwt_seg6local"], changes: true },
  skb_cgroup_id: { args: ["ctx"], in: ["cgroup_skb", "tc"] },
  get_current_cgroup_id: { args: [], in: ALL },
  get_local_storage: {
    args: ["map", "any"],
    ret: "PTR_TO_MAP_VALUE",
    in: [
      "cgroup_device",
      "cgroup_skb",
      "cgroup_sock",
      "cgroup_sock_addr",
      "cgroup_sockopt",
      "cgroup_sysctl",
      "sock_ops",
    ],
  },
  sk_select_reuseport: { args: ["ctx", "map", "key", "any"], in: ["sk_reuseport"] },
  skb_ancestor_cgroup_id: { args: ["ctx", "any"], in: ["cgroup_skb", "tc"] },
  sk_lookup_tcp: {
    args: ["ctx", "mem", "size0", "any", "any"],
    ret: "PTR_TO_SOCKET_OR_NULL",
    in: ["sock"],
    pkt: true,
    acquires: true,
  },
  sk_lookup_udp: {
    args: ["ctx", "mem", "size0", "any", "any"],
    ret: "PTR_TO_SOCKET_OR_NULL",
    in: ["sock"],
    pkt: true,
    acquires: true,
  },
  sk_release: { args: ["sk_release"], in: ["sock", "sk_lookup"] },
  map_push_elem: { args: ["map", "value", "any"], in: ALL, pkt: true },
  map_pop_elem: { args: ["map", "value_uninit"], in: ALL },
  map_peek_elem: { args: ["map", "value_uninit"], in: ALL },
  msg_push_data: { args: ["ctx", "any", "any", "any"], in: ["sk_msg"], changes: true },
  msg_pop_data: { args: ["ctx", "any", "any", "any"], in: ["sk_msg"], changes: true },
  spin_lock: { args: ["spin_lock"], ret: "VOID", in: ALL, cap: "bpf" },
  spin_unlock: { args: ["spin_lock"], ret: "VOID", in: ALL, cap: "bpf" },
  sk_fullsock: { args: ["sock_common"], ret: "PTR_TO_SOCKET_OR_NULL", in: ["cgroup_skb", "tc"] },
  tcp_sock: {
    args: ["sock_common"],
    ret: "PTR_TO_TCP_SOCK_OR_NULL",
    in: ["cgroup_skb", "cgroup_sockopt", "tc", "sock_ops"],
  },
  skb_ecn_set_ce: { args: ["ctx"], in: ["cgroup_skb", "tc"] },
  get_listener_sock: { args: ["sock_common"], ret: "PTR_TO_SOCKET_OR_NULL", in: ["cgroup_skb", "tc"] },
  skc_lookup_tcp: {
    args: ["ctx", "mem", "size0", "any", "any"],
    ret: "PTR_TO_SOCK_COMMON_OR_NULL",
    in: ["sock"],
    pkt: true,
    acquires: true,
  },
  tcp_check_syncookie: { args: ["sk", "mem", "size", "mem", "size"], in: TC_XDP, gpl: true, pkt: true },
  sysctl_get_name: { args: ["ctx", "mem_uninit", "size", "any"], in: ["cgroup_sysctl"] },
  sysctl_get_current_value: { args: ["ctx", "mem_uninit", "size"], in: ["cgroup_sysctl"] },
  sysctl_get_new_value: { args: ["ctx", "mem_uninit", "size"], in: ["cgroup_sysctl"] },
  sysctl_set_new_value: { args: ["ctx", "mem", "size"], in: ["cgroup_sysctl"] },
  strtol: { args: ["mem", "size", "any", "u64_uninit"], in: ALL },
  strtoul: { args: ["mem", "size", "any", "u64_uninit"], in: ALL },
  sk_storage_get: {
    args: ["map", "sk", "value_null", "any"],
    ret: "PTR_TO_MAP_VALUE_OR_NULL",
    in: ["storage", "cgroup_sock"],
  },
  sk_storage_delete: { args: ["map", "sk"], in: ["storage"] },
  send_signal: { args: ["any"], in: ALL, cap: "perfmon" },
  tcp_gen_syncookie: { args: ["sk", "mem", "size", "mem", "size"], in: TC_XDP, gpl: true, pkt: true },
  skb_output: { args: ["skb", "map", "any", "mem", "size0"], in: ["syscall", "tracing"], gpl: true },
  probe_read_user: { args: ["mem_uninit", "size0", "any"], in: ALL, gpl: true, cap: "perfmon" },
  probe_read_kernel: { args: ["mem_uninit", "size0", "any"], in: ALL, gpl: true, cap: "perfmon" },
  probe_read_user_str: { args: ["mem_uninit", "size0", "any"], in: ALL, gpl: true, cap: "perfmon" },
  probe_read_kernel_str: { args: ["mem_uninit", "size0", "any"], in: ALL, gpl: true, cap: "perfmon" },
  send_signal_thread: { args: ["any"], in: ALL, cap: "perfmon" },
  jiffies64: { args: [], in: ALL, cap: "bpf" },
  read_branch_records: { args: ["ctx", "mem_write_null", "size0", "any"], in: ["perf_event"], gpl: true },
  get_ns_current_pid_tgid: { args: ["any", "any", "mem_uninit", "size"], in: ALL },
  xdp_output: { args: ["xdp_buff", "map", "any", "mem", "size0"], in: ["syscall", "tracing"], gpl: true },
  get_netns_cookie: {
    args: ["ctx_null"],
    in: [
      "cgroup_skb",
      "cgroup_sock",
      "cgroup_sock_addr",
      "cgroup_sockopt",
      "tc",
      "sk_msg",
      "sock_ops",
      "socket_filter",
    ],
  },
  get_current_ancestor_cgroup_id: { args: ["any"], in: ALL },
  sk_assign: { args: ["ctx", "sk", "any"], in: ["tc", "sk_lookup"] },
  ktime_get_boot_ns: { args: [], in: ALL },
  seq_printf: { args: ["seq_file", "mem", "size", "mem_null", "size0"], in: ["tracing/iter"], gpl: true },
  seq_write: { args: ["seq_file", "mem", "size0"], in: ["tracing/iter"], gpl: true },
  sk_cgroup_id: { args: ["sk"], in: ["cgroup_skb"] },
  sk_ancestor_cgroup_id: { args: ["sk", "any"], in: ["cgroup_skb"] },
  ringbuf_output: { args: ["map", "mem", "size0", "any"], in: ALL },
  ringbuf_reserve: {
    args: ["map", "alloc_size", "any"],
    ret: "PTR_TO_RINGBUF_MEM_OR_NULL",
    in: ALL,
    acquires: true,
  },
  ringbuf_submit: { args: ["ringbuf_mem", "any"], ret: "VOID", in: ALL },
  ringbuf_discard: { args: ["ringbuf_mem", "any"], ret: "VOID", in: ALL },
  ringbuf_query: { args: ["map", "any"], in: ALL },
  csum_level: { args: ["ctx", "any"], in: TC_XMIT },
  skc_to_tcp6_sock: {
    args: ["sk"],
    ret: "PTR_TO_BTF_ID_OR_NULL",
    retBtf: "tcp6_sock",
    in: CASTS,
    cap: "perfmon",
  },
  skc_to_tcp_sock: {
    args: ["sk"],
    ret: "PTR_TO_BTF_ID_OR_NULL",
    retBtf: "tcp_sock",
    in: CASTS,
    cap: "perfmon",
  },
  skc_to_tcp_timewait_sock: {
    args: ["sk"],
    ret: "PTR_TO_BTF_ID_OR_NULL",
    retBtf: "tcp_timewait_sock",
    in: CASTS,
    cap: "perfmon",
  },
  skc_to_tcp_request_sock: {
    args: ["sk"],
    ret: "PTR_TO_BTF_ID_OR_NULL",
    retBtf: "tcp_request_sock",
    in: CASTS,
    cap: "perfmon",
  },
  skc_to_udp6_sock: {
    args: ["sk"],
    ret: "PTR_TO_BTF_ID_OR_NULL",
    retBtf: "udp6_sock",
    in: CASTS,
    cap: "perfmon",
  },
  get_task_stack: { args: ["task", "mem_uninit", "size0", "any"], in: ALL, cap: "perfmon" },
  load_hdr_opt: { args: ["ctx", "mem_write", "size", "any"], in: ["sock_ops"] },
  store_hdr_opt: { args: ["ctx", "mem", "size", "any"], in: ["sock_ops"] },
  reserve_hdr_opt: { args: ["ctx", "any", "any"], in: ["sock_ops"] },
  d_path: { args: ["path", "mem_uninit", "size0"], in: ["syscall", "tracing"] },
  copy_from_user: { args: ["mem_uninit", "size0", "any"], in: ALL, sleeps: true, cap: "perfmon" },
  snprintf_btf: { args: ["mem_write", "size", "mem", "size", "any"], in: ALL, cap: "perfmon" },
  seq_printf_btf: { args: ["seq_file", "mem", "size0", "any"], in: ["tracing/iter"], gpl: true },
  skb_cgroup_classid: { args: ["ctx"], in: TC },
  redirect_neigh: { args: ["any", "mem_null", "size0", "any"], in: TC },
  per_cpu_ptr: { args: ["percpu", "any"], ret: "PTR_TO_MEM_OR_BTF_ID_OR_NULL", in: ALL, cap: "bpf" },
  this_cpu_ptr: { args: ["percpu"], ret: "PTR_TO_MEM_OR_BTF_ID", in: ALL, cap: "bpf" },
  redirect_peer: { args: ["any", "any"], in: TC },
  task_storage_get: {
    args: ["map", "task_null", "value_null", "any"],
    ret: "PTR_TO_MAP_VALUE_OR_NULL",
    in: ALL,
    cap: "bpf",
  },
  task_storage_delete: { args: ["map", "task_null"], in: ALL, cap: "bpf" },
  get_current_task_btf: {
    args: [],
    ret: "PTR_TO_BTF_ID_TRUSTED",
    retBtf: "task_struct",
    in: ALL,
    gpl: true,
    cap: "perfmon",
  },
  ktime_get_coarse_ns: {
    args: [],
    in: [
      "cgroup_skb",
      "cgroup_sock",
      "cgroup_sock_addr",
      "cgroup_sysctl",
      "flow_dissector",
      "lwt",
      "tc",
      "sk_lookup",
      "sk_msg",
      "sk_reuseport",
      "sk_skb",
      "sock_ops",
      "socket_filter",
      "xdp",
    ],
  },
  sock_from_file: {
    args: ["file"],
    ret: "PTR_TO_BTF_ID_OR_NULL",
    retBtf: "socket",
    in: ["syscall", "tracing"],
  },
  check_mtu: { args: ["ctx", "any", "u32_write", "any", "any"], in: TC_XDP, gpl: true },
  for_each_map_elem: { args: ["map", "func", "stack_null", "any"], in: ALL, cap: "bpf" },
  snprintf: {
    args: ["mem_write_null", "size0", "str", "mem_null", "size0"],
    in: ALL,
    gpl: true,
    cap: "perfmon",
  },
  sys_bpf: { args: ["any", "mem", "size"], in: ["syscall"] },
  btf_find_by_name_kind: { args: ["mem", "size", "any", "any"], in: ["syscall"] },
  sys_close: { args: ["any"], in: ["syscall"] },
  timer_init: { args: ["timer", "map", "any"], in: ALL, gpl: true, cap: "bpf" },
  timer_set_callback: { args: ["timer", "func"], in: ALL, gpl: true, cap: "bpf" },
  timer_start: { args: ["timer", "any", "any"], in: ALL, gpl: true, cap: "bpf" },
  timer_cancel: { args: ["timer"], in: ALL, gpl: true, cap: "bpf" },
  get_func_ip: { args: ["ctx"], in: TRACE, gpl: true },
  get_attach_cookie: {
    args: ["ctx"],
    in: ["kprobe", "perf_event", "raw_tracepoint", "raw_tracepoint_writable", "tracepoint", "tracing/raw_tp"],
  },
  task_pt_regs: {
    args: ["task"],
    ret: "PTR_TO_BTF_ID_TRUSTED",
    retBtf: "pt_regs",
    in: ALL,
    gpl: true,
    cap: "perfmon",
  },
  get_branch_snapshot: { args: ["mem_uninit", "size0"], in: ALL, gpl: true, cap: "perfmon" },
  trace_vprintk: { args: ["mem", "size", "mem_null", "size0"], in: ALL, gpl: true, cap: "perfmon" },
  skc_to_unix_sock: {
    args: ["sk"],
    ret: "PTR_TO_BTF_ID_OR_NULL",
    retBtf: "unix_sock",
    in: CASTS,
    cap: "perfmon",
  },
  kallsyms_lookup_name: { args: ["mem", "size0", "any", "u64_uninit"], in: ["syscall"] },
  find_vma: { args: ["task", "any", "func", "stack_null", "any"], in: ALL, cap: "perfmon" },
  loop: { args: ["any", "func", "stack_null", "any"], in: ALL, cap: "bpf" },
  strncmp: { args: ["mem", "size", "str"], in: ALL },
  get_retval: { args: [], in: ["retval"] },
  set_retval: { args: ["any"], in: ["retval"] },
  xdp_get_buff_len: { args: ["ctx"], in: ["xdp", "syscall", "tracing"] },
  xdp_load_bytes: { args: ["ctx", "any", "mem_uninit", "size"], in: ["xdp"] },
  xdp_store_bytes: { args: ["ctx", "any", "mem", "size"], in: ["xdp"] },
  copy_from_user_task: {
    args: ["mem_uninit", "size0", "any", "task", "any"],
    in: ALL,
    gpl: true,
    sleeps: true,
    cap: "perfmon",
  },
  skb_set_tstamp: { args: ["ctx", "any", "any"], in: TC },
  kptr_xchg: { args: ["kptr", "kptr_value"], ret: "PTR_TO_BTF_ID_OR_NULL", in: ALL, cap: "bpf" },
  map_lookup_percpu_elem: {
    args: ["map", "key", "any"],
    ret: "PTR_TO_MAP_VALUE_OR_NULL",
    in: ALL,
    pkt: true,
  },
  skc_to_mptcp_sock: {
    args: ["sock_common"],
    ret: "PTR_TO_BTF_ID_OR_NULL",
    retBtf: "mptcp_sock",
    in: CASTS,
    cap: "perfmon",
  },
  dynptr_from_mem: { args: ["mem_uninit", "size0", "any", "dynptr_new_local"], in: ALL, cap: "bpf" },
  ringbuf_reserve_dynptr: { args: ["map", "any", "any", "dynptr_new_ringbuf"], in: ALL },
  ringbuf_submit_dynptr: { args: ["dynptr_release", "any"], ret: "VOID", in: ALL },
  ringbuf_discard_dynptr: { args: ["dynptr_release", "any"], ret: "VOID", in: ALL },
  dynptr_read: { args: ["mem_uninit", "size0", "dynptr", "any", "any"], in: ALL, cap: "bpf" },
  dynptr_write: { args: ["dynptr", "any", "mem", "size0", "any"], in: ALL, cap: "bpf" },
  dynptr_data: {
    args: ["dynptr", "any", "alloc_size"],
    ret: "PTR_TO_DYNPTR_MEM_OR_NULL",
    in: ALL,
    cap: "bpf",
  },
  tcp_raw_gen_syncookie_ipv4: { args: ["iphdr", "mem", "size0"], in: TC_XDP, gpl: true, pkt: true },
  tcp_raw_gen_syncookie_ipv6: { args: ["ipv6hdr", "mem", "size0"], in: TC_XDP, gpl: true, pkt: true },
  tcp_raw_check_syncookie_ipv4: { args: ["iphdr", "tcphdr"], in: TC_XDP, gpl: true, pkt: true },
  tcp_raw_check_syncookie_ipv6: { args: ["ipv6hdr", "tcphdr"], in: TC_XDP, gpl: true, pkt: true },
  ktime_get_tai_ns: { args: [], in: ALL },
  user_ringbuf_drain: { args: ["map", "func", "stack_null", "any"], in: ALL, cap: "bpf" },
  cgrp_storage_get: {
    args: ["map", "cgroup_null", "value_null", "any"],
    ret: "PTR_TO_MAP_VALUE_OR_NULL",
    in: ALL,
    cap: "bpf",
  },
  cgrp_storage_delete: { args: ["map", "cgroup_null"], in: ALL, cap: "bpf" },
};

/** Helpers that are another function, with other arguments or licence, for some program types. */
const VARIANTS: readonly {
  readonly name: HelperName;
  readonly in: readonly string[];
  readonly row: Partial<HelperRow>;
}[] = [
  // Elsewhere it is about the running task.
  { name: "get_cgroup_classid", in: ["tc", "lwt"], row: { args: ["ctx"] } },
  { name: "get_smp_processor_id", in: ["tc", "xdp", "lwt", "trace"], row: { fastcall: true } },
  { name: "get_stackid", in: ["perf_event"], row: { gpl: false } },
  { name: "get_func_ip", in: ["kprobe/multi", "kprobe/session"], row: { gpl: false } },
  { name: "get_socket_cookie", in: ["tracing", "syscall"], row: { args: ["sk_null"] } },
  { name: "sk_assign", in: ["sk_lookup"], row: { args: ["ctx", "socket_null", "any"] } },
];

/** The attach types that change what a program may do, by program type: the name that rows of facts give them. */
const ATTACH_NAMES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  cgroup_skb: { 0: "ingress", 1: "egress" },
  cgroup_sock: { 2: "create", 12: "post_bind4", 13: "post_bind6", 34: "release" },
  cgroup_sock_addr: {
    ...{
      8: "bind4",
      9: "bind6",
      10: "connect4",
      11: "connect6",
      14: "sendmsg4",
      15: "sendmsg6",
      19: "recvmsg4",
    },
    ...{ 20: "recvmsg6", 29: "getpeername4", 30: "getpeername6", 31: "getsockname4", 32: "getsockname6" },
  },
  cgroup_sockopt: { 21: "getsockopt", 22: "setsockopt" },
  cgroup_device: { 0: "0" },
  cgroup_sysctl: { 0: "0" },
  sk_skb: { 4: "parser", 5: "verdict" },
  sk_reuseport: { 39: "select", 40: "migrate" },
  xdp: { 33: "devmap", 35: "cpumap" },
  kprobe: { 42: "multi", 56: "session" },
  tracing: { 23: "raw_tp", 28: "iter" },
};

const TYPE_NAMES: readonly string[] = Object.keys(PROG_TYPES).map((name) => name.toLowerCase());

/** The name of a program type with what its attach type adds, as the fact tables write it: `xdp/devmap`. */
export function progKind(progType: number, attachType: number): string {
  const type = TYPE_NAMES[progType] ?? String(progType);
  const attach = ATTACH_NAMES[type]?.[attachType];
  return attach === undefined ? type : `${type}/${attach}`;
}

/** True if a list of a row (`GROUPS`, types, `type/attach`, `*`, and `!` exclusions) names this kind of program. */
export function kindIn(list: readonly string[], kind: string): boolean {
  const type = kind.split("/")[0];
  let found = false;
  for (const item of list) {
    if (item.startsWith("!")) {
      if (item.slice(1) === type || item.slice(1) === kind) return false;
    } else if (item === "*" || item === type || item === kind) {
      found = true;
    } else {
      const group = GROUPS[item];
      if (group !== undefined && kindIn(group, kind)) found = true;
    }
  }
  return found;
}

function build(name: HelperName, row: HelperRow): HelperProto {
  return {
    id: HELPERS[name].value,
    name,
    args: row.args.map((arg) => ARGS[arg]),
    ret: row.ret ?? "INTEGER",
    retBtf: row.retBtf ?? "",
    gplOnly: row.gpl === true,
    pktAccess: row.pkt === true,
    changesPacket: row.changes === true,
    mightSleep: row.sleeps === true,
    acquires: row.acquires === true,
    fastcall: row.fastcall === true,
    cap: row.cap ?? "",
  };
}

const PROTOS: ReadonlyMap<number, HelperProto> = new Map(
  (Object.entries(ROWS) as [HelperName, HelperRow][]).map(([name, row]) => [
    HELPERS[name].value,
    build(name, row),
  ]),
);
const IN: ReadonlyMap<number, readonly string[]> = new Map(
  (Object.entries(ROWS) as [HelperName, HelperRow][]).map(([name, row]) => [HELPERS[name].value, row.in]),
);
const BUILT = VARIANTS.map((v) => {
  const row = ROWS[v.name];
  if (row === undefined) throw new RangeError(`no row of helper ${v.name}`);
  return { id: HELPERS[v.name].value, in: v.in, proto: build(v.name, { ...row, ...v.row }) };
});

/** What `helperProto` found before, by program kind and id: the verifier asks at every call that it meets. */
const MAX_KINDS = 64;
const FOUND = new Map<number, Map<number, HelperProto | undefined>>();

/**
 * The prototype of a helper for a program of this type and attach type, or undefined if such a program may not call
 * it. Capabilities (`cap`) and the licence (`gplOnly`) are the caller's to check.
 */
export function helperProto(id: number, progType: number, attachType: number): HelperProto | undefined {
  if (!PROTOS.has(id)) return undefined;
  // Kinds that don't exist are not kept, whoever asks for how many of them.
  if (progType >= MAX_KINDS || attachType >= MAX_KINDS) return findProto(id, progType, attachType);
  const kind = attachType * MAX_KINDS + progType;
  let found = FOUND.get(kind);
  if (found === undefined) {
    found = new Map();
    FOUND.set(kind, found);
  }
  let proto = found.get(id);
  if (proto === undefined && !found.has(id)) {
    proto = findProto(id, progType, attachType);
    found.set(id, proto);
  }
  return proto;
}

function findProto(id: number, progType: number, attachType: number): HelperProto | undefined {
  const list = IN.get(id);
  if (list === undefined) return undefined;
  const kind = progKind(progType, attachType);
  if (!kindIn(list, kind)) return undefined;
  for (const variant of BUILT) if (variant.id === id && kindIn(variant.in, kind)) return variant.proto;
  return PROTOS.get(id);
}

/** A helper's usual prototype, whoever calls it; undefined for ids that no program type of the table may call. */
export function anyHelperProto(id: number): HelperProto | undefined {
  return PROTOS.get(id);
}
