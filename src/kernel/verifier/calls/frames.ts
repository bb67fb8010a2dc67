import { E } from "../../../uapi/errno.ts";
import { type FramePtr, MAX_FRAMES, MAX_REGS, type StatePtr, TYPE } from "../state/layout.ts";
import {
  curframe,
  frameno,
  frameReg,
  pushFrame,
  setRegFrameno,
  setRegType,
  setSubregDef,
} from "../state/view.ts";
import { markNotInit, setKnownZero } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { markStateScratched, R10 } from "../walk/regs.ts";

/** Gives a new frame's registers their first state: nothing is readable but the frame pointer. */
export function initFrame(env: Env, frame: FramePtr): void {
  for (let n = 0; n < MAX_REGS; n++) {
    const r = frameReg(frame, n);
    markNotInit(r);
    setSubregDef(r, 0);
  }
  const fp = frameReg(frame, R10);
  setKnownZero(fp);
  setRegType(fp, TYPE.PTR_TO_STACK);
  setRegFrameno(fp, frameno(frame));
  markStateScratched(env);
}

/** Enters a subprogram in a state: a frame above the running one, for the call at `callsite`. */
export function enterFrame(env: Env, state: StatePtr, subprog: number, callsite: number): FramePtr {
  if (curframe(state) + 1 >= MAX_FRAMES) {
    throw reject(env, E.E2BIG, `the call stack of ${curframe(state) + 2} frames is too deep`);
  }
  const frame = pushFrame(state, callsite, subprog);
  initFrame(env, frame);
  return frame;
}

/** Makes R0 to R5 of a frame that is not the running one any more unreadable. */
export function clearFrameCallerSaved(env: Env, frame: FramePtr): void {
  for (let n = 0; n <= 5; n++) {
    const r = frameReg(frame, n);
    markNotInit(r);
    setSubregDef(r, 0);
    env.scratched.regs |= 1 << n;
  }
}
