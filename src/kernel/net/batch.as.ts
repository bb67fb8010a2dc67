// The loop over packets. It lives here so that entering and leaving WebAssembly costs once for thousands of packets.

import { cpu, cpu_current } from "../mem/cpu.as";
import { ETH_HLEN, Skb, skb_init } from "./skb.as";
import { Xdp, xdp_init } from "./xdp.as";

/** What is known of one packet of a batch; `batch.ts` has the same offsets. */
@unmanaged
class Packet {
  /** Where it lies, and how many of its bytes were captured. */
  address: u32;
  length: u32;
  /** Bytes that it had on the wire. */
  wireLength: u32;
  /** R0's low half. */
  retval: u32;
  /** Where the packet as the program left it was copied to (0: not at all), and its bytes. */
  outAddress: u32;
  outLength: u32;
  /** 0: the program ran; 1: the packet is too short for a MAC header, or too long. */
  status: u32;
  reserved: u32;
}

const KIND_SOCKET_FILTER: u32 = 0;
const KIND_XDP: u32 = 2;
const XDP_HEADROOM: u32 = 256;
/** The most bytes that a packet can have become, with room to spare. */
const OUT_SLACK: u32 = 0x20000;

/** Copies a packet; short ones without leaving WebAssembly. Writes up to 7 bytes too many. */
@inline
function copyIn(to: usize, from: usize, length: u32): void {
  if (length > 192) {
    memory.copy(to, from, <usize>length);
    return;
  }
  const end = from + <usize>length;
  while (from < end) {
    store<u64>(to, load<u64>(from));
    from += 8;
    to += 8;
  }
}

/** Calls the program once. */
@inline
function call(entry: u32, ctx: u32): u32 {
  cpu().tailCalls = 0;
  return <u32>call_indirect<i64>(entry, <i64>ctx, <i32>cpu_current());
}

/** Runs the program `repeat` times over one context, as BPF_PROG_TEST_RUN does; returns the last R0's low half. */
export function run_repeat(entry: u32, ctx: u32, repeat: u32): u32 {
  let retval: u32 = 0;
  do {
    retval = call(entry, ctx);
  } while (--repeat != 0);
  return retval;
}

/**
 * Runs the program at `entry` over `count` packets described at `records`. Each packet is copied to `frame`, which has
 * `room` bytes before and behind it. With `out`, packets as the program left them are copied to there, up to
 * `outEnd`. Returns how many packets were run: fewer than `count` if `out` got full.
 */
export function run_batch(
  entry: u32,
  kind: u32,
  records: u32,
  count: u32,
  frame: u32,
  room: u32,
  repeat: u32,
  out: u32,
  outEnd: u32,
): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const packet = changetype<Packet>(<usize>(records + i * <u32>offsetof<Packet>()));
    const length = packet.length;
    if (length < ETH_HLEN || length > room) {
      packet.status = 1;
      packet.retval = 0;
      packet.outLength = 0;
      continue;
    }
    if (out != 0 && outEnd - out < OUT_SLACK) return i;
    copyIn(<usize>frame, <usize>packet.address, length);
    let start: u32;
    let end: u32;
    if (kind == KIND_XDP) {
      const ctx = xdp_init(frame, length, 0, frame - XDP_HEADROOM, frame + room, 0, 0);
      packet.retval = run_repeat(entry, ctx, repeat);
      const xdp = changetype<Xdp>(<usize>ctx);
      start = xdp.data;
      end = xdp.data_end;
    } else {
      const ctx = skb_init(frame, length, frame - room, frame + room, <u32>(kind != KIND_SOCKET_FILTER));
      const skb = changetype<Skb>(<usize>ctx);
      skb.wire_len = packet.wireLength < length ? length : packet.wireLength;
      packet.retval = run_repeat(entry, ctx, repeat);
      start = skb.data - skb.pulled;
      end = skb.data_end;
      if (out != 0 && skb.vlan_present != 0 && end - start >= 12) {
        // A tag beside the packet goes back into it, as on a device that can't do it itself.
        memory.copy(<usize>out, <usize>start, 12);
        store<u16>(<usize>out, <u16>skb.vlan_proto, 12);
        store<u16>(<usize>out, bswap<u16>(<u16>skb.vlan_tci), 14);
        memory.copy(<usize>(out + 16), <usize>(start + 12), <usize>(end - start - 12));
        packet.outAddress = out;
        packet.outLength = end - start + 4;
        packet.status = 0;
        out += end - start + 4;
        continue;
      }
    }
    packet.status = 0;
    packet.outLength = end - start;
    if (out != 0) {
      memory.copy(<usize>out, <usize>start, <usize>(end - start));
      packet.outAddress = out;
      out += end - start;
    }
  }
  return count;
}
