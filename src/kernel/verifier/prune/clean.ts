import { SLOT_KIND, type StatePtr } from "../state/layout.ts";
import {
  allocatedStack,
  branches,
  cleaned,
  curframe,
  fillSlotKind,
  frameAt,
  frameReg,
  setCleaned,
  slotAt,
  slotReg,
  stateInsnIdx,
} from "../state/view.ts";
import { markNotInit } from "../value/value.ts";
import type { Env } from "../walk/env.ts";
import { exploredAt, sameCallsites } from "./explored.ts";
import { frameInsnIdx, isUnsettled } from "./scc.ts";

/**
 * Forgets, in the saved states at an instruction that were walked to the end, the registers and stack slots that
 * nothing reads afterwards, so that they cover more. Linux: clean_live_states.
 */
export function cleanSavedStates(env: Env, insnIdx: number): void {
  for (const { state } of exploredAt(env.prune, env.curState, insnIdx)) {
    if (cleaned(state) !== 0 || branches(state) !== 0 || stateInsnIdx(state) !== insnIdx) continue;
    if (!sameCallsites(state, env.curState) || isUnsettled(env, state)) continue;
    cleanState(env, state);
  }
}

function cleanState(env: Env, state: StatePtr): void {
  const liveness = env.stackLiveness;
  liveness?.query(state, stateInsnIdx(state));
  setCleaned(state, 1);
  for (let f = 0; f <= curframe(state); f++) {
    const frame = frameAt(state, f);
    const live = env.aux[frameInsnIdx(state, f)]?.liveRegsBefore ?? 0x3ff;
    for (let n = 0; n < 10; n++) if (((live >> n) & 1) === 0) markNotInit(frameReg(frame, n));
    if (liveness === undefined) continue;
    const slots = allocatedStack(frame) >> 3;
    for (let i = 0; i < slots; i++) {
      if (liveness.isAlive(f, i)) continue;
      const slot = slotAt(frame, i);
      markNotInit(slotReg(slot));
      fillSlotKind(slot, SLOT_KIND.INVALID);
    }
  }
}
