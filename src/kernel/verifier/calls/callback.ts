import { helperName } from "../../../isa/disasm.ts";
import { E } from "../../../uapi/errno.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import { LOG_LEVEL2 } from "../log/log.ts";
import { markChainPrecision } from "../prune/precision.ts";
import { type FramePtr, type RegPtr, TYPE } from "../state/layout.ts";
import {
  callbackDepth,
  callbackUnrollDepth,
  copyReg,
  curFrame,
  curframe,
  frameAt,
  frameReg,
  isNullScalar,
  setCallbackDepth,
  setCallbackRetMax,
  setCallbackRetMin,
  setCallbackUnrollDepth,
  setInCallbackFn,
  setRegMap,
  setRegType,
  umax,
} from "../state/view.ts";
import { markUnknown, setKnownZero } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { pushPath } from "../walk/paths.ts";
import { mapOf, reg } from "../walk/regs.ts";
import { enterFrame } from "./frames.ts";
import type { CallMeta } from "./meta.ts";

/** The kernel's own "not supported", which errno.h lacks. */
const ENOTSUPP = 524;

/** Map types that bpf_for_each_map_elem walks. */
const WALKABLE: ReadonlySet<number> = new Set<number>([
  MAP_TYPE.HASH,
  MAP_TYPE.ARRAY,
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.PERCPU_ARRAY,
  MAP_TYPE.LRU_HASH,
  MAP_TYPE.LRU_PERCPU_HASH,
]);

type SetArgs = (env: Env, caller: FramePtr, callee: FramePtr, meta: CallMeta) => void;

const loopArgs: SetArgs = (_env, caller, callee) => {
  markUnknown(frameReg(callee, 1));
  copyReg(frameReg(callee, 2), frameReg(caller, 3));
};

const mapElemArgs: SetArgs = (env, caller, callee, meta) => {
  if (!WALKABLE.has(mapOf(env, meta.map).type)) {
    throw reject(env, ENOTSUPP, "callback function not allowed for map");
  }
  const point = (r: RegPtr, type: number): void => {
    setKnownZero(r);
    setRegType(r, type);
    setRegMap(r, meta.map);
  };
  point(frameReg(callee, 1), TYPE.CONST_PTR_TO_MAP);
  point(frameReg(callee, 2), TYPE.PTR_TO_MAP_KEY);
  point(frameReg(callee, 3), TYPE.PTR_TO_MAP_VALUE);
  copyReg(frameReg(callee, 4), frameReg(caller, 3));
};

/** Leaves a walk of the callback for later, and goes on as if it were done. Linux: push_callback_call. */
function enqueue(env: Env, meta: CallMeta, setArgs: SetArgs): void {
  const subprog = env.subprogs[meta.subprog];
  if (subprog === undefined) throw new Error("anybpf bug: a callback without a subprogram");
  subprog.isCallback = true;
  const state = pushPath(env, subprog.start, env.insnIdx, false);
  const callee = enterFrame(env, state, meta.subprog, env.insnIdx);
  const caller = frameAt(state, curframe(state) - 1);
  setArgs(env, caller, callee, meta);
  setInCallbackFn(callee, 1);
  setCallbackRetMin(callee, 0);
  setCallbackRetMax(callee, 1);
  setCallbackUnrollDepth(state, callbackUnrollDepth(state) + 1);
  setCallbackDepth(caller, callbackDepth(caller) + 1);
  setCallbackDepth(curFrame(env.curState), 0);
}

/** Whether the call could be replaced by a loop: Linux asks for flags that are zero on every path. */
function noteLoopFlags(env: Env): void {
  const aux = env.aux[env.insnIdx];
  if (aux === undefined || aux.loopInline === false) return;
  aux.loopInline = isNullScalar(reg(env, 4));
  if (aux.loopInline) markChainPrecision(env, 4);
}

/** Checks the callback of a helper that calls one; true if the helper is one that does. */
export function checkCallback(env: Env, meta: CallMeta): void {
  if (meta.func === HELPERS.for_each_map_elem.value) {
    enqueue(env, meta, mapElemArgs);
  } else if (meta.func === HELPERS.loop.value) {
    noteLoopFlags(env);
    // The count tells when to stop: it must be kept apart between paths.
    markChainPrecision(env, 1);
    const frame = curFrame(env.curState);
    if (callbackDepth(frame) < umax(reg(env, 1))) {
      enqueue(env, meta, loopArgs);
    } else {
      setCallbackDepth(frame, 0);
      if ((env.log.level & LOG_LEVEL2) !== 0) {
        env.log.line(`frame${curframe(env.curState)} bpf_loop iteration limit reached`);
      }
    }
  } else if (meta.subprog >= 0) {
    throw reject(
      env,
      E.EINVAL,
      `anybpf: callbacks of ${helperName(meta.func)}#${meta.func} are not supported yet`,
    );
  }
}
