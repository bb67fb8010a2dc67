// XDP: moving a packet's bounds, and its bytes where it may be in fragments.

import { XDP_FRAME_SIZE, Xdp, xdpOf } from "../net/xdp.as";
import { EACCES, EFAULT, EINVAL } from "./errno.as";

const ETH_HLEN: u32 = 14;

export function bpf_xdp_adjust_head(ctx: i64, offset: i64): i64 {
  const xdp = xdpOf(ctx);
  const by = <i32>offset;
  const meta = xdp.data - xdp.data_meta;
  const data = <i64>xdp.data + <i64>by;
  if (data < <i64>(xdp.hardStart + XDP_FRAME_SIZE + meta)) return EINVAL;
  if (data > <i64>xdp.data_end - <i64>ETH_HLEN) return EINVAL;
  const start = xdp.data_meta + <u32>by;
  if (meta) memory.copy(<usize>start, <usize>xdp.data_meta, <usize>meta);
  xdp.data_meta = start;
  xdp.data = <u32>data;
  return 0;
}

export function bpf_xdp_adjust_meta(ctx: i64, offset: i64): i64 {
  const xdp = xdpOf(ctx);
  const start = <i64>xdp.data_meta + <i64>(<i32>offset);
  if (start < <i64>(xdp.hardStart + XDP_FRAME_SIZE) || start > <i64>xdp.data) return EINVAL;
  const meta = xdp.data - <u32>start;
  if ((meta & 3) != 0 || meta > 252) return EACCES;
  xdp.data_meta = <u32>start;
  return 0;
}

export function bpf_xdp_adjust_tail(ctx: i64, offset: i64): i64 {
  const xdp = xdpOf(ctx);
  const by = <i32>offset;
  if (xdp.fragsLen) return adjustFrags(xdp, by);
  const end = <i64>xdp.data_end + <i64>by;
  if (end > <i64>xdp.hardEnd || end < <i64>(xdp.data + ETH_HLEN)) return EINVAL;
  if (by > 0) memory.fill(<usize>xdp.data_end, 0, <usize>by);
  xdp.data_end = <u32>end;
  return 0;
}

/** Bytes that a fragment may have. */
const FRAG_SIZE: u32 = 4096;

/** Changes the end of a packet in fragments: growing is for the last one's page, shrinking for as many as it takes. */
function adjustFrags(xdp: Xdp, by: i32): i64 {
  if (by >= 0) {
    const last = ((xdp.fragsLen - 1) & (FRAG_SIZE - 1)) + 1;
    if (<u32>by > FRAG_SIZE - last) return EINVAL;
    memory.fill(<usize>(xdp.frags + xdp.fragsLen), 0, <usize>by);
    xdp.fragsLen += <u32>by;
    return 0;
  }
  // What Linux makes of a number that has no positive counterpart.
  if (by == i32.MIN_VALUE) return 0;
  const linear = xdp.data_end - xdp.data;
  const less = <u32>-by;
  const total = <u64>linear + <u64>xdp.fragsLen;
  if (<u64>less + <u64>ETH_HLEN > total) return EINVAL;
  if (less <= xdp.fragsLen) {
    xdp.fragsLen -= less;
    return 0;
  }
  xdp.data_end -= less - xdp.fragsLen;
  xdp.fragsLen = 0;
  return 0;
}

export function bpf_xdp_get_buff_len(ctx: i64): i64 {
  const xdp = xdpOf(ctx);
  return <i64>(xdp.data_end - xdp.data + xdp.fragsLen);
}

/** True if [offset, offset + len) is in the packet; else `error` says why not. */
@inline
function check(xdp: Xdp, offset: u32, len: u32): i64 {
  if (offset > 0xffff || len > 0xffff) return EFAULT;
  return offset + len > xdp.data_end - xdp.data + xdp.fragsLen ? EINVAL : 0;
}

export function bpf_xdp_load_bytes(ctx: i64, offset: i64, to: i64, len: i64): i64 {
  const xdp = xdpOf(ctx);
  const error = check(xdp, <u32>offset, <u32>len);
  if (error) return error;
  let at = <u32>offset;
  let left = <u32>len;
  let p = <usize>(<u32>to);
  const linear = xdp.data_end - xdp.data;
  if (at < linear) {
    const n = min<u32>(linear - at, left);
    memory.copy(p, <usize>(xdp.data + at), <usize>n);
    p += <usize>n;
    at += n;
    left -= n;
  }
  if (left) memory.copy(p, <usize>(xdp.frags + at - linear), <usize>left);
  return 0;
}

export function bpf_xdp_store_bytes(ctx: i64, offset: i64, from: i64, len: i64): i64 {
  const xdp = xdpOf(ctx);
  const error = check(xdp, <u32>offset, <u32>len);
  if (error) return error;
  let at = <u32>offset;
  let left = <u32>len;
  let p = <usize>(<u32>from);
  const linear = xdp.data_end - xdp.data;
  if (at < linear) {
    const n = min<u32>(linear - at, left);
    memory.copy(<usize>(xdp.data + at), p, <usize>n);
    p += <usize>n;
    at += n;
    left -= n;
  }
  if (left) memory.copy(<usize>(xdp.frags + at - linear), p, <usize>left);
  return 0;
}
