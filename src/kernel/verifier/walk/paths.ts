import { E } from "../../../uapi/errno.ts";
import { cloneState, copyState, freeState } from "../state/arena.ts";
import type { StatePtr } from "../state/layout.ts";
import { branches, parentOf, setBranches, setSpeculative } from "../state/view.ts";
import { type Env, reject } from "./env.ts";

/** Paths that may wait at a time. */
const MAX_PENDING = 8192;

/** Leaves a copy of the running state to be walked from `insnIdx` later; the copy may still be changed. */
export function pushPath(env: Env, insnIdx: number, prevInsnIdx: number, speculative: boolean): StatePtr {
  const state = cloneState(env.curState);
  env.pending.push({ state, insnIdx, prevInsnIdx, logPosition: env.log.position });
  if (speculative) setSpeculative(state, 1);
  if (env.pending.length > MAX_PENDING) {
    throw reject(env, E.EFAULT, `The sequence of ${env.pending.length} jumps is too complex.`);
  }
  const parent = parentOf(state);
  if (parent !== 0) setBranches(parent, branches(parent) + 1);
  return state;
}

/** Takes up the newest waiting path; false if there is none. `cutLog` forgets what was logged since it was left. */
export function popPath(env: Env, cutLog: boolean): boolean {
  const path = env.pending.pop();
  if (path === undefined) return false;
  copyState(env.curState, path.state);
  env.stackLiveness.chainChanged();
  if (cutLog) env.log.reset(path.logPosition);
  env.insnIdx = path.insnIdx;
  env.prevInsnIdx = path.prevInsnIdx;
  freeState(path.state);
  return true;
}
