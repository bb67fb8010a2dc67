import { E } from "../../uapi/errno.ts";
import { PROG_TYPE } from "../../uapi/prog_type.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SysError } from "../error.ts";
import { cpuAddress } from "../mem/layout.ts";
import type { Executable } from "../prog/program.ts";
import { entrySlot } from "./entry_slot.ts";
import { allocFrame, FRAME_ROOM, type Frame } from "./frame.ts";

/** Packets to run a program over, as they came from a capture. */
export interface PacketBatch {
  /** Bytes that hold all packets; only read. */
  readonly bytes: Uint8Array;
  /** How many packets there are; the arrays below may be longer. */
  readonly count: number;
  /** Where each packet starts in `bytes`. */
  readonly offsets: Uint32Array;
  /** How many bytes of it there are. */
  readonly lengths: Uint32Array;
  /** How many it had on the wire; as `lengths` unless given. */
  readonly wireLengths?: Uint32Array;
}

/** What a program made of a batch, in the packets' order. The arrays are the runner's: copy what must last. */
export interface BatchResult {
  readonly retvals: Uint32Array;
  /** 0: the program ran; 1: it did not, the packet being too short for a MAC header, or too long. */
  readonly status: Uint8Array;
  /** Bytes of each packet as the program left it. */
  readonly lengths: Uint32Array;
  /** With `wantPackets`: where each packet is in `packets`. */
  readonly offsets: Uint32Array;
  readonly packets: Uint8Array;
  /** Nanoseconds spent in the loop over packets, this batch only. */
  readonly ns: number;
}

/** Runs one program over batches of packets. Free it when done. */
export interface BatchRunner {
  /** Runs a batch; its maps' contents and everything else persist from one to the next. ENOMEM. */
  run(batch: PacketBatch): BatchResult;
  /** Gives its memory back. */
  free(): void;
}

/** How a batch is run. */
export interface BatchOptions {
  /** A BPF_PROG_TYPE_ number: socket_filter, sched_cls, sched_act or xdp. */
  readonly progType: number;
  readonly entry: Executable["entry"];
  /** Times that the program is run over each packet (at least once); it sees its own changes. */
  readonly repeat?: number;
  /** True to get the packets back. */
  readonly wantPackets?: boolean;
}

/** The record of a packet in linear memory, by byte offset (`Packet` in batch.as.ts). All fields are u32. */
const PACKET = {
  address: 0,
  length: 4,
  wireLength: 8,
  retval: 12,
  outAddress: 16,
  outLength: 20,
  status: 24,
  size: 32,
};

/** What run_batch calls the kinds of contexts. */
const KINDS: Readonly<Record<number, number>> = {
  [PROG_TYPE.SOCKET_FILTER]: 0,
  [PROG_TYPE.SCHED_CLS]: 1,
  [PROG_TYPE.SCHED_ACT]: 1,
  [PROG_TYPE.XDP]: 2,
};

/** Free bytes that run_batch wants behind a packet's copy before it starts on it. */
const OUT_SLACK = 0x20000;
/** Bytes that are read behind a packet when it is copied. */
const IN_SLACK = 16;

/** A block of linear memory that grows when more is wanted. */
class Block {
  readonly #dataplane: Dataplane;
  address = 0;
  size = 0;

  constructor(dataplane: Dataplane) {
    this.#dataplane = dataplane;
  }

  /** Makes it at least `size` bytes; contents are lost. ENOMEM. */
  reserve(size: number): void {
    if (size <= this.size) return;
    this.free();
    this.address = this.#dataplane.exports.alloc(size) >>> 0;
    if (this.address === 0) throw new SysError(E.ENOMEM);
    this.size = size;
  }

  free(): void {
    if (this.address !== 0) this.#dataplane.exports.free(this.address);
    this.address = 0;
    this.size = 0;
  }
}

/** Prepares to run a program over batches; ENOTSUPP for program types that take no packet, ENOMEM. */
export function batchRunner(dataplane: Dataplane, options: BatchOptions): BatchRunner {
  const { progType, entry, repeat = 1, wantPackets = false } = options;
  const kind = KINDS[progType];
  if (kind === undefined) throw new SysError(E.ENOTSUPP, `program type ${progType} takes no packets`);
  const frame = allocFrame(dataplane);
  const input = new Block(dataplane);
  const output = new Block(dataplane);
  const records = new Block(dataplane);
  const run = (batch: PacketBatch): BatchResult => {
    dataplane.exports.cpu_enter(cpuAddress(0));
    const slot = entrySlot(dataplane, entry);
    input.reserve(batch.bytes.length + IN_SLACK);
    records.reserve(Math.max(batch.count, 1) * PACKET.size);
    if (wantPackets) output.reserve(batch.bytes.length + OUT_SLACK);
    dataplane.mem.u8.set(batch.bytes, input.address);
    writeRecords(dataplane, batch, input.address, records.address);
    const call = { slot, kind, repeat: Math.max(repeat, 1), frame };
    return runAll(dataplane, batch.count, call, records, wantPackets ? output : undefined);
  };
  const free = () => {
    for (const part of [frame, input, output, records]) part.free();
  };
  return { run, free };
}

function writeRecords({ mem }: Dataplane, batch: PacketBatch, input: number, records: number): void {
  const words = new Uint32Array(mem.memory.buffer, records, batch.count * (PACKET.size / 4));
  const { offsets, lengths, wireLengths = lengths } = batch;
  for (let i = 0, w = 0; i < batch.count; i++, w += PACKET.size / 4) {
    const length = lengths[i] ?? 0;
    words[w] = input + (offsets[i] ?? 0);
    words[w + 1] = length;
    words[w + 2] = wireLengths[i] ?? length;
  }
}

/** Runs the records, emptying the output as often as it gets full. */
function runAll(
  dataplane: Dataplane,
  count: number,
  call: { slot: number; kind: number; repeat: number; frame: Frame },
  records: Block,
  output: Block | undefined,
): BatchResult {
  const retvals = new Uint32Array(count);
  const status = new Uint8Array(count);
  const lengths = new Uint32Array(count);
  const offsets = new Uint32Array(count);
  const chunks: Uint8Array[] = [];
  let packed = 0;
  let ns = 0;
  for (let done = 0; done < count; ) {
    const first = records.address + done * PACKET.size;
    const out = output?.address ?? 0;
    const start = performance.now();
    const ran = dataplane.exports.run_batch(
      call.slot,
      call.kind,
      first,
      count - done,
      call.frame.data,
      FRAME_ROOM,
      call.repeat,
      out,
      out + (output?.size ?? 0),
    );
    ns += (performance.now() - start) * 1e6;
    const words = new Uint32Array(dataplane.mem.memory.buffer, first, ran * (PACKET.size / 4));
    let length = 0;
    for (let i = 0, w = 0; i < ran; i++, w += PACKET.size / 4) {
      retvals[done + i] = words[w + 3] ?? 0;
      offsets[done + i] = packed + length;
      const bytes = words[w + 5] ?? 0;
      lengths[done + i] = bytes;
      status[done + i] = words[w + 6] ?? 0;
      length += bytes;
    }
    if (output !== undefined) chunks.push(dataplane.mem.bytes(out, length).slice());
    packed += length;
    done += ran;
  }
  return { retvals, status, lengths, offsets, packets: join(chunks, output === undefined ? 0 : packed), ns };
}

/** The chunks in one piece. */
function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const out = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}
