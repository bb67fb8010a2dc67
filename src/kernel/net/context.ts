/**
 * The contexts of packet programs in linear memory, by byte offset: `struct __sk_buff` and `struct xdp_md` as in
 * `include/uapi/linux/bpf.h`, and of the kernel's part behind them what BPF_PROG_TEST_RUN looks at. Tests compare
 * with AssemblyScript's `offsetof`. All fields are u32, little endian, unless said otherwise.
 */
export const SKB = {
  len: 0,
  mark: 8,
  protocol: 16,
  vlanPresent: 20,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  /** Five u32. */
  cb: 48,
  hash: 68,
  data: 76,
  dataEnd: 80,
  /** u64. */
  tstamp: 152,
  wireLen: 160,
  gsoSegs: 164,
  gsoSize: 176,
  /** u64. */
  hwtstamp: 184,
  /** sizeof(struct __sk_buff). */
  size: 192,
  head: 192,
  network: 204,
  /** Bytes of link-layer header before `data` that the program doesn't see. */
  pulled: 232,
} as const;

/** As SKB, for `struct xdp_md`. */
export const XDP = {
  data: 0,
  dataEnd: 4,
  dataMeta: 8,
  ingressIfindex: 12,
  rxQueueIndex: 16,
  egressIfindex: 20,
  /** sizeof(struct xdp_md). */
  size: 24,
  /** Bytes in fragments behind the linear part. */
  fragsLen: 36,
} as const;
