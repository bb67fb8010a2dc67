import { E } from "../../../uapi/errno.ts";
import { growStack } from "../state/arena.ts";
import { MAX_STACK } from "../state/layout.ts";
import {
  allocatedStack,
  constValue,
  frameAt,
  isConst,
  regFrameno,
  smax,
  smin,
  subprogno,
} from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { MAX_VAR_OFF } from "../walk/pointer_alu.ts";
import { reg } from "../walk/regs.ts";
import { varText } from "./align.ts";

/** What an access does, as far as bounds and messages go. */
export type AccessKind = "read" | "write";

const DIRECTION: Readonly<Record<AccessKind, string>> = { read: " read from", write: " write to" };

/**
 * Checks that `size` bytes at `off` (the pointer's fixed part included) from stack pointer R`n` are within the stack,
 * and makes slots for them.
 */
export function checkStackBounds(env: Env, n: number, off: number, size: number, kind: AccessKind): void {
  const r = reg(env, n);
  const frame = frameAt(env.curState, regFrameno(r));
  const isFixed = isConst(r);
  const direction = DIRECTION[kind];
  let min: number;
  let max: number;
  if (isFixed) {
    min = constValue(r) + off;
    max = min + size;
  } else {
    if (smax(r) >= MAX_VAR_OFF || smin(r) <= -MAX_VAR_OFF) {
      throw reject(env, E.EACCES, `invalid unbounded variable-offset${direction} stack R${n}`);
    }
    min = smin(r) + off;
    max = smax(r) + off + size;
  }
  const lowest = kind === "write" || env.allowUninitStack ? -MAX_STACK : -allocatedStack(frame);
  let errno = 0;
  if (min < lowest || min > -1) errno = E.EACCES;
  else if (max > 0) errno = E.EINVAL;
  else if (size < 0) errno = E.EFAULT;
  if (errno !== 0) {
    throw reject(
      env,
      errno,
      isFixed
        ? `invalid${direction} stack R${n} off=${min} size=${size}`
        : `invalid variable-offset${direction} stack R${n} var_off=${varText(r)} off=${off} size=${size}`,
    );
  }
  growStack(frame, -min);
  const subprog = env.subprogs[subprogno(frame)];
  const depth = allocatedStack(frame);
  if (subprog !== undefined && subprog.stackDepth < depth) subprog.stackDepth = depth;
}
