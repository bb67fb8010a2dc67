import { LOG_LEVEL2 } from "../log/log.ts";
import { cloneState, freeState } from "../state/arena.ts";
import type { StatePtr } from "../state/layout.ts";
import { callsite, curframe, frameAt, setEqualState, setStateInsnIdx, stateInsnIdx } from "../state/view.ts";
import type { Env } from "../walk/env.ts";
import { forceAllPrecise, propagatePrecision } from "./precision.ts";

/**
 * A walk through a loop (a strongly connected component of the control-flow graph) in one chain of calls.
 *
 * While it lasts, a state in the loop that is covered by an earlier one may end its path, although what the earlier one
 * needs precisely is not known yet. Such an end is kept as a backedge, and when the walk has left the loop for good
 * precision is carried over the backedges until nothing changes.
 */
export interface SccVisit {
  /** The first saved state in the loop; undefined between walks. */
  entry: StatePtr | undefined;
  readonly backedges: Backedge[];
  /** How many of them count in `PruneState.backedges`. */
  counted: number;
}

/** A path's end in a loop: its last state, and the saved one that covers it. */
interface Backedge {
  readonly state: StatePtr;
  readonly equalTo: StatePtr;
}

/** Rounds of propagation after which everything is taken to be needed precisely. */
const MAX_ROUNDS = 64;

/** The instruction that a frame of a state stands at. */
export function frameInsnIdx(state: StatePtr, frame: number): number {
  return frame === curframe(state) ? stateInsnIdx(state) : callsite(frameAt(state, frame + 1));
}

/** True if some frame of a state is in a loop. */
function isInLoop(env: Env, state: StatePtr): boolean {
  for (let f = curframe(state); f >= 0; f--) {
    if ((env.aux[frameInsnIdx(state, f)]?.scc ?? 0) !== 0) return true;
  }
  return false;
}

/**
 * The loop that a state is in: that of the outermost frame that is in one, with the calls that led there, as the log
 * shows it: `(callsites,number)`. Undefined outside of loops.
 */
function loopOf(env: Env, state: StatePtr): string | undefined {
  if (!isInLoop(env, state)) return undefined;
  const chain: number[] = [];
  for (let f = 0; f <= curframe(state); f++) {
    const at = frameInsnIdx(state, f);
    const scc = env.aux[at]?.scc ?? 0;
    chain.push(scc !== 0 ? scc : at);
    if (scc !== 0) return `(${chain.join(",")})`;
  }
  return undefined;
}

function logScc(env: Env, what: string, loop: string): void {
  // Linux takes a call at instruction 0 for the chain's end.
  if ((env.log.level & LOG_LEVEL2) !== 0) env.log.line(`SCC ${what} ${loop.replace(/\(0,.*,|\(0,/, "(")}`);
}

/** Keeps the highest count of states that exist at a time. */
export function updatePeak(env: Env): void {
  const now = env.prune.listed + env.prune.waiting + env.prune.backedges;
  if (now > env.peakStates) env.peakStates = now;
}

/** Notes that a state is saved: the first one in a loop is the loop's entry. Linux: maybe_enter_scc. */
export function enterLoop(env: Env, state: StatePtr): void {
  const loop = loopOf(env, state);
  if (loop === undefined) return;
  let visit = env.prune.visits.get(loop);
  if (visit === undefined) {
    visit = { entry: undefined, backedges: [], counted: 0 };
    env.prune.visits.set(loop, visit);
  }
  if (visit.entry !== undefined) return;
  visit.entry = state;
  logScc(env, "enter", loop);
}

/** Notes that no path below a state is left: if it is a loop's entry, the loop is done. Linux: maybe_exit_scc. */
export function exitLoop(env: Env, state: StatePtr): void {
  const loop = loopOf(env, state);
  if (loop === undefined) return;
  const visit = env.prune.visits.get(loop);
  if (visit === undefined || visit.entry !== state) return;
  logScc(env, "exit", loop);
  visit.entry = undefined;
  env.prune.backedges -= visit.counted;
  visit.counted = 0;
  updatePeak(env);
  propagateBackedges(env, visit);
}

/** Keeps the end of a path in a loop: the running state, which the saved state `covering` covers. */
export function addBackedge(env: Env, covering: StatePtr, insnIdx: number): void {
  const loop = loopOf(env, covering);
  const visit = loop === undefined ? undefined : env.prune.visits.get(loop);
  if (loop === undefined || visit === undefined) throw new Error("anybpf bug: a backedge outside of a loop");
  logScc(env, "backedge", loop);
  const state = cloneState(env.curState);
  setEqualState(state, covering);
  setStateInsnIdx(state, insnIdx);
  visit.backedges.unshift({ state, equalTo: covering });
  visit.counted++;
  env.prune.backedges++;
  updatePeak(env);
}

/**
 * True if what a saved state needs precisely is not known for good: it is in a loop of which paths have ended that
 * still wait for precision. Linux: incomplete_read_marks.
 */
export function isUnsettled(env: Env, state: StatePtr): boolean {
  if (env.prune.backedges === 0) return false;
  const loop = loopOf(env, state);
  if (loop === undefined) return false;
  return (env.prune.visits.get(loop)?.backedges.length ?? 0) > 0;
}

function propagateBackedges(env: Env, visit: SccVisit): void {
  for (let round = 1, changed = true; changed; round++) {
    changed = false;
    if (round > MAX_ROUNDS) {
      if ((env.log.level & LOG_LEVEL2) !== 0) env.log.line("propagate_backedges: too many iterations");
      for (const edge of visit.backedges) forceAllPrecise(env, edge.state);
      break;
    }
    for (const edge of visit.backedges) {
      if (propagatePrecision(env, edge.equalTo, edge.state)) changed = true;
    }
  }
  for (const edge of visit.backedges) freeState(edge.state);
  visit.backedges.length = 0;
}
