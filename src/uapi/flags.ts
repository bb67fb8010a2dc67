import { type Row, values } from "./table.ts";

/**
 * The flags of BPF_MAP_CREATE (`map_flags`), by their name without `BPF_F_`.
 * Source: `include/uapi/linux/bpf.h`; versions from the eBPF Docs data files.
 */
export const MAP_FLAGS = {
  NO_PREALLOC: { value: 0x1, since: "4.6" },
  NO_COMMON_LRU: { value: 0x2, since: "4.10" },
  NUMA_NODE: { value: 0x4, since: "4.14" },
  RDONLY: { value: 0x8, since: "4.15" },
  WRONLY: { value: 0x10, since: "4.15" },
  STACK_BUILD_ID: { value: 0x20, since: "4.17" },
  ZERO_SEED: { value: 0x40, since: "5.0" },
  RDONLY_PROG: { value: 0x80, since: "5.2" },
  WRONLY_PROG: { value: 0x100, since: "5.2" },
  CLONE: { value: 0x200, since: "5.4" },
  MMAPABLE: { value: 0x400, since: "5.5" },
  PRESERVE_ELEMS: { value: 0x800, since: "5.10" },
  INNER_MAP: { value: 0x1000, since: "5.10" },
  LINK: { value: 0x2000, since: "6.4" },
  PATH_FD: { value: 0x4000, since: "6.5" },
  VTYPE_BTF_OBJ_FD: { value: 0x8000, since: "6.9" },
  TOKEN_FD: { value: 0x10000, since: "6.9" },
  SEGV_ON_FAULT: { value: 0x20000, since: "6.9" },
  NO_USER_CONV: { value: 0x40000, since: "6.9" },
} as const satisfies Record<string, Row>;

/** The map flags by name: `MAP_FLAG.NO_PREALLOC`. */
export const MAP_FLAG = values(MAP_FLAGS);

/**
 * The flags of BPF_PROG_LOAD (`prog_flags`), by their name without `BPF_F_`.
 * Source: `include/uapi/linux/bpf.h`; versions from the eBPF Docs data files.
 */
export const PROG_FLAGS = {
  STRICT_ALIGNMENT: { value: 0x1, since: "4.12" },
  ANY_ALIGNMENT: { value: 0x2, since: "5.0" },
  TEST_RND_HI32: { value: 0x4, since: "5.3" },
  TEST_STATE_FREQ: { value: 0x8, since: "5.4" },
  SLEEPABLE: { value: 0x10, since: "5.10" },
  XDP_HAS_FRAGS: { value: 0x20, since: "5.18" },
  XDP_DEV_BOUND_ONLY: { value: 0x40, since: "?" },
  TEST_REG_INVARIANTS: { value: 0x80, since: "?" },
  TOKEN_FD: { value: 0x10000, since: "6.9" },
} as const satisfies Record<string, Row>;

/** The program flags by name: `PROG_FLAG.STRICT_ALIGNMENT`. */
export const PROG_FLAG = values(PROG_FLAGS);

/**
 * The flags of map updates and lookups, by their name without `BPF_`.
 * Source: `include/uapi/linux/bpf.h`; versions from the eBPF Docs data files.
 */
export const ELEM_FLAGS = {
  ANY: { value: 0, since: "?" },
  NOEXIST: { value: 1, since: "?" },
  EXIST: { value: 2, since: "?" },
  F_LOCK: { value: 4, since: "5.1" },
} as const satisfies Record<string, Row>;

/** The element flags by name: `ELEM_FLAG.NOEXIST`. */
export const ELEM_FLAG = values(ELEM_FLAGS);
