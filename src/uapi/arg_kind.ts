/**
 * What a helper takes in an argument register, in the kernel's words without `ARG_`: `PTR_TO_MEM | MEM_UNINIT` is
 * `mem` with `uninit`. The names on the left are those of the verifier's log only by accident; see `expected=` there.
 */
export type ArgKind =
  /** Any initialised register. */
  | "ANYTHING"
  | "CONST_MAP_PTR"
  /** A key of the map in the first argument. */
  | "PTR_TO_MAP_KEY"
  /** A value of the map in the first argument. */
  | "PTR_TO_MAP_VALUE"
  /** Memory of `size` bytes, or of the size in the next argument where `size` is 0. */
  | "PTR_TO_MEM"
  /** The size of the memory in the argument before, at least 1. */
  | "CONST_SIZE"
  | "CONST_SIZE_OR_ZERO"
  /** A size that must be a known constant, because it becomes the size of what is returned. */
  | "CONST_ALLOC_SIZE_OR_ZERO"
  | "PTR_TO_CTX"
  | "PTR_TO_STACK"
  | "PTR_TO_SPIN_LOCK"
  /** A UAPI `struct bpf_sock_common`. */
  | "PTR_TO_SOCK_COMMON"
  /** A full socket. */
  | "PTR_TO_SOCKET"
  /** A kernel socket or one of the UAPI kinds. */
  | "PTR_TO_BTF_ID_SOCK_COMMON"
  /** A kernel object of the type in `btf`. */
  | "PTR_TO_BTF_ID"
  | "PTR_TO_PERCPU_BTF_ID"
  /** What bpf_ringbuf_reserve gave. */
  | "PTR_TO_RINGBUF_MEM"
  /** A callback: the address of a subprogram. */
  | "PTR_TO_FUNC"
  /** A NUL-terminated string in a frozen read-only map. */
  | "PTR_TO_CONST_STR"
  | "PTR_TO_TIMER"
  | "PTR_TO_DYNPTR"
  /** A slot of a map value that holds a kernel pointer. */
  | "PTR_TO_KPTR";

/** One argument of a helper. */
export interface ArgProto {
  readonly kind: ArgKind;
  /** NULL is taken too. */
  readonly orNull: boolean;
  /** The memory need not be initialised: the helper fills it. */
  readonly uninit: boolean;
  /** The helper writes the memory. `uninit` memory is written too. */
  readonly write: boolean;
  /** The argument gives its reference up. */
  readonly release: boolean;
  /** For fixed-size memory the bytes, else 0. */
  readonly size: number;
  /** Fixed-size memory that must be aligned to its size. */
  readonly aligned: boolean;
  /** For BTF_ID kinds the name of the kernel's struct, else "". */
  readonly btf: string;
  /** For dynptrs: the only kind taken ("" any); `uninit` dynptrs are made of this kind. */
  readonly dynptr: "" | "local" | "ringbuf";
}

/** What a helper leaves in R0, in the kernel's words without `RET_`. */
export type RetKind =
  | "INTEGER"
  /** Nothing: R0 is unreadable afterwards. */
  | "VOID"
  | "PTR_TO_MAP_VALUE_OR_NULL"
  | "PTR_TO_SOCKET_OR_NULL"
  | "PTR_TO_TCP_SOCK_OR_NULL"
  | "PTR_TO_SOCK_COMMON_OR_NULL"
  /** The element of a cgroup storage map. */
  | "PTR_TO_MAP_VALUE"
  | "PTR_TO_RINGBUF_MEM_OR_NULL"
  | "PTR_TO_DYNPTR_MEM_OR_NULL"
  | "PTR_TO_BTF_ID_OR_NULL"
  | "PTR_TO_BTF_ID_TRUSTED"
  | "PTR_TO_MEM_OR_BTF_ID"
  | "PTR_TO_MEM_OR_BTF_ID_OR_NULL";

function arg(kind: ArgKind, more: Partial<ArgProto> = {}): ArgProto {
  const none = { orNull: false, uninit: false, write: false, release: false, size: 0, aligned: false };
  return { kind, ...none, btf: "", dynptr: "", ...more };
}

