import { LOG_LEVEL2 } from "../log/log.ts";
import { type RegPtr, type StatePtr, TYPE } from "../state/layout.ts";
import { printState } from "../state/print.ts";
import {
  allocatedStack,
  callsite,
  curframe,
  firstInsnIdx,
  frameAt,
  frameReg,
  histCount,
  histTail,
  isPrecise,
  isScalar,
  isSpilled,
  isSpilledScalar,
  lastInsnIdx,
  parentOf,
  regType,
  setPrecise,
  slotAt,
  slotReg,
  stateInsnIdx,
  subprogno,
} from "../state/view.ts";
import type { Env } from "../walk/env.ts";
import { backtrackInsn } from "./backtrack.ts";
import { entryFor, type HistoryCursor, previousInsn } from "./history.ts";
import {
  addReg,
  addSlot,
  dropReg,
  dropSlot,
  hasReg,
  hasSlot,
  noSlots,
  nothingTracked,
  regsText,
  slotsText,
  type Tracked,
} from "./tracked.ts";

/** R1 to R5, one bit each. */
const ARGS = 0x3e;

function isVerbose(env: Env): boolean {
  return (env.log.level & LOG_LEVEL2) !== 0;
}

/** The verification's record of what is tracked, emptied: one walk backwards ends before another begins. */
function startTracking(env: Env, frame: number): Tracked {
  const t = env.prune.tracked;
  t.frame = frame;
  t.regs.fill(0);
  t.slots.fill(0);
  return t;
}

/** Calls `fn` for R0 to R9 and each spilled number of every frame. */
function forEachScalar(
  state: StatePtr,
  fn: (r: RegPtr, frame: number, isReg: boolean, index: number) => void,
): void {
  for (let f = 0; f <= curframe(state); f++) {
    const frame = frameAt(state, f);
    for (let n = 0; n < 10; n++) {
      const r = frameReg(frame, n);
      if (isScalar(r)) fn(r, f, true, n);
    }
    const slots = allocatedStack(frame) >> 3;
    for (let i = 0; i < slots; i++) {
      const slot = slotAt(frame, i);
      if (isSpilledScalar(slot)) fn(slotReg(slot), f, false, i);
    }
  }
}

/** Forgets which numbers of a state are wanted precisely. Linux: mark_all_scalars_imprecise. */
export function forgetPrecision(state: StatePtr): void {
  for (let f = 0; f <= curframe(state); f++) {
    const frame = frameAt(state, f);
    for (let n = 0; n < 10; n++) {
      const r = frameReg(frame, n);
      if (isScalar(r)) setPrecise(r, 0);
    }
    const slots = allocatedStack(frame) >> 3;
    for (let i = 0; i < slots; i++) {
      const slot = slotAt(frame, i);
      if (isSpilledScalar(slot)) setPrecise(slotReg(slot), 0);
    }
  }
}

/**
 * Takes every number of every state before this one on its path to be wanted precisely: for where backtracking gives
 * up. Linux: mark_all_scalars_precise.
 */
export function forceAllPrecise(env: Env, state: StatePtr): void {
  const verbose = isVerbose(env);
  if (verbose) {
    env.log.line(`mark_precise: frame${curframe(state)}: falling back to forcing all scalars precise`);
  }
  for (let st = parentOf(state); st !== 0; st = parentOf(st)) {
    forEachScalar(st, (r, frame, isReg, index) => {
      if (isPrecise(r) !== 0) return;
      setPrecise(r, 1);
      if (!verbose) return;
      const place = isReg ? `r${index}` : `fp${-8 * (index + 1)}`;
      env.log.line(`force_precise: frame${frame}: forcing ${place} to be precise`);
    });
  }
}

/**
 * Marks the number in R`n` of the running frame, and all that it was computed from, as wanted precisely in the saved
 * states of the path. Linux: mark_chain_precision.
 */
export function markChainPrecision(env: Env, n: number): void {
  if (!env.bpfCapable) return;
  const t = startTracking(env, curframe(env.curState));
  const r = frameReg(frameAt(env.curState, t.frame), n);
  if (regType(r) !== TYPE.SCALAR_VALUE) throw new Error(`anybpf bug: precision of R${n}, which is no number`);
  addReg(t, t.frame, n);
  backtrack(env, env.curState, t);
}

/** `markChainPrecision` for the number spilled to a stack slot of a frame. */
export function markSlotPrecision(env: Env, frame: number, spi: number): void {
  if (!env.bpfCapable) return;
  const t = startTracking(env, curframe(env.curState));
  addSlot(t, frame, spi);
  backtrack(env, env.curState, t);
}

/**
 * Marks what the saved state `old` wants precisely on the path of `cur`, which it covers; true if that changed any
 * saved state. Linux: propagate_precision.
 */
