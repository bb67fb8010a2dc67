import type { RegisterFacts, VerifyObserver } from "../contract.ts";
import type { RegPtr } from "../state/layout.ts";
import {
  curFrame,
  curframe,
  frameReg,
  regFrameno,
  regOff,
  regType,
  s32max,
  s32min,
  smaxBig,
  sminBig,
  speculative,
  u32max,
  u32min,
  umaxBig,
  uminBig,
  varMaskBig,
  varValueBig,
} from "../state/view.ts";
import type { Env } from "./env.ts";

/** Tells an observer what is believed before the instruction at hand; what only a misled processor does is left out. */
export function observe(env: Env, observer: VerifyObserver): void {
  const state = env.curState;
  if (speculative(state) !== 0) return;
  const frame = curFrame(state);
  const live = env.aux[env.insnIdx]?.liveRegsBefore ?? 0;
  observer.visit(env.insnIdx, curframe(state), live, (n) => factsOf(frameReg(frame, n)));
}

function factsOf(r: RegPtr): RegisterFacts {
  return {
    type: regType(r),
    off: regOff(r),
    frame: regFrameno(r),
    value: varValueBig(r),
    mask: varMaskBig(r),
    smin: sminBig(r),
    smax: smaxBig(r),
    umin: uminBig(r),
    umax: umaxBig(r),
    s32min: s32min(r),
    s32max: s32max(r),
    u32min: u32min(r),
    u32max: u32max(r),
  };
}
