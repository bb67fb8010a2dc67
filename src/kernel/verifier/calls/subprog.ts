import type { Insn } from "../../../isa/insn.ts";
import { E } from "../../../uapi/errno.ts";
import { isLogged, printFrame } from "../log/state.ts";
import { subprogAt } from "../prepare/subprogs.ts";
import { activeLocks, copyReg, curFrame, frameReg, setSubregDef } from "../state/view.ts";
import { markUnknown } from "../value/value.ts";
import { type Env, Rejection, reject } from "../walk/env.ts";
import { clearCallerSaved, reg } from "../walk/regs.ts";
import { clearFrameCallerSaved, enterFrame } from "./frames.ts";
import { checkGlobalArgs, noteStaticArgs } from "./global.ts";
import { clearPacketPointers } from "./reference.ts";

/** Checks a call of a subprogram: a static one is walked into, of a global one only the arguments are checked. */
export function checkSubprogCall(env: Env, insn: Insn): void {
  const target = env.insnIdx + insn.imm + 1;
  const index = subprogAt(env, target);
  const subprog = env.subprogs[index];
  if (subprog === undefined) throw reject(env, E.EFAULT, `verifier bug: func not found at insn ${target}`);
  const aux = env.aux[env.insnIdx];
  if (aux !== undefined) aux.callSubprog = index;
  if (subprog.isGlobal) callGlobal(env, index);
  else callStatic(env, index);
}

function callGlobal(env: Env, index: number): void {
  const subprog = env.subprogs[index];
  if (subprog === undefined) return;
  if (activeLocks(env.curState) > 0) {
    throw reject(
      env,
      E.EINVAL,
      "global function calls are not allowed while holding a lock,\nuse static function instead",
    );
  }
  try {
    checkGlobalArgs(env, index);
  } catch (error) {
    if (error instanceof Rejection) {
      env.log.line(`Caller passes invalid args into func#${index} ('${subprog.name}')`);
    }
    throw error;
  }
  env.log.line(`Func#${index} ('${subprog.name}') is global and assumed valid.`);
  if (subprog.changesPktData) clearPacketPointers(env);
  subprog.called = true;
  clearCallerSaved(env, env.curState);
  const r0 = reg(env, 0);
  markUnknown(r0);
  setSubregDef(r0, 0);
  env.insnIdx++;
}

function callStatic(env: Env, index: number): void {
  const state = env.curState;
  noteStaticArgs(env, index);
  const caller = curFrame(state);
  const callee = enterFrame(env, state, index, env.insnIdx);
  for (let n = 1; n <= 5; n++) copyReg(frameReg(callee, n), frameReg(caller, n));
  clearFrameCallerSaved(env, caller);
  env.stackLiveness.chainChanged();
  if (isLogged(env)) {
    env.log.write("caller:\n");
    printFrame(env, caller);
    env.log.write("callee:\n");
    printFrame(env, callee);
  }
  env.insnIdx = env.subprogs[index]?.start ?? 0;
}