export function propagatePrecision(env: Env, old: StatePtr, cur: StatePtr): boolean {
  if (!env.bpfCapable) {
    return false;
  }
  const t = startTracking(env, curframe(cur));
  const verbose = isVerbose(env);
  for (let f = curframe(old); f >= 0; f--) {
    const places: string[] = [];
    const frame = frameAt(old, f);
    for (let n = 0; n < 10; n++) {
      const r = frameReg(frame, n);
      if (!isScalar(r) || isPrecise(r) === 0) continue;
      addReg(t, f, n);
      if (verbose) places.push(`r${n}`);
    }
    const slots = allocatedStack(frame) >> 3;
    for (let i = 0; i < slots; i++) {
      const slot = slotAt(frame, i);
      if (!isSpilled(slot) || !isScalar(slotReg(slot)) || isPrecise(slotReg(slot)) === 0) continue;
      addSlot(t, f, i);
      if (verbose) places.push(`fp${-8 * (i + 1)}`);
    }
    if (places.length > 0) env.log.line(`frame ${f}: propagating ${places.join(",")}`);
  }
  return backtrack(env, cur, t);
}

/** Walks the path of a state backwards until nothing is tracked; true if a saved state was marked. */
function backtrack(env: Env, start: StatePtr, t: Tracked): boolean {
  let changed = false;
  let st = start;
  let firstIdx = firstInsnIdx(st);
  let lastIdx = stateInsnIdx(st);
  let nextIdx = -1;
  // The instruction at which the state stands has not been executed.
  let skip = true;
  const history = env.prune.history;
  if (nothingTracked(t)) return false;
  for (;;) {
    if (isVerbose(env)) {
      env.log.line(
        `mark_precise: frame${t.frame}: last_idx ${lastIdx} first_idx ${firstIdx} subseq_idx ${nextIdx} `,
      );
    }
    if (lastIdx < 0) return markEntry(st, t) || changed;
    const cursor: HistoryCursor = { entry: histTail(st), count: histCount(st) };
    for (let i = lastIdx; i >= 0; ) {
      if (skip) {
        skip = false;
      } else if (backtrackInsn(env, i, nextIdx, entryFor(history, cursor, i), t) === "unsupported") {
        forceAllPrecise(env, start);
        return true;
      }
      if (nothingTracked(t)) return changed;
      nextIdx = i;
      i = previousInsn(history, cursor, i, firstIdx);
    }
    const parent = parentOf(st);
    if (parent === 0) break;
    st = parent;
    if (markParent(env, st, t)) changed = true;
    if (nothingTracked(t)) return changed;
    nextIdx = firstIdx;
    lastIdx = lastInsnIdx(st);
    firstIdx = firstInsnIdx(st);
  }
  // Something was missed, such as a stack access through another register than R10.
  forceAllPrecise(env, start);
  return true;
}

/** The path began here: only arguments of a global function may still be tracked. */
function markEntry(st: StatePtr, t: Tracked): boolean {
  const frame = frameAt(st, 0);
  const isGlobal = curframe(st) === 0 && subprogno(frame) > 0 && callsite(frame) === -1;
  if (!isGlobal || !noSlots(t, 0) || ((t.regs[0] as number) & ~ARGS) !== 0) {
    throw new Error(
      `anybpf bug: backtracking past the start: regs=${regsText(t, 0)} stack=${slotsText(t, 0)}`,
    );
  }
  let changed = false;
  for (let n = 1; n <= 5; n++) {
    if (!hasReg(t, 0, n)) continue;
    dropReg(t, 0, n);
    const r = frameReg(frame, n);
    if (!isScalar(r)) continue;
    setPrecise(r, 1);
    changed = true;
  }
  return changed;
}

/** Marks what is tracked in a saved state; what was marked before, or is no number, is tracked no further. */
function markParent(env: Env, st: StatePtr, t: Tracked): boolean {
  let changed = false;
  for (let f = t.frame; f >= 0; f--) {
    const frame = frameAt(st, f);
    for (let n = 0; n < 10; n++) {
      if (!hasReg(t, f, n)) continue;
      const r = frameReg(frame, n);
      if (!isScalar(r) || isPrecise(r) !== 0) {
        dropReg(t, f, n);
      } else {
        setPrecise(r, 1);
        changed = true;
      }
    }
    const slots = allocatedStack(frame) >> 3;
    for (let i = 0; i < 64; i++) {
      if (!hasSlot(t, f, i)) continue;
      if (i >= slots) throw new Error(`anybpf bug: backtracking: stack slot ${i} of ${slots}`);
      const slot = slotAt(frame, i);
      if (!isSpilledScalar(slot) || isPrecise(slotReg(slot)) !== 0) {
        dropSlot(t, f, i);
      } else {
        setPrecise(slotReg(slot), 1);
        changed = true;
      }
    }
    if (isVerbose(env)) {
      env.log.line(
        `mark_precise: frame${f}: parent state regs=${regsText(t, f)} stack=${slotsText(t, f)}: ` +
          printState(st, frame, env.names, undefined),
      );
    }
  }
  return changed;
}
