import { ATTACH_TYPE } from "../../../uapi/attach_type.ts";
import { E } from "../../../uapi/errno.ts";
import { PROG_TYPE } from "../../../uapi/prog_type.ts";
import { isLogged, printFrame } from "../log/state.ts";
import { findPrevEntry, widenImpreciseScalars } from "../prune/loops.ts";
import { markChainPrecision } from "../prune/precision.ts";
import { freeFrame } from "../state/arena.ts";
import { type RegPtr, TYPE } from "../state/layout.ts";
import { regTypeName } from "../state/print.ts";
import {
  callbackRetMax,
  callbackRetMin,
  callsite,
  copyReg,
  curFrame,
  curframe,
  frameAt,
  frameReg,
  inCallbackFn,
  isScalar,
  regType,
  setCurframe,
  setFrameAt,
  smax,
  smaxBig,
  smin,
  sminBig,
  subprogno,
} from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { checkReg, isPointer, reg } from "../walk/regs.ts";
import type { Step } from "../walk/walk.ts";
import { checkResourceLeak } from "./reference.ts";

/** Inclusive. */
interface Range {
  readonly min: number;
  readonly max: number;
}

const BOOL: Range = { min: 0, max: 1 };
const ONE: Range = { min: 1, max: 1 };
const UP_TO_3: Range = { min: 0, max: 3 };

/** What programs of a type may return, where that is limited. */
const RETURNS: Readonly<Record<number, (attachType: number) => Range | undefined>> = {
  [PROG_TYPE.CGROUP_SKB]: (attach) => (attach === ATTACH_TYPE.CGROUP_INET_EGRESS ? UP_TO_3 : BOOL),
  [PROG_TYPE.CGROUP_SOCK]: () => BOOL,
  [PROG_TYPE.SOCK_OPS]: () => BOOL,
  [PROG_TYPE.CGROUP_DEVICE]: () => BOOL,
  [PROG_TYPE.CGROUP_SYSCTL]: () => BOOL,
  [PROG_TYPE.CGROUP_SOCKOPT]: () => BOOL,
  [PROG_TYPE.SK_LOOKUP]: () => BOOL,
  [PROG_TYPE.NETFILTER]: () => BOOL,
  [PROG_TYPE.CGROUP_SOCK_ADDR]: (attach) => SOCK_ADDR_RETURNS[attach] ?? BOOL,
};
const SOCK_ADDR_RETURNS: Readonly<Record<number, Range>> = {
  [ATTACH_TYPE.CGROUP_UDP4_RECVMSG]: ONE,
  [ATTACH_TYPE.CGROUP_UDP6_RECVMSG]: ONE,
  [ATTACH_TYPE.CGROUP_UNIX_RECVMSG]: ONE,
  [ATTACH_TYPE.CGROUP_INET4_GETPEERNAME]: ONE,
  [ATTACH_TYPE.CGROUP_INET6_GETPEERNAME]: ONE,
  [ATTACH_TYPE.CGROUP_UNIX_GETPEERNAME]: ONE,
  [ATTACH_TYPE.CGROUP_INET4_GETSOCKNAME]: ONE,
  [ATTACH_TYPE.CGROUP_INET6_GETSOCKNAME]: ONE,
  [ATTACH_TYPE.CGROUP_UNIX_GETSOCKNAME]: ONE,
  [ATTACH_TYPE.CGROUP_INET4_BIND]: UP_TO_3,
  [ATTACH_TYPE.CGROUP_INET6_BIND]: UP_TO_3,
};

const S64_MIN = -(1n << 63n);
const S64_MAX = (1n << 63n) - 1n;

function refuseRange(env: Env, r: RegPtr, range: Range, where: string): never {
  let text = `${where} the register R0 has`;
  let known = false;
  if (sminBig(r) > S64_MIN) {
    text += ` smin=${sminBig(r)}`;
    known = true;
  }
  if (smaxBig(r) < S64_MAX) {
    text += ` smax=${smaxBig(r)}`;
    known = true;
  }
  if (!known) text += " unknown scalar value";
  throw reject(env, E.EINVAL, `${text} should have been in [${range.min}, ${range.max}]`);
}

/** Checks an exit: from the program, or back into the calling frame. */
export function checkExit(env: Env): Step {
  checkResourceLeak(env, curframe(env.curState) === 0, "BPF_EXIT instruction in main prog");
  if (curframe(env.curState) > 0) {
    leaveFrame(env);
    env.arrived = true;
    return "next";
  }
  checkReturn(env);
  return "end";
}

function checkReturn(env: Env): void {
  checkReg(env, 0, "src");
  const r0 = reg(env, 0);
  if (isPointer(env, r0)) throw reject(env, E.EACCES, "R0 leaks addr as return value");
  if (subprogno(curFrame(env.curState)) !== 0) {
    if (isScalar(r0)) return;
    throw reject(
      env,
      E.EINVAL,
      `At subprogram exit the register R0 is not a scalar value (${regTypeName(regType(r0))})`,
    );
  }
  const range = RETURNS[env.input.progType]?.(env.input.expectedAttachType);
  if (range === undefined) return;
  if (!isScalar(r0)) {
    throw reject(
      env,
      E.EINVAL,
      `At program exit the register R0 is not a known value (${regTypeName(regType(r0))})`,
    );
  }
  markChainPrecision(env, 0);
  if (smin(r0) < range.min || smax(r0) > range.max) refuseRange(env, r0, range, "At program exit");
}

/** Returns from a subprogram or callback. Linux: prepare_func_exit. */
export function leaveFrame(env: Env): void {
  const state = env.curState;
  env.stackLiveness.propagate(state);
  const callee = curFrame(state);
  const caller = frameAt(state, curframe(state) - 1);
  const r0 = frameReg(callee, 0);
  if (regType(r0) === TYPE.PTR_TO_STACK) {
    throw reject(env, E.EINVAL, "cannot return stack pointer to the caller");
  }
  const isCallback = inCallbackFn(callee) !== 0;
  if (isCallback) {
    if (!isScalar(r0)) throw reject(env, E.EACCES, "R0 not a scalar value");
    markChainPrecision(env, 0);
    const range = { min: callbackRetMin(callee), max: callbackRetMax(callee) };
    if (smin(r0) < range.min || smax(r0) > range.max) refuseRange(env, r0, range, "At callback return");
  } else {
    copyReg(frameReg(caller, 0), r0);
  }
  // The call of a callback is looked at again, to see whether one more round tells anything new.
  const next = isCallback ? callsite(callee) : callsite(callee) + 1;
  if (isLogged(env)) {
    env.log.write("returning from callee:\n");
    printFrame(env, callee);
    env.log.write(`to caller at ${next}:\n`);
    printFrame(env, caller);
  }
  setFrameAt(state, curframe(state), 0);
  setCurframe(state, curframe(state) - 1);
  freeFrame(callee);
  env.stackLiveness.chainChanged();
  env.insnIdx = next;
  if (isCallback) {
    const before = findPrevEntry(env, state, next);
    if (before !== 0) widenImpreciseScalars(env, before, state);
  }
}
