import { type Row, values } from "./table.ts";

/**
 * The map types of bpf(2), by their name without `BPF_MAP_TYPE_`.
 * Source: `include/uapi/linux/bpf.h`; versions from the eBPF Docs data files.
 */
export const MAP_TYPES = {
  UNSPEC: { value: 0, since: "3.18" },
  HASH: { value: 1, since: "3.19" },
  ARRAY: { value: 2, since: "3.19" },
  PROG_ARRAY: { value: 3, since: "4.2" },
  PERF_EVENT_ARRAY: { value: 4, since: "4.3" },
  PERCPU_HASH: { value: 5, since: "4.6" },
  PERCPU_ARRAY: { value: 6, since: "4.6" },
  STACK_TRACE: { value: 7, since: "4.6" },
  CGROUP_ARRAY: { value: 8, since: "4.8" },
  LRU_HASH: { value: 9, since: "4.10" },
  LRU_PERCPU_HASH: { value: 10, since: "4.10" },
  LPM_TRIE: { value: 11, since: "4.11" },
  ARRAY_OF_MAPS: { value: 12, since: "4.12" },
  HASH_OF_MAPS: { value: 13, since: "4.12" },
  DEVMAP: { value: 14, since: "4.14" },
  SOCKMAP: { value: 15, since: "4.14" },
  CPUMAP: { value: 16, since: "4.15" },
  XSKMAP: { value: 17, since: "4.18" },
  SOCKHASH: { value: 18, since: "4.18" },
  CGROUP_STORAGE: { value: 19, since: "4.19" },
  REUSEPORT_SOCKARRAY: { value: 20, since: "4.19" },
  PERCPU_CGROUP_STORAGE: { value: 21, since: "4.20" },
  QUEUE: { value: 22, since: "4.20" },
  STACK: { value: 23, since: "4.20" },
  SK_STORAGE: { value: 24, since: "5.2" },
  DEVMAP_HASH: { value: 25, since: "5.4" },
  STRUCT_OPS: { value: 26, since: "5.6" },
  RINGBUF: { value: 27, since: "5.8" },
  INODE_STORAGE: { value: 28, since: "5.10" },
  TASK_STORAGE: { value: 29, since: "5.11" },
  BLOOM_FILTER: { value: 30, since: "5.16" },
  USER_RINGBUF: { value: 31, since: "6.1" },
  CGRP_STORAGE: { value: 32, since: "6.2" },
  ARENA: { value: 33, since: "6.9" },
  INSN_ARRAY: { value: 34, since: "6.19" },
} as const satisfies Record<string, Row>;

/** The map type numbers by name: `MAP_TYPE.HASH`. */
export const MAP_TYPE = values(MAP_TYPES);
