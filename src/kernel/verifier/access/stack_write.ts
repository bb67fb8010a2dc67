import type { Insn } from "../../../isa/insn.ts";
import { CLASS, MODE } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { printSourceLine } from "../log/source.ts";
import { checkFastcallContract } from "../prepare/fastcall.ts";
import { histStackAccess, pushJumpHistory } from "../prune/history.ts";
import { markChainPrecision } from "../prune/precision.ts";
import { scratchReg } from "../state/arena.ts";
import { type FramePtr, type RegPtr, SLOT_KIND, type SlotPtr, TYPE, TYPE_MASK } from "../state/layout.ts";
import {
  constValue,
  copyReg,
  curFrame,
  frameAt,
  isConst,
  isConstZero,
  isNullScalar,
  isScalar,
  isSpilled,
  isSpilledScalar,
  regFrameno,
  regType,
  setRegType,
  setSlotKind,
  slotAt,
  slotKind,
  slotReg,
  smax,
  smin,
  subprogno,
  umax,
} from "../state/view.ts";
import { markKnownImm } from "../value/value.ts";
import { linkBeforeCopy, unlink } from "../walk/alu.ts";
import { type Env, reject } from "../walk/env.ts";
import { markSlotScratched, reg } from "../walk/regs.ts";
import { scrubByte } from "./stack_range.ts";
import { byteInSlot, slotIndex } from "./stack_read.ts";

const IMM_OPERAND = 6;

/** Register types that keep what is known of them over a spill, without flags. */
const SPILLABLE: ReadonlySet<number> = new Set<number>([
  TYPE.PTR_TO_MAP_VALUE,
  TYPE.PTR_TO_STACK,
  TYPE.PTR_TO_CTX,
  TYPE.PTR_TO_PACKET,
  TYPE.PTR_TO_PACKET_META,
  TYPE.PTR_TO_PACKET_END,
  TYPE.PTR_TO_FLOW_KEYS,
  TYPE.CONST_PTR_TO_MAP,
  TYPE.PTR_TO_SOCKET,
  TYPE.PTR_TO_SOCK_COMMON,
  TYPE.PTR_TO_TCP_SOCK,
  TYPE.PTR_TO_XDP_SOCK,
  TYPE.PTR_TO_BTF_ID,
  TYPE.PTR_TO_BUF,
  TYPE.PTR_TO_MEM,
  TYPE.PTR_TO_FUNC,
  TYPE.PTR_TO_MAP_KEY,
  TYPE.PTR_TO_ARENA,
]);

/** Writes R`src` (or, for `src` -1, the instruction's immediate or something unknown) through stack pointer R`n`. */
export function writeStack(env: Env, n: number, off: number, size: number, src: number): void {
  const r = reg(env, n);
  checkFastcallContract(env, subprogno(curFrame(env.curState)), env.insnIdx, smin(r) + off);
  if (isConst(r)) writeFixed(env, r, constValue(r) + off, size, src);
  else writeVariable(env, r, off, size, src);
}

function isStoreImm(insn: Insn): boolean {
  return (insn.code & 7) === CLASS.ST && (insn.code & 0xe0) === MODE.MEM;
}

function runningInsn(env: Env): Insn {
  return env.insns[env.insnIdx] as Insn;
}

/** Puts a register's state in a slot, `size` bytes of it. Linux: save_register_state. */
function spill(env: Env, slot: SlotPtr, r: RegPtr, size: number): void {
  copyReg(slotReg(slot), r);
  for (let b = 0; b < 8; b++) {
    if (b >= 8 - size) {
      setSlotKind(slot, b, SLOT_KIND.SPILL);
      continue;
    }
    const kind = slotKind(slot, b);
    if (kind === SLOT_KIND.ZERO || (env.allowPtrLeaks && kind === SLOT_KIND.INVALID)) continue;
    setSlotKind(slot, b, SLOT_KIND.MISC);
  }
}

