import { E } from "../../../uapi/errno.ts";
import { printSourceLine } from "../log/source.ts";
import { checkFastcallContract } from "../prepare/fastcall.ts";
import { histStackAccess, pushJumpHistory } from "../prune/history.ts";
import { type FramePtr, type RegPtr, SLOT_KIND, type SlotPtr } from "../state/layout.ts";
import {
  constValue,
  copyReg,
  curFrame,
  frameAt,
  isConst,
  isConstZero,
  isScalar,
  isSpilled,
  regFrameno,
  setSubregDef,
  slotAt,
  slotKind,
  slotReg,
  smax,
  smin,
  subprogno,
  umax,
} from "../state/view.ts";
import { markConstZero, markUnknown } from "../value/value.ts";
import { unlink } from "../walk/alu.ts";
import { type Env, reject } from "../walk/env.ts";
import { isPointer, markSlotScratched, reg } from "../walk/regs.ts";
import { varText } from "./align.ts";
import { checkStackInitialized } from "./stack_range.ts";

/** The slot that the byte at `off` (negative) of a frame is in. */
export function slotIndex(off: number): number {
  return (-off - 1) >> 3;
}

/** The place of the byte at `off` in its slot's kinds. */
export function byteInSlot(off: number): number {
  return (-off - 1) & 7;
}

/**
 * Reads `size` bytes at `off` from stack pointer R`n` into R`dst`, or, for `dst` -1, only asks whether it may be
 * done.
 */
export function readStack(env: Env, n: number, off: number, size: number, dst: number): void {
  const r = reg(env, n);
  checkFastcallContract(env, subprogno(curFrame(env.curState)), env.insnIdx, smin(r) + off);
  if (isConst(r)) {
    readFixed(env, r, constValue(r) + off, size, dst);
    return;
  }
  if (dst < 0) {
    throw reject(
      env,
      E.EACCES,
      `variable offset stack pointer cannot be passed into helper function; var_off=${varText(r)} off=${off} size=${size}`,
    );
  }
  checkStackInitialized(env, n, off, size, false, "read", undefined);
  const frame = frameAt(env.curState, regFrameno(r));
  markRead(env, frame, smin(r) + off, smax(r) + off + size, dst);
}

/** R`dst` becomes zero if all the bytes are, else unknown. Linux: mark_reg_stack_read. */
function markRead(env: Env, frame: FramePtr, min: number, max: number, dst: number): void {
  let allZero = true;
  for (let i = min; i < max && allZero; i++) {
    markSlotScratched(env, slotIndex(i));
    allZero = slotKind(slotAt(frame, slotIndex(i)), byteInSlot(i)) === SLOT_KIND.ZERO;
  }
  const to = reg(env, dst);
  if (allZero) markConstZero(to);
  else markUnknown(to);
}

function readFixed(env: Env, pointer: RegPtr, off: number, size: number, dst: number): void {
  const frameNo = regFrameno(pointer);
  const frame = frameAt(env.curState, frameNo);
  const spi = slotIndex(off);
  const slot = slotAt(frame, spi);
  markSlotScratched(env, spi);
  env.stackLiveness.markRead(env.curState, frameNo, env.insnIdx, spi, spi);
  let isFill = true;
  if (isSpilled(slot)) {
    isFill = readSpill(env, slot, off, size, dst);
  } else {
    checkBytes(env, slot, off, size, false);
    if (dst >= 0) markRead(env, frame, off, off + size, dst);
    isFill = false;
  }
  if (isFill) pushJumpHistory(env, env.curState, histStackAccess(frameNo, spi), []);
}

/** Bytes of a slot that hold (the low part of) a spilled register. */
function spillSize(slot: SlotPtr): number {
  let size = 1;
  while (size < 8 && slotKind(slot, 7 - size) === SLOT_KIND.SPILL) size++;
  return size;
}

/** Reads from a slot with a spilled register; true if the register itself (or a part of it) was restored. */
function readSpill(env: Env, slot: SlotPtr, off: number, size: number, dst: number): boolean {
  const spilled = slotReg(slot);
  const whole = spillSize(slot);
  if (size === 8 && whole === 8) {
    if (dst >= 0) copyReg(reg(env, dst), spilled);
    else if (isPointer(env, spilled)) {
      throw reject(env, E.EACCES, `leaking pointer from stack off ${off}`);
    }
    return true;
  }
  if (!isScalar(spilled)) {
    printSourceLine(env, env.insnIdx, "; ");
    throw reject(env, E.EACCES, "invalid size of register fill");
  }
  if (dst < 0) return false;
  const to = reg(env, dst);
  if (size <= whole && (off & 7) === 0) {
    copyReg(to, spilled);
    setSubregDef(to, size === 8 ? 0 : env.insnIdx + 1);
    if (umax(spilled) >= 2 ** (8 * size)) unlink(to);
    return true;
  }
  const { spills, zeros } = checkBytes(env, slot, off, size, true);
  if (spills === size && isConst(spilled) && isConstZero(spilled)) {
    markConstZero(to);
    return true;
  }
  if (zeros === size) markConstZero(to);
  else markUnknown(to);
  return false;
}

/** Checks that the bytes may be read, and counts those of a spill and those that are zero. */
function checkBytes(
  env: Env,
  slot: SlotPtr,
  off: number,
  size: number,
  spillOk: boolean,
): { spills: number; zeros: number } {
  let spills = 0;
  let zeros = 0;
  for (let i = 0; i < size; i++) {
    const kind = slotKind(slot, (-off - 1 - i) & 7);
    if (kind === SLOT_KIND.SPILL && spillOk) spills++;
    else if (kind === SLOT_KIND.ZERO) zeros++;
    else if (kind !== SLOT_KIND.MISC && !(kind === SLOT_KIND.INVALID && env.allowUninitStack)) {
      throw reject(env, E.EACCES, `invalid read from stack off ${off}+${i} size ${size}`);
    }
  }
  return { spills, zeros };
}