/** The arguments that occur, by the short names that the table of helpers is written in. */
export const ARGS = {
  any: arg("ANYTHING"),
  map: arg("CONST_MAP_PTR"),
  key: arg("PTR_TO_MAP_KEY"),
  value: arg("PTR_TO_MAP_VALUE"),
  value_null: arg("PTR_TO_MAP_VALUE", { orNull: true }),
  value_uninit: arg("PTR_TO_MAP_VALUE", { uninit: true, write: true }),
  mem: arg("PTR_TO_MEM"),
  mem_null: arg("PTR_TO_MEM", { orNull: true }),
  mem_write: arg("PTR_TO_MEM", { write: true }),
  mem_write_null: arg("PTR_TO_MEM", { write: true, orNull: true }),
  mem_uninit: arg("PTR_TO_MEM", { uninit: true, write: true }),
  u32_write: arg("PTR_TO_MEM", { write: true, size: 4, aligned: true }),
  u64_uninit: arg("PTR_TO_MEM", { uninit: true, write: true, size: 8, aligned: true }),
  iphdr: arg("PTR_TO_MEM", { size: 20 }),
  ipv6hdr: arg("PTR_TO_MEM", { size: 40 }),
  tcphdr: arg("PTR_TO_MEM", { size: 20 }),
  size: arg("CONST_SIZE"),
  size0: arg("CONST_SIZE_OR_ZERO"),
  alloc_size: arg("CONST_ALLOC_SIZE_OR_ZERO"),
  ctx: arg("PTR_TO_CTX"),
  ctx_null: arg("PTR_TO_CTX", { orNull: true }),
  stack_null: arg("PTR_TO_STACK", { orNull: true }),
  spin_lock: arg("PTR_TO_SPIN_LOCK"),
  sock_common: arg("PTR_TO_SOCK_COMMON"),
  socket: arg("PTR_TO_SOCKET"),
  socket_null: arg("PTR_TO_SOCKET", { orNull: true }),
  sk: arg("PTR_TO_BTF_ID_SOCK_COMMON"),
  sk_null: arg("PTR_TO_BTF_ID_SOCK_COMMON", { orNull: true }),
  sk_release: arg("PTR_TO_BTF_ID_SOCK_COMMON", { release: true }),
  task: arg("PTR_TO_BTF_ID", { btf: "task_struct" }),
  task_null: arg("PTR_TO_BTF_ID", { btf: "task_struct", orNull: true }),
  cgroup_null: arg("PTR_TO_BTF_ID", { btf: "cgroup", orNull: true }),
  skb: arg("PTR_TO_BTF_ID", { btf: "sk_buff" }),
  xdp_buff: arg("PTR_TO_BTF_ID", { btf: "xdp_buff" }),
  file: arg("PTR_TO_BTF_ID", { btf: "file" }),
  path: arg("PTR_TO_BTF_ID", { btf: "path" }),
  seq_file: arg("PTR_TO_BTF_ID", { btf: "seq_file" }),
  kptr_value: arg("PTR_TO_BTF_ID", { orNull: true, release: true }),
  percpu: arg("PTR_TO_PERCPU_BTF_ID"),
  ringbuf_mem: arg("PTR_TO_RINGBUF_MEM", { release: true }),
  func: arg("PTR_TO_FUNC"),
  str: arg("PTR_TO_CONST_STR"),
  timer: arg("PTR_TO_TIMER"),
  dynptr: arg("PTR_TO_DYNPTR"),
  dynptr_new_local: arg("PTR_TO_DYNPTR", { uninit: true, write: true, dynptr: "local" }),
  dynptr_new_ringbuf: arg("PTR_TO_DYNPTR", { uninit: true, write: true, dynptr: "ringbuf" }),
  dynptr_release: arg("PTR_TO_DYNPTR", { release: true, dynptr: "ringbuf" }),
  kptr: arg("PTR_TO_KPTR"),
} as const satisfies Record<string, ArgProto>;

/** The short name of an argument. */
export type ArgName = keyof typeof ARGS;
