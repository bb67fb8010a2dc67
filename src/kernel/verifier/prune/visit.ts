import { CLASS, JMP } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { printSourceLine } from "../log/source.ts";
import { cloneState, freeState, words } from "../state/arena.ts";
import { MAX_REGS, REG, type StatePtr } from "../state/layout.ts";
import { printState } from "../state/print.ts";
import {
  asyncEntryCnt,
  branches,
  callbackUnrollDepth,
  curFrame,
  curframe,
  dfsDepth,
  frameAt,
  frameReg,
  histCount,
  inAsyncCallbackFn,
  mayGotoDepth,
  parentOf,
  setBranches,
  setDfsDepth,
  setFirstInsnIdx,
  setHistCount,
  setParent,
  setStateInsnIdx,
  stateInsnIdx,
} from "../state/view.ts";
import { EXACT_LEVEL, statesEqual } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { cleanSavedStates } from "./clean.ts";
import { type Explored, exploredAt } from "./explored.ts";
import { pushJumpHistory } from "./history.ts";
import { forgetPrecision, propagatePrecision } from "./precision.ts";
import { addBackedge, enterLoop, exitLoop, frameInsnIdx, isUnsettled, updatePeak } from "./scc.ts";

// When states are saved is a matter of cost alone, but it decides how many instructions are processed, and that and the
// counts of states are printed: the thresholds are Linux's.

/** Jumps and instructions since the last saved state, before another is saved. */
const SAVE_AFTER_JUMPS = 2;
const SAVE_AFTER_INSNS = 8;
/** The same in a loop, where the states of one round rarely help another. */
const LOOP_SAVE_AFTER_JUMPS = 20;
const LOOP_SAVE_AFTER_INSNS = 100;
/** Entries of jump history after which a state is saved in any case. */
const MAX_HISTORY = 40;
/** Misses per hit (and one time more) before a saved state is dropped; in loops that must converge it is patient. */
const MISSES = 3;
const MISSES_AT_CHECKPOINT = 64;
/** States per list that an unprivileged loader may have. */
const MAX_STATES_UNPRIVILEGED = 64;

function equal(env: Env, old: StatePtr, level: number): boolean {
  return statesEqual(
    old,
    env.curState,
    level,
    env.idGen,
    env.allowUninitStack,
    false,
    (frame) => env.aux[frameInsnIdx(old, frame)]?.liveRegsBefore ?? 0x3ff,
  );
}

/** True if the running frame's registers are the same, down to ids: worth a closer look for an infinite loop. */
function mayLoop(old: StatePtr, cur: StatePtr): boolean {
  if (curframe(old) !== curframe(cur)) return false;
  const a = curFrame(old);
  const b = frameAt(cur, curframe(old));
  for (let n = 0; n < MAX_REGS; n++) {
    const x = frameReg(a, n) >> 2;
    const y = frameReg(b, n) >> 2;
    for (let w = 0; w < REG.frameno >> 2; w++) if (words[x + w] !== words[y + w]) return false;
  }
  return true;
}

function isMayGoto(env: Env, insnIdx: number): boolean {
  return env.insns[insnIdx]?.code === (CLASS.JMP | JMP.JCOND);
}

/** What a saved state that is still being walked says of the running one. */
function compareUnfinished(env: Env, saved: StatePtr, insnIdx: number): "covered" | "no" {
  const cur = env.curState;
  const frame = curFrame(saved);
  if (inAsyncCallbackFn(frame) !== 0 && asyncEntryCnt(frame) !== asyncEntryCnt(curFrame(cur))) return "no";
  if (isMayGoto(env, insnIdx)) {
    if (mayGotoDepth(saved) !== mayGotoDepth(cur) && equal(env, saved, EXACT_LEVEL.RANGE_WITHIN)) {
      return "covered";
    }
  }
  if (env.aux[insnIdx]?.callsCallback === true) {
    return equal(env, saved, EXACT_LEVEL.RANGE_WITHIN) ? "covered" : "no";
  }
  if (
    mayLoop(saved, cur) &&
    equal(env, saved, EXACT_LEVEL.EXACT) &&
    mayGotoDepth(saved) === mayGotoDepth(cur) &&
    callbackUnrollDepth(saved) === callbackUnrollDepth(cur)
  ) {
    throw rejectLoop(env, saved, insnIdx);
  }
  return "no";
}

function rejectLoop(env: Env, saved: StatePtr, insnIdx: number): Error {
  const cur = env.curState;
  printSourceLine(env, insnIdx, "; ");
  env.log.line(`infinite loop detected at insn ${insnIdx}`);
  env.log.line(`cur state:${printState(cur, curFrame(cur), env.names, undefined)}`);
  env.log.line(`old state:${printState(saved, frameAt(saved, curframe(cur)), env.names, undefined)}`);
  return reject(env, E.EINVAL);
}

