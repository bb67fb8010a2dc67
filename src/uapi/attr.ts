import type { CMDS } from "./cmd.ts";
import type { Layout } from "./layout.ts";

/** The fields that the map element commands share. */
const MAP_ELEM = {
  map_fd: { offset: 0, kind: "u32" },
  key: { offset: 8, kind: "ptr", dir: "in", length: { map: "key" } },
} as const satisfies Layout;

/** The fields that the batch commands share. */
const MAP_BATCH = {
  in_batch: { offset: 0, kind: "ptr", dir: "in", length: { map: "key" } },
  out_batch: { offset: 8, kind: "ptr", dir: "out", length: { map: "key" } },
  count: { offset: 32, kind: "u32", dir: "inout" },
  map_fd: { offset: 36, kind: "u32" },
  elem_flags: { offset: 40, kind: "u64" },
  flags: { offset: 48, kind: "u64" },
} as const satisfies Layout;

/** The two directions of a batch's keys and values. */
const BATCH_OUT = {
  keys: { offset: 16, kind: "ptr", dir: "out", length: { map: "key", times: "count" } },
  values: { offset: 24, kind: "ptr", dir: "out", length: { map: "value", times: "count" } },
} as const satisfies Layout;
const BATCH_IN = {
  keys: { offset: 16, kind: "ptr", dir: "in", length: { map: "key", times: "count" } },
  values: { offset: 24, kind: "ptr", dir: "in", length: { map: "value", times: "count" } },
} as const satisfies Layout;

/** BPF_*_GET_NEXT_ID. */
const GET_NEXT_ID = {
  start_id: { offset: 0, kind: "u32" },
  next_id: { offset: 4, kind: "u32", dir: "out" },
} as const satisfies Layout;

/** BPF_PROG_ATTACH and, but for its unused fields, BPF_PROG_DETACH. */
const PROG_ATTACH = {
  target_fd: { offset: 0, kind: "u32" },
  target_ifindex: { offset: 0, kind: "u32" },
  attach_bpf_fd: { offset: 4, kind: "u32" },
  attach_type: { offset: 8, kind: "u32" },
  attach_flags: { offset: 12, kind: "u32" },
  replace_bpf_fd: { offset: 16, kind: "u32" },
  relative_fd: { offset: 20, kind: "u32" },
  relative_id: { offset: 20, kind: "u32" },
  expected_revision: { offset: 24, kind: "u64" },
} as const satisfies Layout;

/** BPF_OBJ_PIN and BPF_OBJ_GET. A path is at most PATH_MAX (4,096) bytes. */
const OBJ = {
  pathname: { offset: 0, kind: "ptr", dir: "in", length: { text: 4096 } },
  bpf_fd: { offset: 8, kind: "u32" },
  file_flags: { offset: 12, kind: "u32" },
  path_fd: { offset: 16, kind: "s32" },
} as const satisfies Layout;

/**
 * The fields of `union bpf_attr` that each command of bpf(2) uses, by the command's name without `BPF_`.
 * The end of the last field is the end of what a command may set: a non-zero byte after it is EINVAL.
 * Source: `include/uapi/linux/bpf.h` of Linux 6.18, bpf(2).
 */
