import { E } from "../../uapi/errno.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SysError } from "../error.ts";
import { XDP } from "./context.ts";
import { allocFrame, type Frame } from "./frame.ts";
import { answer, contextIn, DEVICES, runTimed, type TestRunInput, type TestRunResult } from "./test_io.ts";

const ETH_HLEN = 14;
const PAGE_SIZE = 4096;
const HEADROOM = 256;
/** sizeof(struct xdp_frame): kept free at the start of the headroom. */
const FRAME_SIZE = 40;
/** struct skb_shared_info at the end of the page. */
const TAILROOM = 320;
/** Fragments that a packet may have, a page each. */
const MAX_FRAGS = 17;
/** BPF_F_TEST_XDP_LIVE_FRAMES. */
const LIVE_FRAMES = 2;

/** What the caller's `struct xdp_md` asks for. */
interface Asked {
  /** Bytes of metadata before the packet. */
  readonly meta: number;
  /** Bytes of metadata and packet that should be in the linear part. */
  readonly linear: number;
  readonly ingressIfindex: number;
  readonly rxQueueIndex: number;
}

/** Reads the caller's context; EINVAL for fields that can't be set or have impossible values, ENODEV. */
function readAsked(given: Uint8Array | undefined, size: number): Asked {
  if (given === undefined) return { meta: 0, linear: size, ingressIfindex: 0, rxQueueIndex: 0 };
  const view = new DataView(given.buffer);
  const meta = view.getUint32(XDP.data, true);
  const linear = view.getUint32(XDP.dataEnd, true);
  const ingressIfindex = view.getUint32(XDP.ingressIfindex, true);
  const rxQueueIndex = view.getUint32(XDP.rxQueueIndex, true);
  const impossible =
    view.getUint32(XDP.dataMeta, true) !== 0 ||
    linear > size ||
    meta > linear ||
    meta % 4 !== 0 ||
    meta > HEADROOM - FRAME_SIZE ||
    size - meta < ETH_HLEN ||
    view.getUint32(XDP.egressIfindex, true) !== 0 ||
    (ingressIfindex === 0 && rxQueueIndex !== 0);
  if (impossible) throw new SysError(E.EINVAL);
  if (ingressIfindex !== 0) {
    const device = DEVICES.get(ingressIfindex);
    if (device === undefined) throw new SysError(E.ENODEV);
    if (rxQueueIndex >= device.rxQueues) throw new SysError(E.EINVAL);
  }
  return { meta, linear, ingressIfindex, rxQueueIndex };
}

/**
 * Metadata, linear part and fragments in one piece, of which the caller has room for `room` bytes. As in Linux it is
 * the linear part that a cut shortens; ENOSPC if the fragments alone are too much.
 */
function readPacket({ mem }: Dataplane, ctx: number, frame: Frame, room: number | undefined): Uint8Array {
  const start = mem.view.getUint32(ctx + XDP.dataMeta, true);
  const end = mem.view.getUint32(ctx + XDP.dataEnd, true);
  const fragsLen = mem.view.getUint32(ctx + XDP.fragsLen, true);
  const size = end - start + fragsLen;
  const linear = Math.min(size, room ?? size) - fragsLen;
  if (linear < 0) throw new SysError(E.ENOSPC);
  const out = new Uint8Array(size);
  out.set(mem.bytes(start, linear));
  out.set(mem.bytes(frame.frags, fragsLen), linear);
  return out;
}

/** The context that goes back, its addresses as distances from the start of data_out. */
function readContext({ mem }: Dataplane, ctx: number, given: Uint8Array): Uint8Array {
  const out = given.slice();
  const view = new DataView(out.buffer);
  const field = (offset: number) => mem.view.getUint32(ctx + offset, true);
  const start = field(XDP.dataMeta);
  view.setUint32(XDP.data, field(XDP.data) - start, true);
  view.setUint32(XDP.dataEnd, field(XDP.dataEnd) - start, true);
  view.setUint32(XDP.dataMeta, 0, true);
  return out;
}

/** The run itself, in a frame. */
function runIn(dataplane: Dataplane, input: TestRunInput, data: Uint8Array, frame: Frame): TestRunResult {
  const { mem, exports } = dataplane;
  const given = contextIn(input, XDP.size);
  const asked = readAsked(given, data.length);
  const hardStart = frame.data - HEADROOM;
  const hardEnd = hardStart + PAGE_SIZE - TAILROOM;
  const start = frame.data - asked.meta;
  const linear = Math.min(asked.linear, hardEnd - start);
  const fragsLen = data.length - linear;
  if (fragsLen > MAX_FRAGS * PAGE_SIZE) throw new SysError(E.ENOMEM);
  // What an earlier packet left must not be seen by a program that moves its start.
  mem.bytes(hardStart, HEADROOM).fill(0);
  mem.u8.set(data.subarray(0, linear), start);
  mem.u8.set(data.subarray(linear), frame.frags);
  const ctx = exports.xdp_init(start, linear, asked.meta, hardStart, hardEnd, frame.frags, fragsLen);
  if (asked.ingressIfindex !== 0) {
    mem.view.setUint32(ctx + XDP.ingressIfindex, asked.ingressIfindex, true);
    mem.view.setUint32(ctx + XDP.rxQueueIndex, asked.rxQueueIndex, true);
  }
  const run = runTimed(dataplane, input, ctx);
  const context = given === undefined ? undefined : readContext(dataplane, ctx, given);
  return answer(input, run, readPacket(dataplane, ctx, frame, input.dataOutSize), context);
}

/** BPF_PROG_TEST_RUN of XDP programs. */
export function testRunXdp(dataplane: Dataplane, input: TestRunInput): TestRunResult {
  const { flags, batchSize, dataIn } = input;
  if ((flags & ~LIVE_FRAMES) !== 0) throw new SysError(E.EINVAL);
  if (flags !== 0) throw new SysError(E.EOPNOTSUPP, "BPF_F_TEST_XDP_LIVE_FRAMES is not supported");
  if (batchSize !== 0) throw new SysError(E.EINVAL);
  if (dataIn === undefined || dataIn.length < ETH_HLEN) throw new SysError(E.EINVAL);
  const frame = allocFrame(dataplane);
  try {
    return runIn(dataplane, input, dataIn, frame);
  } finally {
    frame.free();
  }
}
