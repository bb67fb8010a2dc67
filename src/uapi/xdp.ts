import type { StructField } from "./struct_field.ts";

/**
 * `struct xdp_md`: the context of XDP programs. Little endian; `data`, `data_end` and `data_meta` load as pointers.
 * Source: `include/uapi/linux/bpf.h`.
 */
export const XDP_MD = {
  data: { offset: 0, size: 4, since: "4.8" },
  data_end: { offset: 4, size: 4, since: "4.8" },
  data_meta: { offset: 8, size: 4, since: "4.15" },
  ingress_ifindex: { offset: 12, size: 4, since: "4.16" },
  rx_queue_index: { offset: 16, size: 4, since: "4.16" },
  egress_ifindex: { offset: 20, size: 4, since: "5.8" },
} as const satisfies Record<string, StructField>;
/** Bytes of `struct xdp_md`. */
export const XDP_MD_SIZE = 24;
