// A packet as XDP programs get it: `struct xdp_md` at a fixed place in the CPU's block, and the kernel's part behind.
//
//        hardStart  40 bytes     data_meta  data        data_end           hardEnd
//   frame |   xdp_frame  | headroom  | metadata | linear part | tailroom      |
//
// What did not fit into the linear part of a packet from BPF_PROG_TEST_RUN lies in one piece at `frags`: fragments of
// a page each, the last one shorter.

import { cpu_current } from "../mem/cpu.as";

@unmanaged
export class Xdp {
  // struct xdp_md
  data: u32;
  data_end: u32;
  data_meta: u32;
  ingress_ifindex: u32;
  rx_queue_index: u32;
  egress_ifindex: u32;
  // the kernel's own
  hardStart: u32;
  /** The address behind the last byte that the linear part may have. */
  hardEnd: u32;
  frags: u32;
  fragsLen: u32;
  mtu: u32;
  reserved: u32;
}

/** Bytes that Linux keeps of the headroom for its own (sizeof(struct xdp_frame)). */
export const XDP_FRAME_SIZE: u32 = 40;
/** Where the context lies in the CPU's block: behind the skb's. */
export const XDP_OFFSET: u32 = 384;

/** The packet of a program's context pointer. */
@inline
export function xdpOf(ctx: i64): Xdp {
  return changetype<Xdp>(<usize>(<u32>ctx));
}

/** The context of the CPU that runs now. */
export function xdp_current(): u32 {
  return cpu_current() + XDP_OFFSET;
}

/**
 * Sets up the context of the running CPU for `len` bytes at `frame`, the first `meta` of them metadata before the
 * packet, with `fragsLen` more at `frags`. Returns the context's address.
 */
export function xdp_init(
  frame: u32,
  len: u32,
  meta: u32,
  hardStart: u32,
  hardEnd: u32,
  frags: u32,
  fragsLen: u32,
): u32 {
  const at = xdp_current();
  const xdp = changetype<Xdp>(<usize>at);
  xdp.data_meta = frame;
  xdp.data = frame + meta;
  xdp.data_end = frame + len;
  xdp.ingress_ifindex = 1;
  xdp.rx_queue_index = 0;
  xdp.egress_ifindex = 0;
  xdp.hardStart = hardStart;
  xdp.hardEnd = hardEnd;
  xdp.frags = frags;
  xdp.fragsLen = fragsLen;
  xdp.mtu = 65536;
  return at;
}