/** Ends the running path in a saved state that covers it: what that one wants precisely is wanted here too. */
function hit(env: Env, found: Explored, insnIdx: number, loop: boolean): void {
  found.hitCount++;
  if (env.aux[insnIdx]?.jmpPoint === true) pushJumpHistory(env, env.curState, 0, []);
  propagatePrecision(env, found.state, env.curState);
  if (loop) addBackedge(env, found.state, insnIdx);
}

/**
 * At a place where paths may be merged: true if a saved state covers the running one, so that the path ends here.
 * Otherwise the running state may be saved, and becomes its own successor. Linux: is_state_visited.
 */
export function isStateVisited(env: Env, insnIdx: number): boolean {
  const cur = env.curState;
  const checkpoint = env.aux[insnIdx]?.forceCheckpoint === true;
  const force = env.testStateFreq || checkpoint || histCount(cur) > MAX_HISTORY;
  const jumps = env.jmpsProcessed - env.prevJmpsProcessed;
  const insns = env.insnProcessed - env.prevInsnProcessed;
  let save = force || (jumps >= SAVE_AFTER_JUMPS && insns >= SAVE_AFTER_INSNS);

  cleanSavedStates(env, insnIdx);
  const list = exploredAt(env.prune, cur, insnIdx);
  let seen = 0;
  for (let i = list.length - 1; i >= 0; i--) {
    const saved = list[i] as Explored;
    seen++;
    if (stateInsnIdx(saved.state) !== insnIdx) continue;
    if (branches(saved.state) !== 0) {
      if (compareUnfinished(env, saved.state, insnIdx) === "covered") {
        // A callback's rounds are no loop of the control-flow graph: Linux waits for no precision there.
        hit(env, saved, insnIdx, env.aux[insnIdx]?.callsCallback !== true);
        return true;
      }
      if (!force && jumps < LOOP_SAVE_AFTER_JUMPS && insns < LOOP_SAVE_AFTER_INSNS) save = false;
    } else {
      const loop = isUnsettled(env, saved.state);
      const exact = loop || env.input.observer?.exact === true;
      if (equal(env, saved.state, exact ? EXACT_LEVEL.RANGE_WITHIN : EXACT_LEVEL.NOT_EXACT)) {
        hit(env, saved, insnIdx, loop);
        return true;
      }
    }
    if (save) saved.missCount++;
    const patience = checkpoint && branches(saved.state) > 0 ? MISSES_AT_CHECKPOINT : MISSES;
    if (saved.missCount > saved.hitCount * patience + patience) {
      list.splice(i, 1);
      drop(env, saved);
    }
  }
  if (env.maxStatesPerInsn < seen) env.maxStatesPerInsn = seen;
  if (!env.bpfCapable && seen > MAX_STATES_UNPRIVILEGED) return false;
  if (save) saveState(env, list, insnIdx);
  return false;
}

function drop(env: Env, saved: Explored): void {
  saved.dropped = true;
  env.prune.waiting++;
  env.prune.listed--;
  freeIfDone(env, saved);
}

/** Frees a dropped state once no path below it is left and its loop is settled. */
function freeIfDone(env: Env, saved: Explored): void {
  if (!saved.dropped || branches(saved.state) > 0 || isUnsettled(env, saved.state)) return;
  env.prune.byState.delete(saved.state);
  env.prune.waiting--;
  freeState(saved.state);
}

function saveState(env: Env, list: Explored[], insnIdx: number): void {
  const cur = env.curState;
  env.totalStates++;
  env.prune.listed++;
  updatePeak(env);
  env.prevJmpsProcessed = env.jmpsProcessed;
  env.prevInsnProcessed = env.insnProcessed;
  // Precision belongs to the saved states before: what is wanted from here on is still to be seen.
  if (env.bpfCapable) forgetPrecision(cur);
  const state = cloneState(cur);
  setStateInsnIdx(state, insnIdx);
  const saved: Explored = { state, missCount: 0, hitCount: 0, dropped: false };
  env.prune.byState.set(state, saved);
  enterLoop(env, state);
  setParent(cur, state);
  setFirstInsnIdx(cur, insnIdx);
  setDfsDepth(cur, dfsDepth(state) + 1);
  setHistCount(cur, 0);
  list.push(saved);
}

/** A path has ended in this state: tells the saved states before it. Linux: update_branch_counts. */
export function updateBranchCounts(env: Env, state: StatePtr): void {
  let st: StatePtr | 0 = state;
  while (st !== 0) {
    const left = branches(st) - 1;
    if (left < 0) throw new Error("anybpf bug: a state has more ends than branches");
    setBranches(st, left);
    if (left > 0) return;
    exitLoop(env, st);
    const parent: StatePtr | 0 = parentOf(st);
    const saved = env.prune.byState.get(st);
    if (saved !== undefined) freeIfDone(env, saved);
    st = parent;
  }
}
