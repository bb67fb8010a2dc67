import { type Row, values } from "./table.ts";

/**
 * The commands of bpf(2) up to Linux 6.18, by their name without `BPF_`.
 * Source: `include/uapi/linux/bpf.h`; versions from the eBPF Docs data files.
 */
export const CMDS = {
  MAP_CREATE: { value: 0, since: "3.18" },
  MAP_LOOKUP_ELEM: { value: 1, since: "3.18" },
  MAP_UPDATE_ELEM: { value: 2, since: "3.18" },
  MAP_DELETE_ELEM: { value: 3, since: "3.18" },
  MAP_GET_NEXT_KEY: { value: 4, since: "3.18" },
  PROG_LOAD: { value: 5, since: "3.18" },
  OBJ_PIN: { value: 6, since: "4.4" },
  OBJ_GET: { value: 7, since: "4.4" },
  PROG_ATTACH: { value: 8, since: "4.10" },
  PROG_DETACH: { value: 9, since: "4.10" },
  PROG_TEST_RUN: { value: 10, since: "4.12" },
  PROG_GET_NEXT_ID: { value: 11, since: "4.13" },
  MAP_GET_NEXT_ID: { value: 12, since: "4.13" },
  PROG_GET_FD_BY_ID: { value: 13, since: "4.13" },
  MAP_GET_FD_BY_ID: { value: 14, since: "4.13" },
  OBJ_GET_INFO_BY_FD: { value: 15, since: "4.13" },
  PROG_QUERY: { value: 16, since: "4.15" },
  RAW_TRACEPOINT_OPEN: { value: 17, since: "4.17" },
  BTF_LOAD: { value: 18, since: "4.18" },
  BTF_GET_FD_BY_ID: { value: 19, since: "4.18" },
  TASK_FD_QUERY: { value: 20, since: "4.18" },
  MAP_LOOKUP_AND_DELETE_ELEM: { value: 21, since: "4.20" },
  MAP_FREEZE: { value: 22, since: "5.2" },
  BTF_GET_NEXT_ID: { value: 23, since: "5.4" },
  MAP_LOOKUP_BATCH: { value: 24, since: "5.6" },
  MAP_LOOKUP_AND_DELETE_BATCH: { value: 25, since: "5.6" },
  MAP_UPDATE_BATCH: { value: 26, since: "5.6" },
  MAP_DELETE_BATCH: { value: 27, since: "5.6" },
  LINK_CREATE: { value: 28, since: "5.7" },
  LINK_UPDATE: { value: 29, since: "5.7" },
  LINK_GET_FD_BY_ID: { value: 30, since: "5.8" },
  LINK_GET_NEXT_ID: { value: 31, since: "5.8" },
  ENABLE_STATS: { value: 32, since: "5.8" },
  ITER_CREATE: { value: 33, since: "5.8" },
  LINK_DETACH: { value: 34, since: "5.9" },
  PROG_BIND_MAP: { value: 35, since: "5.10" },
  TOKEN_CREATE: { value: 36, since: "6.9" },
  PROG_STREAM_READ_BY_FD: { value: 37, since: "6.17" },
} as const satisfies Record<string, Row>;

/** The command numbers by name: `CMD.MAP_CREATE`. */
export const CMD = values(CMDS);
