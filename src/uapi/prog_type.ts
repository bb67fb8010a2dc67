import { type Row, values } from "./table.ts";

/**
 * The program types of bpf(2), by their name without `BPF_PROG_TYPE_`.
 * Source: `include/uapi/linux/bpf.h`; versions from the eBPF Docs data files.
 */
export const PROG_TYPES = {
  UNSPEC: { value: 0, since: "3.18" },
  SOCKET_FILTER: { value: 1, since: "3.19" },
  KPROBE: { value: 2, since: "4.1" },
  SCHED_CLS: { value: 3, since: "4.1" },
  SCHED_ACT: { value: 4, since: "4.1" },
  TRACEPOINT: { value: 5, since: "4.7" },
  XDP: { value: 6, since: "4.8" },
  PERF_EVENT: { value: 7, since: "4.9" },
  CGROUP_SKB: { value: 8, since: "4.10" },
  CGROUP_SOCK: { value: 9, since: "4.10" },
  LWT_IN: { value: 10, since: "4.10" },
  LWT_OUT: { value: 11, since: "4.10" },
  LWT_XMIT: { value: 12, since: "4.10" },
  SOCK_OPS: { value: 13, since: "4.13" },
  SK_SKB: { value: 14, since: "4.14" },
  CGROUP_DEVICE: { value: 15, since: "4.15" },
  SK_MSG: { value: 16, since: "4.17" },
  RAW_TRACEPOINT: { value: 17, since: "4.17" },
  CGROUP_SOCK_ADDR: { value: 18, since: "4.17" },
  LWT_SEG6LOCAL: { value: 19, since: "4.18" },
  LIRC_MODE2: { value: 20, since: "4.18" },
  SK_REUSEPORT: { value: 21, since: "4.19" },
  FLOW_DISSECTOR: { value: 22, since: "4.20" },
  CGROUP_SYSCTL: { value: 23, since: "5.2" },
  RAW_TRACEPOINT_WRITABLE: { value: 24, since: "5.2" },
  CGROUP_SOCKOPT: { value: 25, since: "5.3" },
  TRACING: { value: 26, since: "5.5" },
  STRUCT_OPS: { value: 27, since: "5.6" },
  EXT: { value: 28, since: "5.6" },
  LSM: { value: 29, since: "5.7" },
  SK_LOOKUP: { value: 30, since: "5.9" },
  SYSCALL: { value: 31, since: "5.14" },
  NETFILTER: { value: 32, since: "6.4" },
} as const satisfies Record<string, Row>;

/** The program type numbers by name: `PROG_TYPE.XDP`. */
export const PROG_TYPE = values(PROG_TYPES);
