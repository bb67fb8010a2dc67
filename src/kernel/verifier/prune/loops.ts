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
  slotAt,
  slotReg,
  stateInsnIdx,
} from "../state/view.ts";
import { markUnknown, sameFacts } from "../value/value.ts";
import type { Env } from "../walk/env.ts";
import { exploredAt, sameCallsites } from "./explored.ts";

/**
 * The newest saved state at an instruction that lies before `state` on its path: the round before in a loop that is
 * being walked; 0 if there is none. Linux: find_prev_entry.
 */
export function findPrevEntry(env: Env, state: StatePtr, insnIdx: number): StatePtr | 0 {
  const list = exploredAt(env.prune, env.curState, insnIdx);
  for (let i = list.length - 1; i >= 0; i--) {
    const saved = list[i]?.state;
    if (saved === undefined || branches(saved) === 0 || stateInsnIdx(saved) !== insnIdx) continue;
    if (sameCallsites(saved, state) && dfsDepth(saved) < dfsDepth(state)) return saved;
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
