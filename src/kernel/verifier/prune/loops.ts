import type { RegPtr, StatePtr } from "../state/layout.ts";
import {
  allocatedStack,
  branches,
  curframe,
  dfsDepth,
  frameAt,
  frameReg,
  isPrecise,
  isScalar,
  isSpilled,
  parentOf,
  slotAt,
  slotReg,
  stateInsnIdx,
} from "../state/view.ts";
import { markUnknown, sameFacts } from "../value/value.ts";
import type { Env } from "../walk/env.ts";
import { exploredAt, sameCallsites } from "./explored.ts";

/**
 * The newest saved state at an instruction that lies before `state`'s parent on its path: the round before in a loop
 * that is being walked; 0 if there is none. Linux: find_prev_entry.
 */
export function findPrevEntry(env: Env, state: StatePtr, insnIdx: number): StatePtr | 0 {
  const parent = parentOf(state);
  if (parent === 0) return 0;
  const list = exploredAt(env.prune, state, insnIdx);
  for (let i = list.length - 1; i >= 0; i--) {
    const saved = list[i]?.state;
    if (saved === undefined || branches(saved) === 0 || stateInsnIdx(saved) !== insnIdx) continue;
    if (sameCallsites(saved, parent) && dfsDepth(saved) < dfsDepth(parent)) return saved;
  }
  return 0;
}

function widen(before: RegPtr, now: RegPtr): void {
  if (!isScalar(before) || !isScalar(now)) return;
  if (isPrecise(before) !== 0 || isPrecise(now) !== 0 || sameFacts(before, now)) return;
  markUnknown(now);
}

/**
 * Makes numbers that differ from the round before unknown, unless they are wanted precisely, so that a loop with no
 * known bound converges. Linux: widen_imprecise_scalars.
 */
export function widenImpreciseScalars(_env: Env, before: StatePtr, now: StatePtr): void {
  for (let f = curframe(before); f >= 0; f--) {
    const a = frameAt(before, f);
    const b = frameAt(now, f);
    for (let n = 0; n < 10; n++) widen(frameReg(a, n), frameReg(b, n));
    const slots = Math.min(allocatedStack(a), allocatedStack(b)) >> 3;
    for (let i = 0; i < slots; i++) {
      if (isSpilled(slotAt(a, i)) && isSpilled(slotAt(b, i)))
        widen(slotReg(slotAt(a, i)), slotReg(slotAt(b, i)));
    }
  }
}
