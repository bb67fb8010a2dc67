import { E } from "../../../uapi/errno.ts";
import { SLOT_KIND, type SlotPtr } from "../state/layout.ts";
import {
  allocatedStack,
  constValue,
  frameAt,
  isConst,
  isScalar,
  isSpilled,
  regFrameno,
  setSlotKind,
  slotAt,
  slotKind,
  slotReg,
  smax,
  smin,
} from "../state/view.ts";
import { markUnknown } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { reg } from "../walk/regs.ts";
import { varText } from "./align.ts";
import { type AccessKind, checkStackBounds } from "./stack.ts";

/** What a helper call wants to know of memory that the helper fills. */
export interface RawMemory {
  /** The argument may be uninitialised: note it here instead of checking. */
  rawMode: boolean;
  regno: number;
  accessSize: number;
}

/** Forgets a byte of a spilled register; what is initialised stays so. */
export function scrubByte(slot: SlotPtr, b: number): void {
  if (slotKind(slot, b) !== SLOT_KIND.INVALID) setSlotKind(slot, b, SLOT_KIND.MISC);
}

/**
 * Checks that `size` bytes at `off` from stack pointer R`n` (its fixed offset included in `off`) are initialised; for
 * a write they are unknown afterwards. Linux: check_stack_range_initialized.
 */
export function checkStackInitialized(
  env: Env,
  n: number,
  off: number,
  size: number,
  zeroOk: boolean,
  kind: AccessKind,
  raw: RawMemory | undefined,
): void {
  const r = reg(env, n);
  if (size === 0 && !zeroOk) throw reject(env, E.EACCES, "invalid zero-sized read");
  checkStackBounds(env, n, off, size, kind);
  const frameNo = regFrameno(r);
  const frame = frameAt(env.curState, frameNo);
  let min: number;
  let max: number;
  let fill = raw?.rawMode === true ? raw : undefined;
  const isFixed = isConst(r);
  if (isFixed) {
    min = constValue(r) + off;
    max = min + size;
  } else {
    if (!env.bypassSpecV1) {
      throw reject(
        env,
        E.EACCES,
        `R${n} variable offset stack access prohibited for !root, var_off=${varText(r)}`,
      );
    }
    fill = undefined;
    min = smin(r) + off;
    max = smax(r) + off + size;
  }
  if (fill !== undefined) {
    for (let i = min; i < max; i++) {
      if (slotKind(slotAt(frame, (-i - 1) >> 3), (-i - 1) & 7) === SLOT_KIND.DYNPTR) {
        throw reject(env, E.EACCES, `potential write to dynptr at off=${i} disallowed`);
      }
    }
    fill.accessSize = size;
    fill.regno = n;
    return;
  }
  const clobber = kind === "write";
  for (let i = min; i < max; i++) {
    const spi = (-i - 1) >> 3;
    if (allocatedStack(frame) <= -i - 1) {
      throw reject(env, E.EFAULT, "allocated_stack too small");
    }
    if (!useByte(env, slotAt(frame, spi), (-i - 1) & 7, clobber)) {
      throw reject(
        env,
        E.EACCES,
        isFixed
          ? `invalid read from stack R${n} off ${min}+${i - min} size ${size}`
          : `invalid read from stack R${n} var_off ${varText(r)}+${i - min} size ${size}`,
      );
    }
    env.stackLiveness.markRead(env.curState, frameNo, env.insnIdx, spi, spi);
  }
}

/** True if the byte may be given to a helper. */
function useByte(env: Env, slot: SlotPtr, b: number, clobber: boolean): boolean {
  const kind = slotKind(slot, b);
  if (kind === SLOT_KIND.MISC) return true;
  if (kind === SLOT_KIND.ZERO || (kind === SLOT_KIND.INVALID && env.allowUninitStack)) {
    if (clobber) setSlotKind(slot, b, SLOT_KIND.MISC);
    return true;
  }
  if (isSpilled(slot) && (isScalar(slotReg(slot)) || env.allowPtrLeaks)) {
    if (clobber) {
      markUnknown(slotReg(slot));
      for (let i = 0; i < 8; i++) scrubByte(slot, i);
    }
    return true;
  }
  return false;
}
