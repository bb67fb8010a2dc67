// LD_ABS and LD_IND: loads from the packet in network byte order, with the two areas of offsets that classic BPF
// gave names to (SKF_NET_OFF: from the network header; SKF_LL_OFF: from the MAC header).

import { skbOf } from "./skb.as";

const SKF_NET_OFF: i32 = -0x100000;
const SKF_LL_OFF: i32 = -0x200000;

/** The `size` bytes (1, 2 or 4) at `offset`, as a big-endian number; -1 if they are not all in the packet. */
export function ld_abs(ctx: i64, offset: i32, size: i32): i64 {
  const skb = skbOf(ctx);
  let at: u64;
  if (offset >= 0) at = <u64>skb.data + <u64>offset;
  else if (offset >= SKF_NET_OFF) at = <u64>skb.network + <u64>(offset - SKF_NET_OFF);
  else if (offset >= SKF_LL_OFF) at = <u64>skb.mac + <u64>(offset - SKF_LL_OFF);
  else return -1;
  if (at + <u64>size > <u64>skb.data_end) return -1;
  const p = <usize>at;
  if (size == 1) return <i64>load<u8>(p);
  if (size == 2) return <i64>bswap<u16>(load<u16>(p));
  return <i64>bswap<u32>(load<u32>(p));
}
