import { E } from "../../../uapi/errno.ts";
import { REF_TYPE, type StatePtr } from "../state/layout.ts";
import {
  activeLocks,
  addRef,
  curFrame,
  forEachReg,
  frameno,
  inCallbackFn,
  refAt,
  refCount,
  refId,
  refInsnIdx,
  refType,
  regRefObjId,
  removeRef,
} from "../state/view.ts";
import { markNotInit, markUnknown } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { isAnyPacketPointer } from "../walk/packet_range.ts";

/** Notes that the running instruction took a reference that must be given up; returns its id. */
export function acquireReference(env: Env): number {
  const id = ++env.idGen;
  addRef(env.curState, REF_TYPE.PTR, id, env.insnIdx);
  return id;
}

/** Takes a reference off the state's list; false if it is not there. */
export function releaseReferenceId(state: StatePtr, id: number): boolean {
  for (let i = 0; i < refCount(state); i++) {
    const ref = refAt(state, i);
    if (refType(ref) !== REF_TYPE.PTR || refId(ref) !== id) continue;
    removeRef(state, i);
    return true;
  }
  return false;
}

/** Gives a reference up: every register that holds it becomes unusable. False if it was not held. */
export function releaseReference(env: Env, id: number): boolean {
  if (!releaseReferenceId(env.curState, id)) return false;
  forEachReg(env.curState, (r) => {
    if (regRefObjId(r) !== id) return;
    if (env.allowPtrLeaks) markUnknown(r);
    else markNotInit(r);
  });
  return true;
}

/** After a call that may move the packet: no packet pointer is good any more. */
export function clearPacketPointers(env: Env): void {
  forEachReg(env.curState, (r) => {
    if (!isAnyPacketPointer(r)) return;
    if (env.allowPtrLeaks) markUnknown(r);
    else markNotInit(r);
  });
}

/** Refuses to go on (`prefix` says to where) with references, or, with `checkLock`, with a lock held. */
export function checkResourceLeak(env: Env, checkLock: boolean, prefix: string): void {
  const state = env.curState;
  const frame = curFrame(state);
  if (frameno(frame) === 0 || inCallbackFn(frame) !== 0) {
    let leaks = false;
    for (let i = 0; i < refCount(state); i++) {
      const ref = refAt(state, i);
      if (refType(ref) !== REF_TYPE.PTR) continue;
      env.log.line(`Unreleased reference id=${refId(ref)} alloc_insn=${refInsnIdx(ref)}`);
      leaks = true;
    }
    if (leaks) throw reject(env, E.EINVAL, `${prefix} would lead to reference leak`);
  }
  if (checkLock && activeLocks(state) > 0) {
    throw reject(env, E.EINVAL, `${prefix} cannot be used inside bpf_spin_lock-ed region`);
  }
}
