import { E } from "../../uapi/errno.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SysError } from "../error.ts";
import { cpuAddress } from "../mem/layout.ts";
import type { Executable } from "../prog/program.ts";
import { entrySlot } from "./entry_slot.ts";

/** What BPF_PROG_TEST_RUN is asked to do, its user pointers already copied in. */
export interface TestRunInput {
  /** A BPF_PROG_TYPE_ number: socket_filter, sched_cls, sched_act or xdp. */
  readonly progType: number;
  readonly entry: Executable["entry"];
  /** attr.test.data_in's bytes; undefined if data_in is NULL and data_size_in 0. */
  readonly dataIn?: Uint8Array;
  /** attr.test.ctx_in's bytes; undefined if ctx_in is NULL. */
  readonly ctxIn?: Uint8Array;
  /** attr.test.data_size_out; undefined if 0, which sets no limit. */
  readonly dataOutSize?: number;
  /** attr.test.ctx_size_out; undefined if ctx_out is NULL. */
  readonly ctxOutSize?: number;
  readonly repeat: number;
  readonly flags: number;
  readonly cpu: number;
  readonly batchSize: number;
}

/** What BPF_PROG_TEST_RUN answers. `errno` is ENOSPC if data was cut, the outputs being valid nevertheless, else 0. */
export interface TestRunResult {
  readonly errno: number;
  readonly retval: number;
  /** Nanoseconds of one run on average. */
  readonly duration: number;
  /** The bytes to copy to data_out and ctx_out (no more than there is room for). */
  readonly dataOut: Uint8Array;
  readonly ctxOut: Uint8Array;
  /** What data_size_out and ctx_size_out become. */
  readonly dataSizeOut: number;
  readonly ctxSizeOut: number;
}

const PAGE_SIZE = 4096;

/** The devices of the namespace that test runs are in, by index, with their receive queues: only lo. */
export const DEVICES: ReadonlyMap<number, { readonly rxQueues: number }> = new Map([[1, { rxQueues: 1 }]]);

/**
 * The caller's context as `size` bytes: shorter ones are filled up with zeros, longer ones may have only zeros behind
 * (E2BIG otherwise, and for more than a page). Undefined if the caller neither gives nor wants one.
 */
export function contextIn({ ctxIn, ctxOutSize }: TestRunInput, size: number): Uint8Array | undefined {
  if (ctxIn === undefined && ctxOutSize === undefined) return undefined;
  const bytes = new Uint8Array(size);
  if (ctxIn === undefined) return bytes;
  if (ctxIn.length > PAGE_SIZE || ctxIn.subarray(size).some((b) => b !== 0)) throw new SysError(E.E2BIG);
  bytes.set(ctxIn.subarray(0, size));
  return bytes;
}

/** Runs a program `repeat` times (0 is once) over the context at `ctx`: R0's low half, and the time of one run. */
export function runTimed(
  dataplane: Dataplane,
  { entry, repeat }: TestRunInput,
  ctx: number,
): { readonly retval: number; readonly duration: number } {
  const { exports } = dataplane;
  exports.cpu_enter(cpuAddress(0));
  const slot = entrySlot(dataplane, entry);
  const times = repeat >>> 0 || 1;
  const start = performance.now();
  const retval = exports.run_repeat(slot, ctx, times) >>> 0;
  const duration = ((performance.now() - start) * 1e6) / times;
  return { retval, duration: Math.min(Math.round(duration), 0xffffffff) };
}

/**
 * The answer as the caller has room for it. Data that is cut makes it ENOSPC, and then there is no context; so does a
 * context that is cut. `data` and `ctx` are copied.
 */
export function answer(
  { dataOutSize, ctxOutSize }: TestRunInput,
  run: { readonly retval: number; readonly duration: number },
  data: Uint8Array,
  ctx: Uint8Array | undefined,
): TestRunResult {
  const room = dataOutSize ?? data.length;
  const cut = data.length > room;
  const out = {
    ...run,
    dataOut: data.slice(0, room),
    dataSizeOut: data.length,
  };
  if (cut || ctx === undefined || ctxOutSize === undefined) {
    const errno = cut ? E.ENOSPC : 0;
    return { ...out, errno, ctxOut: new Uint8Array(0), ctxSizeOut: ctxOutSize ?? 0 };
  }
  const errno = ctx.length > ctxOutSize ? E.ENOSPC : 0;
  return { ...out, errno, ctxOut: ctx.slice(0, ctxOutSize), ctxSizeOut: ctx.length };
}
