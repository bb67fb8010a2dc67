import type { Layout } from "./layout.ts";

/**
 * `struct bpf_prog_info` of BPF_OBJ_GET_INFO_BY_FD, Linux 6.18. A pointer's count or length field is read first (how
 * much room there is) and then written (how much there is). `gpl_compatible` is bit 0 of its word.
 */
export const PROG_INFO = {
  type: { offset: 0, kind: "u32", dir: "out" },
  id: { offset: 4, kind: "u32", dir: "out" },
  tag: { offset: 8, kind: "bytes", size: 8, dir: "out" },
  jited_prog_len: { offset: 16, kind: "u32", dir: "inout" },
  xlated_prog_len: { offset: 20, kind: "u32", dir: "inout" },
  jited_prog_insns: { offset: 24, kind: "ptr", dir: "out", length: { field: "jited_prog_len" } },
  xlated_prog_insns: { offset: 32, kind: "ptr", dir: "out", length: { field: "xlated_prog_len" } },
  load_time: { offset: 40, kind: "u64", dir: "out" },
  created_by_uid: { offset: 48, kind: "u32", dir: "out" },
  nr_map_ids: { offset: 52, kind: "u32", dir: "inout" },
  map_ids: { offset: 56, kind: "ptr", dir: "out", length: { field: "nr_map_ids", times: 4 } },
  name: { offset: 64, kind: "name", dir: "out" },
  ifindex: { offset: 80, kind: "u32", dir: "out" },
  gpl_compatible: { offset: 84, kind: "u32", dir: "out" },
  netns_dev: { offset: 88, kind: "u64", dir: "out" },
  netns_ino: { offset: 96, kind: "u64", dir: "out" },
  nr_jited_ksyms: { offset: 104, kind: "u32", dir: "inout" },
  nr_jited_func_lens: { offset: 108, kind: "u32", dir: "inout" },
  jited_ksyms: { offset: 112, kind: "ptr", dir: "out", length: { field: "nr_jited_ksyms", times: 8 } },
  jited_func_lens: {
    offset: 120,
    kind: "ptr",
    dir: "out",
    length: { field: "nr_jited_func_lens", times: 4 },
  },
  btf_id: { offset: 128, kind: "u32", dir: "out" },
  func_info_rec_size: { offset: 132, kind: "u32", dir: "inout" },
  func_info: {
    offset: 136,
    kind: "ptr",
    dir: "out",
    length: { field: "nr_func_info", times: "func_info_rec_size" },
  },
  nr_func_info: { offset: 144, kind: "u32", dir: "inout" },
  nr_line_info: { offset: 148, kind: "u32", dir: "inout" },
  line_info: {
    offset: 152,
    kind: "ptr",
    dir: "out",
    length: { field: "nr_line_info", times: "line_info_rec_size" },
  },
  jited_line_info: {
    offset: 160,
    kind: "ptr",
    dir: "out",
    length: { field: "nr_jited_line_info", times: "jited_line_info_rec_size" },
  },
  nr_jited_line_info: { offset: 168, kind: "u32", dir: "inout" },
  line_info_rec_size: { offset: 172, kind: "u32", dir: "inout" },
  jited_line_info_rec_size: { offset: 176, kind: "u32", dir: "inout" },
  nr_prog_tags: { offset: 180, kind: "u32", dir: "inout" },
  prog_tags: { offset: 184, kind: "ptr", dir: "out", length: { field: "nr_prog_tags", times: 8 } },
  run_time_ns: { offset: 192, kind: "u64", dir: "out" },
  run_cnt: { offset: 200, kind: "u64", dir: "out" },
  recursion_misses: { offset: 208, kind: "u64", dir: "out" },
  verified_insns: { offset: 216, kind: "u32", dir: "out" },
  attach_btf_obj_id: { offset: 220, kind: "u32", dir: "out" },
  attach_btf_id: { offset: 224, kind: "u32", dir: "out" },
} as const satisfies Layout;
/** The bytes of `struct bpf_prog_info`: 4 of padding come last. */
export const PROG_INFO_SIZE = 232;

/** `struct bpf_map_info` of BPF_OBJ_GET_INFO_BY_FD, Linux 6.18. */
export const MAP_INFO = {
  type: { offset: 0, kind: "u32", dir: "out" },
  id: { offset: 4, kind: "u32", dir: "out" },
  key_size: { offset: 8, kind: "u32", dir: "out" },
  value_size: { offset: 12, kind: "u32", dir: "out" },
  max_entries: { offset: 16, kind: "u32", dir: "out" },
  map_flags: { offset: 20, kind: "u32", dir: "out" },
  name: { offset: 24, kind: "name", dir: "out" },
  ifindex: { offset: 40, kind: "u32", dir: "out" },
  btf_vmlinux_value_type_id: { offset: 44, kind: "u32", dir: "out" },
  netns_dev: { offset: 48, kind: "u64", dir: "out" },
  netns_ino: { offset: 56, kind: "u64", dir: "out" },
  btf_id: { offset: 64, kind: "u32", dir: "out" },
  btf_key_type_id: { offset: 68, kind: "u32", dir: "out" },
  btf_value_type_id: { offset: 72, kind: "u32", dir: "out" },
  btf_vmlinux_id: { offset: 76, kind: "u32", dir: "out" },
  map_extra: { offset: 80, kind: "u64", dir: "out" },
  hash: { offset: 88, kind: "ptr", dir: "out", length: { field: "hash_size" } },
  hash_size: { offset: 96, kind: "u32", dir: "inout" },
} as const satisfies Layout;
/** The bytes of `struct bpf_map_info`: 4 of padding come last. */
export const MAP_INFO_SIZE = 104;

/** `struct bpf_btf_info` of BPF_OBJ_GET_INFO_BY_FD. */
export const BTF_INFO = {
  btf: { offset: 0, kind: "ptr", dir: "out", length: { field: "btf_size" } },
  btf_size: { offset: 8, kind: "u32", dir: "inout" },
  id: { offset: 12, kind: "u32", dir: "out" },
  name: { offset: 16, kind: "ptr", dir: "out", length: { field: "name_len" } },
  name_len: { offset: 24, kind: "u32", dir: "inout" },
  kernel_btf: { offset: 28, kind: "u32", dir: "out" },
} as const satisfies Layout;
/** The bytes of `struct bpf_btf_info`. */
export const BTF_INFO_SIZE = 32;
