import { type Row, values } from "./table.ts";

/**
 * The kinds of bpf_link, by their name without `BPF_LINK_TYPE_`.
 * Source: `include/uapi/linux/bpf.h`; versions from the eBPF Docs data files.
 */
export const LINK_TYPES = {
  UNSPEC: { value: 0, since: "?" },
  RAW_TRACEPOINT: { value: 1, since: "5.8" },
  TRACING: { value: 2, since: "5.8" },
  CGROUP: { value: 3, since: "5.8" },
  ITER: { value: 4, since: "5.8" },
  NETNS: { value: 5, since: "5.8" },
  XDP: { value: 6, since: "5.9" },
  PERF_EVENT: { value: 7, since: "5.15" },
  KPROBE_MULTI: { value: 8, since: "5.18" },
  STRUCT_OPS: { value: 9, since: "?" },
  NETFILTER: { value: 10, since: "?" },
  TCX: { value: 11, since: "?" },
  UPROBE_MULTI: { value: 12, since: "?" },
  NETKIT: { value: 13, since: "?" },
  SOCKMAP: { value: 14, since: "?" },
} as const satisfies Record<string, Row>;

/** The link type numbers by name: `LINK_TYPE.XDP`. */
export const LINK_TYPE = values(LINK_TYPES);
