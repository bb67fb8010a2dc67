import { E } from "../../uapi/errno.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SysError } from "../error.ts";
import { SKB } from "./context.ts";
import { allocFrame, FRAME_ROOM, type Frame } from "./frame.ts";
import { answer, contextIn, DEVICES, runTimed, type TestRunInput, type TestRunResult } from "./test_io.ts";

const ETH_HLEN = 14;
/** A page less headroom (64) and struct skb_shared_info (320). */
const MAX_DATA = 4096 - 64 - 320;
/** BPF_F_TEST_SKB_CHECKSUM_COMPLETE. */
const CHECKSUM_COMPLETE = 4;
/** The network header that must be whole, by `__sk_buff.protocol`: IPv4, IPv6. */
const HEADERS: Readonly<Record<number, number>> = { 8: 20, 56710: 40 };
const GSO_MAX_SEGS = 0xffff;
const MAX_WIRE_LEN = 0x10000;

/** The fields of `struct __sk_buff` that a caller may set: [first byte, bytes]. All others must be zero. */
const SETTABLE: readonly (readonly [number, number])[] = [
  [SKB.mark, 4],
  [SKB.priority, 4],
  [SKB.ingressIfindex, 4],
  [SKB.ifindex, 4],
  [SKB.cb, 20],
  [SKB.tstamp, 8],
  [SKB.wireLen, 4],
  [SKB.gsoSegs, 4],
  [SKB.gsoSize, 4],
  [SKB.hwtstamp, 8],
];

/** Those of them that the program's packet gets, and that come back, as they are. */
const CARRIED: readonly (readonly [number, number])[] = [
  [SKB.mark, 4],
  [SKB.priority, 4],
  [SKB.ingressIfindex, 4],
  [SKB.cb, 20],
  [SKB.tstamp, 8],
  [SKB.gsoSegs, 4],
  [SKB.hwtstamp, 8],
];

const IS_SETTABLE: readonly boolean[] = Array.from({ length: SKB.size }, (_, i) =>
  SETTABLE.some(([from, length]) => i >= from && i < from + length),
);

/** Puts the caller's context into the packet's; EINVAL for fields that can't be set or have impossible values. */
function fillContext(dataplane: Dataplane, ctx: number, given: Uint8Array): void {
  const { mem } = dataplane;
  const from = new DataView(given.buffer);
  if (given.some((b, i) => b !== 0 && IS_SETTABLE[i] !== true)) throw new SysError(E.EINVAL);
  for (const [field, length] of CARRIED) mem.u8.set(given.subarray(field, field + length), ctx + field);
  const length = mem.view.getUint32(ctx + SKB.len, true);
  const wireLen = from.getUint32(SKB.wireLen, true) || length;
  if (wireLen < length || wireLen > MAX_WIRE_LEN) throw new SysError(E.EINVAL);
  if (from.getUint32(SKB.gsoSegs, true) > GSO_MAX_SEGS) throw new SysError(E.EINVAL);
  mem.view.setUint32(ctx + SKB.wireLen, wireLen, true);
  mem.view.setUint32(ctx + SKB.ifindex, from.getUint32(SKB.ifindex, true) || 1, true);
  // A 16-bit field of the kernel's.
  mem.view.setUint32(ctx + SKB.gsoSize, from.getUint16(SKB.gsoSize, true), true);
}

/** The context that goes back: the caller's with what the program may have changed. */
function readContext(dataplane: Dataplane, ctx: number, given: Uint8Array): Uint8Array {
  const { mem } = dataplane;
  const out = given.slice();
  for (const [field, length] of [...CARRIED, [SKB.ifindex, 4], [SKB.wireLen, 4]] as const)
    out.set(mem.bytes(ctx + field, length), field);
  return out;
}

/** The packet as the caller gets it: link-layer header bytes that the program didn't see come back as zeros. */
function readPacket(dataplane: Dataplane, ctx: number): Uint8Array {
  const { mem } = dataplane;
  const pulled = mem.view.getUint32(ctx + SKB.pulled, true);
  const data = mem.view.getUint32(ctx + SKB.data, true);
  const end = mem.view.getUint32(ctx + SKB.dataEnd, true);
  const out = new Uint8Array(pulled + end - data);
  out.set(mem.bytes(data, end - data), pulled);
  return out;
}

/** The run itself, in a frame. */
function runIn(
  dataplane: Dataplane,
  input: TestRunInput,
  l2: boolean,
  data: Uint8Array,
  frame: Frame,
): TestRunResult {
  const { mem, exports } = dataplane;
  const given = contextIn(input, SKB.size);
  if (given !== undefined) {
    const ifindex = new DataView(given.buffer).getUint32(SKB.ifindex, true);
    if (ifindex > 1 && !DEVICES.has(ifindex)) throw new SysError(E.ENODEV);
  }
  mem.u8.set(data, frame.data);
  const ctx = exports.skb_init(
    frame.data,
    data.length,
    frame.data - FRAME_ROOM,
    frame.data + FRAME_ROOM,
    l2 ? 1 : 0,
  );
  const least = HEADERS[mem.view.getUint32(ctx + SKB.protocol, true)] ?? 0;
  if (data.length < ETH_HLEN + least) throw new SysError(E.EINVAL);
  exports.skb_socket(ctx);
  if (given !== undefined) fillContext(dataplane, ctx, given);
  const run = runTimed(dataplane, input, ctx);
  const context = given === undefined ? undefined : readContext(dataplane, ctx, given);
  return answer(input, run, readPacket(dataplane, ctx), context);
}

/** BPF_PROG_TEST_RUN of the types that get a `__sk_buff`; `l2` if their programs see the link-layer header. */
export function testRunSkb(dataplane: Dataplane, input: TestRunInput, l2: boolean): TestRunResult {
  const { flags, cpu, batchSize, dataIn } = input;
  if ((flags & ~CHECKSUM_COMPLETE) !== 0 || cpu !== 0 || batchSize !== 0) throw new SysError(E.EINVAL);
  if (flags !== 0) throw new SysError(E.EOPNOTSUPP, "BPF_F_TEST_SKB_CHECKSUM_COMPLETE is not supported");
  if (dataIn === undefined || dataIn.length < ETH_HLEN || dataIn.length > MAX_DATA)
    throw new SysError(E.EINVAL);
  const frame = allocFrame(dataplane);
  try {
    return runIn(dataplane, input, l2, dataIn, frame);
  } finally {
    frame.free();
  }
}