function writeFixed(env: Env, pointer: RegPtr, off: number, size: number, src: number): void {
  const frameNo = regFrameno(pointer);
  const frame = frameAt(env.curState, frameNo);
  const spi = slotIndex(off);
  const slot = slotAt(frame, spi);
  if (!env.allowPtrLeaks && isSpilled(slot) && !isSpilledScalar(slot) && size !== 8) {
    throw reject(env, E.EACCES, "attempt to corrupt spilled pointer on stack");
  }
  const value = src >= 0 ? reg(env, src) : undefined;
  destroyDynptr(env, slot);
  markSlotScratched(env, spi);
  const aligned = (off & 7) === 0;
  if (size === 8) env.stackLiveness.markWrite(frameNo, spi);
  if (value !== undefined && aligned && isScalar(value) && env.bpfCapable) {
    const fits = umax(value) < 2 ** (8 * size) || size === 8;
    if (fits) linkBeforeCopy(env, value);
    spill(env, slot, value, size);
    if (!fits) unlink(slotReg(slot));
  } else if (value === undefined && aligned && isStoreImm(runningInsn(env)) && env.bpfCapable) {
    const imm = scratchReg(IMM_OPERAND);
    markKnownImm(imm, runningInsn(env).imm);
    spill(env, slot, imm, size);
  } else if (value !== undefined && SPILLABLE.has(regType(value) & TYPE_MASK)) {
    spillPointer(env, frame, slot, value, size);
  } else {
    writeData(env, slot, off, size, src);
    return;
  }
  pushJumpHistory(env, env.curState, histStackAccess(frameNo, spi), []);
}

function spillPointer(env: Env, frame: FramePtr, slot: SlotPtr, value: RegPtr, size: number): void {
  if (size !== 8) {
    printSourceLine(env, env.insnIdx, "; ");
    throw reject(env, E.EACCES, "invalid size of register spill");
  }
  if (frame !== curFrame(env.curState) && regType(value) === TYPE.PTR_TO_STACK) {
    throw reject(env, E.EINVAL, "cannot spill pointers to stack into stack frame of the caller");
  }
  spill(env, slot, value, size);
}

/** Writes bytes of which at most is known that they are zero. */
function writeData(env: Env, slot: SlotPtr, off: number, size: number, src: number): void {
  const special = isSpecial(slot);
  setRegType(slotReg(slot), TYPE.NOT_INIT);
  if (special) for (let b = 0; b < 8; b++) scrubByte(slot, b);
  let kind: number = SLOT_KIND.MISC;
  const insn = runningInsn(env);
  if (src >= 0 ? isNullScalar(reg(env, src)) : isStoreImm(insn) && insn.imm === 0) {
    if (src >= 0) markChainPrecision(env, src);
    kind = SLOT_KIND.ZERO;
  }
  for (let i = 0; i < size; i++) setSlotKind(slot, byteInSlot(off + i), kind);
}

function isSpecial(slot: SlotPtr): boolean {
  const kind = slotKind(slot, 7);
  return kind === SLOT_KIND.SPILL || kind === SLOT_KIND.DYNPTR || kind === SLOT_KIND.ITER;
}

/** Dynptrs are refused before they can be made, so that none can be overwritten. */
function destroyDynptr(env: Env, slot: SlotPtr): void {
  if (slotKind(slot, 7) !== SLOT_KIND.DYNPTR) return;
  throw reject(env, E.EINVAL, "anybpf: overwriting a dynptr on the stack is not supported yet");
}

function writeVariable(env: Env, pointer: RegPtr, off: number, size: number, src: number): void {
  const frame = frameAt(env.curState, regFrameno(pointer));
  const min = smin(pointer) + off;
  const max = smax(pointer) + off + size;
  const insn = runningInsn(env);
  const writesZero = src >= 0 ? isNullScalar(reg(env, src)) : isStoreImm(insn) && insn.imm === 0;
  let zeroUsed = false;
  for (let i = min; i < max; i++) destroyDynptr(env, slotAt(frame, slotIndex(i)));
  for (let i = min; i < max; i++) {
    const spi = slotIndex(i);
    const slot = slotAt(frame, spi);
    const b = byteInSlot(i);
    const kind = slotKind(slot, b);
    markSlotScratched(env, spi);
    if (!env.allowPtrLeaks && kind !== SLOT_KIND.MISC && kind !== SLOT_KIND.ZERO) {
      throw reject(
        env,
        E.EINVAL,
        `spilled ptr in range of var-offset stack write; insn ${env.insnIdx}, ptr off: ${i}`,
      );
    }
    if (writesZero && kind === SLOT_KIND.SPILL && isSpilledScalar(slot) && isConstZero(slotReg(slot))) {
      zeroUsed = true;
      continue;
    }
    if (isSpilled(slot)) for (let n = 0; n < 8; n++) scrubByte(slot, n);
    setRegType(slotReg(slot), TYPE.NOT_INIT);
    if (writesZero && kind === SLOT_KIND.ZERO) {
      zeroUsed = true;
      continue;
    }
    if (kind === SLOT_KIND.INVALID && !env.allowUninitStack) {
      throw reject(
        env,
        E.EINVAL,
        `uninit stack in range of var-offset write prohibited for !root; insn ${env.insnIdx}, off: ${i}`,
      );
    }
    setSlotKind(slot, b, SLOT_KIND.MISC);
  }
  if (zeroUsed && src >= 0) markChainPrecision(env, src);
}
