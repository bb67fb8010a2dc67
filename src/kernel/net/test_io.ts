import { E } from "../../uapi/errno.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SysError } from "../error.ts";
import { cpuAddress } from "../mem/layout.ts";
import { entrySlot } from "./entry_slot.ts";
import type { TestRunInput, TestRunResult } from "./test_run.ts";

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
