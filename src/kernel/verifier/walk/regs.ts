import { E } from "../../../uapi/errno.ts";
import { type RegPtr, type StatePtr, TYPE } from "../state/layout.ts";
import { curReg, regType, setSubregDef } from "../state/view.ts";
import { markNotInit, markUnknown } from "../value/value.ts";
import { type Env, reject } from "./env.ts";

/** The number of the frame pointer register. */
export const R10 = 10;

/** How an instruction uses a register; `DST_NO_MARK` leaves what the register held for the caller to compute with. */
export type RegUse = "src" | "dst" | "dst_no_mark";

/** Notes that the next printed state shows R`n`. */
export function markRegScratched(env: Env, n: number): void {
  env.scratched.regs |= 1 << n;
}

/** Notes that the next printed state shows a stack slot. */
export function markSlotScratched(env: Env, spi: number): void {
  if (spi < 32) env.scratched.slotsLo |= 1 << spi;
  else env.scratched.slotsHi |= 1 << (spi - 32);
}

/** Notes that the next printed state shows everything. */
export function markStateScratched(env: Env): void {
  env.scratched.regs = -1;
  env.scratched.slotsLo = -1;
  env.scratched.slotsHi = -1;
}

/** True if some register or slot is to be shown. */
export function isStateScratched(env: Env): boolean {
  return env.scratched.regs !== 0 || env.scratched.slotsLo !== 0 || env.scratched.slotsHi !== 0;
}

/** Forgets what is to be shown. */
export function markStateClean(env: Env): void {
  env.scratched.regs = 0;
  env.scratched.slotsLo = 0;
  env.scratched.slotsHi = 0;
}

/** The record of R`n` in the running frame. */
export function reg(env: Env, n: number): RegPtr {
  return curReg(env.curState, n);
}

/**
 * Checks that the running instruction may use R`n` so; a destination becomes an unknown number unless told otherwise.
 */
export function checkReg(env: Env, n: number, use: RegUse): void {
  if (n > R10) throw reject(env, E.EINVAL, `R${n} is invalid`);
  env.scratched.regs |= 1 << n;
  const r = curReg(env.curState, n);
  if (use === "src") {
    if (regType(r) === TYPE.NOT_INIT) throw reject(env, E.EACCES, `R${n} !read_ok`);
    return;
  }
  if (n === R10) throw reject(env, E.EACCES, "frame pointer is read only");
  if (use === "dst") markUnknown(r);
}

/** True if a value of this type is an address that must not reach users without CAP_PERFMON. */
export function isPointer(env: Env, r: RegPtr): boolean {
  return !env.allowPtrLeaks && regType(r) !== TYPE.SCALAR_VALUE;
}

/** Makes R0 to R5 unreadable, as every call does. */
export function clearCallerSaved(env: Env, state: StatePtr): void {
  for (let n = 0; n <= 5; n++) {
    const r = curReg(state, n);
    markNotInit(r);
    setSubregDef(r, 0);
    env.scratched.regs |= 1 << n;
  }
}

/** The map of a handle. */
export function mapOf(env: Env, handle: number) {
  const map = env.maps[handle - 1];
  if (map === undefined) throw new Error(`anybpf bug: map handle ${handle}`);
  return map;
}