export const ATTRS = {
  MAP_CREATE: {
    map_type: { offset: 0, kind: "u32" },
    key_size: { offset: 4, kind: "u32" },
    value_size: { offset: 8, kind: "u32" },
    max_entries: { offset: 12, kind: "u32" },
    map_flags: { offset: 16, kind: "u32" },
    inner_map_fd: { offset: 20, kind: "u32" },
    numa_node: { offset: 24, kind: "u32" },
    map_name: { offset: 28, kind: "name" },
    map_ifindex: { offset: 44, kind: "u32" },
    btf_fd: { offset: 48, kind: "u32" },
    btf_key_type_id: { offset: 52, kind: "u32" },
    btf_value_type_id: { offset: 56, kind: "u32" },
    btf_vmlinux_value_type_id: { offset: 60, kind: "u32" },
    map_extra: { offset: 64, kind: "u64" },
    value_type_btf_obj_fd: { offset: 72, kind: "s32" },
    map_token_fd: { offset: 76, kind: "s32" },
    excl_prog_hash: { offset: 80, kind: "ptr", dir: "in", length: { field: "excl_prog_hash_size" } },
    excl_prog_hash_size: { offset: 88, kind: "u32" },
  },
  MAP_LOOKUP_ELEM: {
    ...MAP_ELEM,
    value: { offset: 16, kind: "ptr", dir: "out", length: { map: "value" } },
    flags: { offset: 24, kind: "u64" },
  },
  MAP_UPDATE_ELEM: {
    ...MAP_ELEM,
    value: { offset: 16, kind: "ptr", dir: "in", length: { map: "value" } },
    flags: { offset: 24, kind: "u64" },
  },
  MAP_DELETE_ELEM: MAP_ELEM,
  MAP_GET_NEXT_KEY: {
    ...MAP_ELEM,
    next_key: { offset: 16, kind: "ptr", dir: "out", length: { map: "key" } },
  },
  PROG_LOAD: {
    prog_type: { offset: 0, kind: "u32" },
    insn_cnt: { offset: 4, kind: "u32" },
    insns: { offset: 8, kind: "ptr", dir: "in", length: { field: "insn_cnt", times: 8 } },
    license: { offset: 16, kind: "ptr", dir: "in", length: { text: 128 } },
    log_level: { offset: 24, kind: "u32" },
    log_size: { offset: 28, kind: "u32" },
    log_buf: { offset: 32, kind: "ptr", dir: "out", length: { field: "log_size" } },
    kern_version: { offset: 40, kind: "u32" },
    prog_flags: { offset: 44, kind: "u32" },
    prog_name: { offset: 48, kind: "name" },
    prog_ifindex: { offset: 64, kind: "u32" },
    expected_attach_type: { offset: 68, kind: "u32" },
    prog_btf_fd: { offset: 72, kind: "u32" },
    func_info_rec_size: { offset: 76, kind: "u32" },
    func_info: {
      offset: 80,
      kind: "ptr",
      dir: "in",
      length: { field: "func_info_cnt", times: "func_info_rec_size" },
    },
    func_info_cnt: { offset: 88, kind: "u32" },
    line_info_rec_size: { offset: 92, kind: "u32" },
    line_info: {
      offset: 96,
      kind: "ptr",
      dir: "in",
      length: { field: "line_info_cnt", times: "line_info_rec_size" },
    },
    line_info_cnt: { offset: 104, kind: "u32" },
    attach_btf_id: { offset: 108, kind: "u32" },
    attach_prog_fd: { offset: 112, kind: "u32" },
    attach_btf_obj_fd: { offset: 112, kind: "u32" },
    core_relo_cnt: { offset: 116, kind: "u32" },
    fd_array: { offset: 120, kind: "ptr", dir: "in", length: { field: "fd_array_cnt", times: 4 } },
    core_relos: {
      offset: 128,
      kind: "ptr",
      dir: "in",
      length: { field: "core_relo_cnt", times: "core_relo_rec_size" },
    },
    core_relo_rec_size: { offset: 136, kind: "u32" },
    log_true_size: { offset: 140, kind: "u32", dir: "out" },
    prog_token_fd: { offset: 144, kind: "s32" },
    fd_array_cnt: { offset: 148, kind: "u32" },
    signature: { offset: 152, kind: "ptr", dir: "in", length: { field: "signature_size" } },
    signature_size: { offset: 160, kind: "u32" },
    keyring_id: { offset: 164, kind: "s32" },
  },
  OBJ_PIN: OBJ,
  OBJ_GET: OBJ,
  PROG_ATTACH,
  PROG_DETACH: PROG_ATTACH,
  PROG_TEST_RUN: {
    prog_fd: { offset: 0, kind: "u32" },
    retval: { offset: 4, kind: "u32", dir: "out" },
    data_size_in: { offset: 8, kind: "u32" },
    data_size_out: { offset: 12, kind: "u32", dir: "inout" },
    data_in: { offset: 16, kind: "ptr", dir: "in", length: { field: "data_size_in" } },
    data_out: { offset: 24, kind: "ptr", dir: "out", length: { field: "data_size_out" } },
    repeat: { offset: 32, kind: "u32" },
    duration: { offset: 36, kind: "u32", dir: "out" },
    ctx_size_in: { offset: 40, kind: "u32" },
    ctx_size_out: { offset: 44, kind: "u32", dir: "inout" },
    ctx_in: { offset: 48, kind: "ptr", dir: "in", length: { field: "ctx_size_in" } },
    ctx_out: { offset: 56, kind: "ptr", dir: "out", length: { field: "ctx_size_out" } },
    flags: { offset: 64, kind: "u32" },
    cpu: { offset: 68, kind: "u32" },
    batch_size: { offset: 72, kind: "u32" },
  },
  PROG_GET_NEXT_ID: GET_NEXT_ID,
  MAP_GET_NEXT_ID: GET_NEXT_ID,
  PROG_GET_FD_BY_ID: {
    prog_id: { offset: 0, kind: "u32" },
  },
  MAP_GET_FD_BY_ID: {
    map_id: { offset: 0, kind: "u32" },
    open_flags: { offset: 8, kind: "u32" },
  },
  OBJ_GET_INFO_BY_FD: {
    bpf_fd: { offset: 0, kind: "u32" },
    info_len: { offset: 4, kind: "u32", dir: "inout" },
    info: { offset: 8, kind: "ptr", dir: "inout", length: { field: "info_len" } },
  },
  PROG_QUERY: {
    target_fd: { offset: 0, kind: "u32" },
    target_ifindex: { offset: 0, kind: "u32" },
    attach_type: { offset: 4, kind: "u32" },
    query_flags: { offset: 8, kind: "u32" },
    attach_flags: { offset: 12, kind: "u32", dir: "out" },
    prog_ids: { offset: 16, kind: "ptr", dir: "out", length: { field: "count", times: 4 } },
    count: { offset: 24, kind: "u32", dir: "inout" },
    prog_attach_flags: { offset: 32, kind: "ptr", dir: "out", length: { field: "count", times: 4 } },
    link_ids: { offset: 40, kind: "ptr", dir: "out", length: { field: "count", times: 4 } },
    link_attach_flags: { offset: 48, kind: "ptr", dir: "out", length: { field: "count", times: 4 } },
    revision: { offset: 56, kind: "u64", dir: "out" },
  },
  RAW_TRACEPOINT_OPEN: {
    name: { offset: 0, kind: "ptr", dir: "in", length: { text: 128 } },
    prog_fd: { offset: 8, kind: "u32" },
    cookie: { offset: 16, kind: "u64" },
  },
  BTF_LOAD: {
    btf: { offset: 0, kind: "ptr", dir: "in", length: { field: "btf_size" } },
    btf_log_buf: { offset: 8, kind: "ptr", dir: "out", length: { field: "btf_log_size" } },
    btf_size: { offset: 16, kind: "u32" },
    btf_log_size: { offset: 20, kind: "u32" },
    btf_log_level: { offset: 24, kind: "u32" },
    btf_log_true_size: { offset: 28, kind: "u32", dir: "out" },
    btf_flags: { offset: 32, kind: "u32" },
    btf_token_fd: { offset: 36, kind: "s32" },
  },
  BTF_GET_FD_BY_ID: {
    btf_id: { offset: 0, kind: "u32" },
    open_flags: { offset: 8, kind: "u32" },
    fd_by_id_token_fd: { offset: 12, kind: "s32" },
  },
  TASK_FD_QUERY: {
    pid: { offset: 0, kind: "u32" },
    fd: { offset: 4, kind: "u32" },
    flags: { offset: 8, kind: "u32" },
    buf_len: { offset: 12, kind: "u32", dir: "inout" },
    buf: { offset: 16, kind: "ptr", dir: "out", length: { field: "buf_len" } },
    prog_id: { offset: 24, kind: "u32", dir: "out" },
    fd_type: { offset: 28, kind: "u32", dir: "out" },
    probe_offset: { offset: 32, kind: "u64", dir: "out" },
    probe_addr: { offset: 40, kind: "u64", dir: "out" },
  },
  MAP_LOOKUP_AND_DELETE_ELEM: {
    ...MAP_ELEM,
    value: { offset: 16, kind: "ptr", dir: "out", length: { map: "value" } },
    flags: { offset: 24, kind: "u64" },
  },
  MAP_FREEZE: {
    map_fd: { offset: 0, kind: "u32" },
  },
  BTF_GET_NEXT_ID: GET_NEXT_ID,
  MAP_LOOKUP_BATCH: { ...MAP_BATCH, ...BATCH_OUT },
  MAP_LOOKUP_AND_DELETE_BATCH: { ...MAP_BATCH, ...BATCH_OUT },
  MAP_UPDATE_BATCH: { ...MAP_BATCH, ...BATCH_IN },
  MAP_DELETE_BATCH: { ...MAP_BATCH, ...BATCH_IN },
  LINK_CREATE: {
    prog_fd: { offset: 0, kind: "u32" },
    map_fd: { offset: 0, kind: "u32" },
    target_fd: { offset: 4, kind: "u32" },
    target_ifindex: { offset: 4, kind: "u32" },
    attach_type: { offset: 8, kind: "u32" },
    flags: { offset: 12, kind: "u32" },
    target_btf_id: { offset: 16, kind: "u32" },
    iter_info: { offset: 16, kind: "ptr", dir: "in", length: { field: "iter_info_len" } },
    iter_info_len: { offset: 24, kind: "u32" },
    "perf_event.bpf_cookie": { offset: 16, kind: "u64" },
    "kprobe_multi.flags": { offset: 16, kind: "u32" },
    "kprobe_multi.cnt": { offset: 20, kind: "u32" },
    "kprobe_multi.syms": {
      offset: 24,
      kind: "ptr",
      dir: "in",
      length: { field: "kprobe_multi.cnt", times: 8 },
    },
    "kprobe_multi.addrs": {
      offset: 32,
      kind: "ptr",
      dir: "in",
      length: { field: "kprobe_multi.cnt", times: 8 },
    },
    "kprobe_multi.cookies": {
      offset: 40,
      kind: "ptr",
      dir: "in",
      length: { field: "kprobe_multi.cnt", times: 8 },
    },
    "tracing.target_btf_id": { offset: 16, kind: "u32" },
    "tracing.cookie": { offset: 24, kind: "u64" },
    "netfilter.pf": { offset: 16, kind: "u32" },
    "netfilter.hooknum": { offset: 20, kind: "u32" },
    "netfilter.priority": { offset: 24, kind: "s32" },
    "netfilter.flags": { offset: 28, kind: "u32" },
    "tcx.relative_fd": { offset: 16, kind: "u32" },
    "tcx.relative_id": { offset: 16, kind: "u32" },
    "tcx.expected_revision": { offset: 24, kind: "u64" },
    "uprobe_multi.path": { offset: 16, kind: "ptr", dir: "in", length: { text: 4096 } },
    "uprobe_multi.offsets": {
      offset: 24,
      kind: "ptr",
      dir: "in",
      length: { field: "uprobe_multi.cnt", times: 8 },
    },
    "uprobe_multi.ref_ctr_offsets": {
      offset: 32,
      kind: "ptr",
      dir: "in",
      length: { field: "uprobe_multi.cnt", times: 8 },
    },
    "uprobe_multi.cookies": {
      offset: 40,
      kind: "ptr",
      dir: "in",
      length: { field: "uprobe_multi.cnt", times: 8 },
    },
    "uprobe_multi.cnt": { offset: 48, kind: "u32" },
    "uprobe_multi.flags": { offset: 52, kind: "u32" },
    "uprobe_multi.pid": { offset: 56, kind: "u32" },
    "netkit.relative_fd": { offset: 16, kind: "u32" },
    "netkit.relative_id": { offset: 16, kind: "u32" },
    "netkit.expected_revision": { offset: 24, kind: "u64" },
    "cgroup.relative_fd": { offset: 16, kind: "u32" },
    "cgroup.relative_id": { offset: 16, kind: "u32" },
    "cgroup.expected_revision": { offset: 24, kind: "u64" },
  },
  LINK_UPDATE: {
    link_fd: { offset: 0, kind: "u32" },
    new_prog_fd: { offset: 4, kind: "u32" },
    new_map_fd: { offset: 4, kind: "u32" },
    flags: { offset: 8, kind: "u32" },
    old_prog_fd: { offset: 12, kind: "u32" },
    old_map_fd: { offset: 12, kind: "u32" },
  },
  LINK_GET_FD_BY_ID: {
    link_id: { offset: 0, kind: "u32" },
  },
  LINK_GET_NEXT_ID: GET_NEXT_ID,
  ENABLE_STATS: {
    type: { offset: 0, kind: "u32" },
  },
  ITER_CREATE: {
    link_fd: { offset: 0, kind: "u32" },
    flags: { offset: 4, kind: "u32" },
  },
  LINK_DETACH: {
    link_fd: { offset: 0, kind: "u32" },
  },
  PROG_BIND_MAP: {
    prog_fd: { offset: 0, kind: "u32" },
    map_fd: { offset: 4, kind: "u32" },
    flags: { offset: 8, kind: "u32" },
  },
  TOKEN_CREATE: {
    flags: { offset: 0, kind: "u32" },
    bpffs_fd: { offset: 4, kind: "u32" },
  },
  PROG_STREAM_READ_BY_FD: {
    stream_buf: { offset: 0, kind: "ptr", dir: "out", length: { field: "stream_buf_len" } },
    stream_buf_len: { offset: 8, kind: "u32" },
    stream_id: { offset: 12, kind: "u32" },
    prog_fd: { offset: 16, kind: "u32" },
  },
} as const satisfies Record<keyof typeof CMDS, Layout>;

/** The bytes of `union bpf_attr` in Linux 6.18: bpf(2) takes more if they are zero (E2BIG otherwise). */
export const BPF_ATTR_SIZE = 168;
