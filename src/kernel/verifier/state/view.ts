import { bytes, newFrame, reserveRefs, words } from "./arena.ts";
import {
  FRAME,
  type FramePtr,
  MAX_REGS,
  REF,
  REF_SIZE,
  REG,
  REG_SIZE,
  type RefPtr,
  type RegPtr,
  SLOT,
  SLOT_KIND,
  SLOT_SIZE,
  type SlotPtr,
  STATE,
  type StatePtr,
  TYPE,
  TYPE_MASK,
} from "./layout.ts";

// Accessors read the arena's current view each time, so they stay right when the memory has grown.

function u64(at: number): number {
  return ((words[(at + 4) >> 2] as number) >>> 0) * 4294967296 + ((words[at >> 2] as number) >>> 0);
}
function s64(at: number): number {
  return (words[(at + 4) >> 2] as number) * 4294967296 + ((words[at >> 2] as number) >>> 0);
}
function big(at: number, signed: boolean): bigint {
  const v = (BigInt(words[(at + 4) >> 2] as number) << 32n) | BigInt((words[at >> 2] as number) >>> 0);
  return signed ? v : BigInt.asUintN(64, v);
}

// --- RegState

/** The type: `TYPE` or-ed with `TYPE_FLAG`s. */
export function regType(r: RegPtr): number {
  return words[(r + REG.type) >> 2] as number;
}
/** Sets what `regType` reads. */
export function setRegType(r: RegPtr, value: number): void {
  words[(r + REG.type) >> 2] = value;
}
/** The type without its flags. */
export function baseType(r: RegPtr): number {
  return (words[(r + REG.type) >> 2] as number) & TYPE_MASK;
}
/** True if any of these `TYPE_FLAG` bits is set. */
export function hasTypeFlag(r: RegPtr, flag: number): boolean {
  return ((words[(r + REG.type) >> 2] as number) & flag) !== 0;
}
/** True if the register holds a number. */
export function isScalar(r: RegPtr): boolean {
  return words[(r + REG.type) >> 2] === TYPE.SCALAR_VALUE;
}
/** The fixed part of a pointer's offset in bytes, signed. */
export function regOff(r: RegPtr): number {
  return words[(r + REG.off) >> 2] as number;
}
/** Sets what `regOff` reads. */
export function setRegOff(r: RegPtr, value: number): void {
  words[(r + REG.off) >> 2] = value;
}
/** The map's handle (index in the used maps plus one), 0 for none. */
export function regMap(r: RegPtr): number {
  return words[(r + REG.map) >> 2] as number;
}
/** Sets what `regMap` reads. */
export function setRegMap(r: RegPtr, value: number): void {
  words[(r + REG.map) >> 2] = value;
}
/** For packet pointers: the bytes known to be readable; -1 or -2 beyond/at the end. Shares its place with `memSize`, `btfId`, `dynptrType`. */
export function pktRange(r: RegPtr): number {
  return words[(r + REG.aux0) >> 2] as number;
}
/** Sets what `pktRange` reads. */
export function setPktRange(r: RegPtr, value: number): void {
  words[(r + REG.aux0) >> 2] = value;
}
/** For PTR_TO_MEM: the size in bytes. */
export function memSize(r: RegPtr): number {
  return (words[(r + REG.aux0) >> 2] as number) >>> 0;
}
/** Sets what `memSize` reads. */
export function setMemSize(r: RegPtr, value: number): void {
  words[(r + REG.aux0) >> 2] = value;
}
/** For PTR_TO_BTF_ID: the type's id. */
export function btfId(r: RegPtr): number {
  return (words[(r + REG.aux0) >> 2] as number) >>> 0;
}
/** For PTR_TO_BTF_ID: which BTF the id is in (0 kernel, 1 program). */
export function btfHandle(r: RegPtr): number {
  return words[(r + REG.aux1) >> 2] as number;
}
/** For PTR_TO_FUNC: the subprogram's number. */
export function subprogOf(r: RegPtr): number {
  return words[(r + REG.aux0) >> 2] as number;
}
/** Sets what `subprogOf` reads. */
export function setSubprogOf(r: RegPtr, value: number): void {
  words[(r + REG.aux0) >> 2] = value;
}
/** For dynptrs: the kind. */
export function dynptrType(r: RegPtr): number {
  return words[(r + REG.aux0) >> 2] as number;
}
/** For iterators on the stack: 0 invalid, 1 active, 2 drained. */
export function iterState(r: RegPtr): number {
  return words[(r + REG.aux1) >> 2] as number;
}
/** For iterators on the stack: how often next has been simulated. */
export function iterDepth(r: RegPtr): number {
  return words[(r + REG.aux2) >> 2] as number;
}
/** The id that links copies (see `REG.id`); may carry `ADD_CONST`. */
export function regId(r: RegPtr): number {
  return words[(r + REG.id) >> 2] as number;
}
/** Sets what `regId` reads. */
export function setRegId(r: RegPtr, value: number): void {
  words[(r + REG.id) >> 2] = value;
}
/** The id of the reference held, 0 for none. */
export function regRefObjId(r: RegPtr): number {
  return words[(r + REG.refObjId) >> 2] as number;
}
/** Sets what `regRefObjId` reads. */
export function setRegRefObjId(r: RegPtr, value: number): void {
  words[(r + REG.refObjId) >> 2] = value;
}
/** For PTR_TO_STACK: the frame pointed into. */
export function regFrameno(r: RegPtr): number {
  return words[(r + REG.frameno) >> 2] as number;
}
/** Sets what `regFrameno` reads. */
export function setRegFrameno(r: RegPtr, value: number): void {
  words[(r + REG.frameno) >> 2] = value;
}
/** Sets what `subregDef` reads. */
export function setSubregDef(r: RegPtr, value: number): void {
  words[(r + REG.subregDef) >> 2] = value;
}
/** 1 if the exact value matters to safety. */
export function isPrecise(r: RegPtr): number {
  return words[(r + REG.precise) >> 2] as number;
}
/** Sets what `isPrecise` reads. */
export function setPrecise(r: RegPtr, value: number): void {
  words[(r + REG.precise) >> 2] = value;
}
/** Smallest signed value of the low half. */
export function s32min(r: RegPtr): number {
  return words[(r + REG.s32min) >> 2] as number;
}
/** Largest signed value of the low half. */
export function s32max(r: RegPtr): number {
  return words[(r + REG.s32max) >> 2] as number;
}
/** Smallest unsigned value of the low half. */
export function u32min(r: RegPtr): number {
  return (words[(r + REG.u32min) >> 2] as number) >>> 0;
}
/** Largest unsigned value of the low half. */
export function u32max(r: RegPtr): number {
  return (words[(r + REG.u32max) >> 2] as number) >>> 0;
}
/** Smallest signed value, as a double: exact up to 2^53 and rounded beyond, so comparisons with smaller limits are right. */
export function smin(r: RegPtr): number {
  return s64(r + REG.smin);
}
/** Smallest signed value, exactly; for logs. */
export function sminBig(r: RegPtr): bigint {
  return big(r + REG.smin, true);
}
/** Largest signed value, as a double: exact up to 2^53 and rounded beyond, so comparisons with smaller limits are right. */
export function smax(r: RegPtr): number {
  return s64(r + REG.smax);
}
/** Largest signed value, exactly; for logs. */
export function smaxBig(r: RegPtr): bigint {
  return big(r + REG.smax, true);
}
/** Smallest unsigned value, as a double: exact up to 2^53 and rounded beyond, so comparisons with smaller limits are right. */
export function umin(r: RegPtr): number {
  return u64(r + REG.umin);
}
/** Smallest unsigned value, exactly; for logs. */
export function uminBig(r: RegPtr): bigint {
  return big(r + REG.umin, false);
}
/** Largest unsigned value, as a double: exact up to 2^53 and rounded beyond, so comparisons with smaller limits are right. */
export function umax(r: RegPtr): number {
  return u64(r + REG.umax);
}
/** Largest unsigned value, exactly; for logs. */
export function umaxBig(r: RegPtr): bigint {
  return big(r + REG.umax, false);
}
/** The known bits of the value, exactly; for logs. */
export function varValueBig(r: RegPtr): bigint {
  return big(r + REG.varValue, false);
}
/** The unknown bits, exactly; for logs. */
export function varMaskBig(r: RegPtr): bigint {
  return big(r + REG.varMask, false);
}
/** Low 32 bits of the known bits, signed. */
export function varValueLo(r: RegPtr): number {
  return words[(r + REG.varValue) >> 2] as number;
}
/** High 32 bits of the known bits, signed. */
export function varValueHi(r: RegPtr): number {
  return words[(r + REG.varValue + 4) >> 2] as number;
}
/** Low 32 bits of the unknown bits, signed. */
export function varMaskLo(r: RegPtr): number {
  return words[(r + REG.varMask) >> 2] as number;
}
/** High 32 bits of the unknown bits, signed. */
export function varMaskHi(r: RegPtr): number {
  return words[(r + REG.varMask + 4) >> 2] as number;
}
/** True if every bit is known. Linux: tnum_is_const(var_off). */
export function isConst(r: RegPtr): boolean {
  return words[(r + REG.varMask) >> 2] === 0 && words[(r + REG.varMask + 4) >> 2] === 0;
}
/** True if every bit is known to be zero. Linux: tnum_equals_const(var_off, 0). */
export function isConstZero(r: RegPtr): boolean {
  return isConst(r) && words[(r + REG.varValue) >> 2] === 0 && words[(r + REG.varValue + 4) >> 2] === 0;
}
/** True if the register is a number that is known to be zero. Linux: register_is_null. */
export function isNullScalar(r: RegPtr): boolean {
  return words[(r + REG.type) >> 2] === TYPE.SCALAR_VALUE && isConstZero(r);
}
/** A constant's signed value as a double (exact up to 2^53). Meaningful if `isConst`. */
export function constValue(r: RegPtr): number {
  return s64(r + REG.varValue);
}
/** True if value + off is a multiple of size (a power of two) whatever the unknown bits. Linux: tnum_is_aligned. */
export function isVarAligned(r: RegPtr, off: number, size: number): boolean {
  const v = (words[(r + REG.varValue) >> 2] as number) + off;
  const m = words[(r + REG.varMask) >> 2] as number;
  // An addition of a constant leaves the unknown low bits unknown, so low bits may be looked at one by one.
  return ((v | m) & (size - 1)) === 0;
}
/** Copies a whole register record. */
export function copyReg(dst: RegPtr, src: RegPtr): void {
  const d = dst >> 2;
  words.copyWithin(d, src >> 2, (src >> 2) + (REG_SIZE >> 2));
}

// --- FuncState

/** The record of R`n` of a frame. */
export function frameReg(f: FramePtr, n: number): RegPtr {
  return (f + FRAME.regs + n * REG_SIZE) as RegPtr;
}
/** Instruction index of the call, -1 in the main program. */
export function callsite(f: FramePtr): number {
  return words[(f + FRAME.callsite) >> 2] as number;
}
/** Depth of the frame, 0 for the main program. */
export function frameno(f: FramePtr): number {
  return words[(f + FRAME.frameno) >> 2] as number;
}
/** The subprogram that the frame runs. */
export function subprogno(f: FramePtr): number {
  return words[(f + FRAME.subprogno) >> 2] as number;
}
/** How often an asynchronous callback was entered. */
export function asyncEntryCnt(f: FramePtr): number {
  return words[(f + FRAME.asyncEntryCnt) >> 2] as number;
}
/** Smallest value that a callback may return. */
export function callbackRetMin(f: FramePtr): number {
  return words[(f + FRAME.callbackRetMin) >> 2] as number;
}
/** Sets what `callbackRetMin` reads. */
export function setCallbackRetMin(f: FramePtr, value: number): void {
  words[(f + FRAME.callbackRetMin) >> 2] = value;
}
/** Largest value that a callback may return. */
export function callbackRetMax(f: FramePtr): number {
  return words[(f + FRAME.callbackRetMax) >> 2] as number;
}
/** Sets what `callbackRetMax` reads. */
export function setCallbackRetMax(f: FramePtr, value: number): void {
  words[(f + FRAME.callbackRetMax) >> 2] = value;
}
/** 1 in a synchronous callback. */
export function inCallbackFn(f: FramePtr): number {
  return words[(f + FRAME.inCallbackFn) >> 2] as number;
}
/** Sets what `inCallbackFn` reads. */
export function setInCallbackFn(f: FramePtr, value: number): void {
  words[(f + FRAME.inCallbackFn) >> 2] = value;
}
/** 1 in an asynchronous callback. */
export function inAsyncCallbackFn(f: FramePtr): number {
  return words[(f + FRAME.inAsyncCallbackFn) >> 2] as number;
}
/** How often a callback has been simulated from this frame. */
export function callbackDepth(f: FramePtr): number {
  return words[(f + FRAME.callbackDepth) >> 2] as number;
}
/** Sets what `callbackDepth` reads. */
export function setCallbackDepth(f: FramePtr, value: number): void {
  words[(f + FRAME.callbackDepth) >> 2] = value;
}
/** Bytes of stack that have slots, a multiple of 8. */
export function allocatedStack(f: FramePtr): number {
  return words[(f + FRAME.allocatedStack) >> 2] as number;
}
/** The slot `i` of a frame: bytes -8(i+1) to -8i-1. It must be allocated (see `growStack`). */
export function slotAt(f: FramePtr, i: number): SlotPtr {
  return ((words[(f + FRAME.slots) >> 2] as number) + i * SLOT_SIZE) as SlotPtr;
}
/** The register record of a slot. */
export function slotReg(s: SlotPtr): RegPtr {
  return (s + SLOT.reg) as RegPtr;
}
/** The kind of byte `b` (0 to 7) of a slot. As in Linux's slot_type: 7 is the byte that a spill is recognised by. */
export function slotKind(s: SlotPtr, b: number): number {
  return bytes[s + SLOT.kind + b] as number;
}
/** Sets the kind of byte `b` of a slot. */
export function setSlotKind(s: SlotPtr, b: number, kind: number): void {
  bytes[s + SLOT.kind + b] = kind;
}
/** Sets the kinds of all eight bytes. */
export function fillSlotKind(s: SlotPtr, kind: number): void {
  bytes.fill(kind, s + SLOT.kind, s + SLOT.kind + 8);
}
/** True if a register was spilled here, whole or in part. Linux: is_spilled_reg. */
export function isSpilled(s: SlotPtr): boolean {
  return bytes[s + SLOT.kind + 7] === SLOT_KIND.SPILL;
}
/** True if a number was spilled here. Linux: is_spilled_scalar_reg. */
export function isSpilledScalar(s: SlotPtr): boolean {
  return isSpilled(s) && words[(s + SLOT.reg + REG.type) >> 2] === TYPE.SCALAR_VALUE;
}
// --- VerifierState

/** The frame `n`. */
export function frameAt(s: StatePtr, n: number): FramePtr {
  return words[(s + STATE.frames + 4 * n) >> 2] as FramePtr;
}
/** The running frame. */
export function curFrame(s: StatePtr): FramePtr {
  return words[(s + STATE.frames + 4 * (words[(s + STATE.curframe) >> 2] as number)) >> 2] as FramePtr;
}
/** The record of R`n` of the running frame. */
export function curReg(s: StatePtr, n: number): RegPtr {
  return (curFrame(s) + FRAME.regs + n * REG_SIZE) as RegPtr;
}
/** Puts a frame in place `n`; the state owns it. */
export function setFrameAt(s: StatePtr, n: number, f: FramePtr | 0): void {
  words[(s + STATE.frames + 4 * n) >> 2] = f;
}
/** Adds a frame above the running one and makes it the running one; its registers are zeroed records. */
export function pushFrame(s: StatePtr, callsiteIdx: number, subprog: number): FramePtr {
  const n = (words[(s + STATE.curframe) >> 2] as number) + 1;
  const f = newFrame(callsiteIdx, n, subprog);
  words[(s + STATE.frames + 4 * n) >> 2] = f;
  words[(s + STATE.curframe) >> 2] = n;
  return f;
}
/** Number of the running frame. */
export function curframe(s: StatePtr): number {
  return words[(s + STATE.curframe) >> 2] as number;
}
/** Sets what `curframe` reads. */
export function setCurframe(s: StatePtr, value: number): void {
  words[(s + STATE.curframe) >> 2] = value;
}
/** The instruction at which the walk takes this state up. */
export function stateInsnIdx(s: StatePtr): number {
  return words[(s + STATE.insnIdx) >> 2] as number;
}
/** Sets what `stateInsnIdx` reads. */
export function setStateInsnIdx(s: StatePtr, value: number): void {
  words[(s + STATE.insnIdx) >> 2] = value;
}
/** First instruction that this state covers. */
export function firstInsnIdx(s: StatePtr): number {
  return words[(s + STATE.firstInsnIdx) >> 2] as number;
}
/** Sets what `firstInsnIdx` reads. */
export function setFirstInsnIdx(s: StatePtr, value: number): void {
  words[(s + STATE.firstInsnIdx) >> 2] = value;
}
/** Last instruction that this state covers. */
export function lastInsnIdx(s: StatePtr): number {
  return words[(s + STATE.lastInsnIdx) >> 2] as number;
}
/** Sets what `lastInsnIdx` reads. */
export function setLastInsnIdx(s: StatePtr, value: number): void {
  words[(s + STATE.lastInsnIdx) >> 2] = value;
}
/** Paths below this state still to be walked. */
export function branches(s: StatePtr): number {
  return words[(s + STATE.branches) >> 2] as number;
}
/** Sets what `branches` reads. */
export function setBranches(s: StatePtr, value: number): void {
  words[(s + STATE.branches) >> 2] = value;
}
/** 1 on a path that only the processor's speculation takes. */
export function speculative(s: StatePtr): number {
  return words[(s + STATE.speculative) >> 2] as number;
}
/** Sets what `speculative` reads. */
export function setSpeculative(s: StatePtr, value: number): void {
  words[(s + STATE.speculative) >> 2] = value;
}
/** Number of held spin locks. */
export function activeLocks(s: StatePtr): number {
  return words[(s + STATE.activeLocks) >> 2] as number;
}
/** Sets what `activeLocks` reads. */
export function setActiveLocks(s: StatePtr, value: number): void {
  words[(s + STATE.activeLocks) >> 2] = value;
}
/** Id of the newest held lock. */
export function activeLockId(s: StatePtr): number {
  return words[(s + STATE.activeLockId) >> 2] as number;
}
/** Sets what `activeLockId` reads. */
export function setActiveLockId(s: StatePtr, value: number): void {
  words[(s + STATE.activeLockId) >> 2] = value;
}
/** Sets what `activeLockPtr` reads. */
export function setActiveLockPtr(s: StatePtr, value: number): void {
  words[(s + STATE.activeLockPtr) >> 2] = value;
}
/** Depth in the tree of paths. */
export function dfsDepth(s: StatePtr): number {
  return words[(s + STATE.dfsDepth) >> 2] as number;
}
/** Sets what `dfsDepth` reads. */
export function setDfsDepth(s: StatePtr, value: number): void {
  words[(s + STATE.dfsDepth) >> 2] = value;
}
/** Depth of simulated callback iterations. */
export function callbackUnrollDepth(s: StatePtr): number {
  return words[(s + STATE.callbackUnrollDepth) >> 2] as number;
}
/** Sets what `callbackUnrollDepth` reads. */
export function setCallbackUnrollDepth(s: StatePtr, value: number): void {
  words[(s + STATE.callbackUnrollDepth) >> 2] = value;
}
/** Number of may_goto taken. */
export function mayGotoDepth(s: StatePtr): number {
  return words[(s + STATE.mayGotoDepth) >> 2] as number;
}
/** Sets what `mayGotoDepth` reads. */
export function setMayGotoDepth(s: StatePtr, value: number): void {
  words[(s + STATE.mayGotoDepth) >> 2] = value;
}
/** 1 once dead registers and slots were cleared. */
export function cleaned(s: StatePtr): number {
  return words[(s + STATE.cleaned) >> 2] as number;
}
/** Sets what `cleaned` reads. */
export function setCleaned(s: StatePtr, value: number): void {
  words[(s + STATE.cleaned) >> 2] = value;
}
/** Newest jump history node (prune/history.ts). */
export function histTail(s: StatePtr): number {
  return words[(s + STATE.histTail) >> 2] as number;
}
/** Sets what `histTail` reads. */
export function setHistTail(s: StatePtr, value: number): void {
  words[(s + STATE.histTail) >> 2] = value;
}
/** Jump history nodes that are this state's own. */
export function histCount(s: StatePtr): number {
  return words[(s + STATE.histCount) >> 2] as number;
}
/** Sets what `histCount` reads. */
export function setHistCount(s: StatePtr, value: number): void {
  words[(s + STATE.histCount) >> 2] = value;
}
/** Number of acquired references. */
export function refCount(s: StatePtr): number {
  return words[(s + STATE.refCount) >> 2] as number;
}
/** The state before this one on its path, 0 for none. */
export function parentOf(s: StatePtr): StatePtr | 0 {
  return words[(s + STATE.parent) >> 2] as StatePtr;
}
/** Sets what `parentOf` reads. */
export function setParent(s: StatePtr, p: StatePtr | 0): void {
  words[(s + STATE.parent) >> 2] = p;
}
/** Sets what `equalState` reads. */
export function setEqualState(s: StatePtr, p: StatePtr | 0): void {
  words[(s + STATE.equalState) >> 2] = p;
}

// --- References

/** The reference `i` of a state. */
export function refAt(s: StatePtr, i: number): RefPtr {
  return ((words[(s + STATE.refs) >> 2] as number) + i * REF_SIZE) as RefPtr;
}
/** The kind of a reference (`REF_TYPE`). */
export function refType(r: RefPtr): number {
  return words[(r + REF.type) >> 2] as number;
}
/** The id of a reference, which registers carry as ref_obj_id. */
export function refId(r: RefPtr): number {
  return words[(r + REF.id) >> 2] as number;
}
/** The instruction that acquired a reference. */
export function refInsnIdx(r: RefPtr): number {
  return words[(r + REF.insnIdx) >> 2] as number;
}
/** For a lock: the handle of what it is in. */
export function refPtr(r: RefPtr): number {
  return words[(r + REF.ptr) >> 2] as number;
}
/** Adds a reference at the end of the list. */
export function addRef(s: StatePtr, type: number, id: number, insnIdx: number, ptr = 0): void {
  const n = words[(s + STATE.refCount) >> 2] as number;
  reserveRefs(s, n + 1);
  const at = refAt(s, n) >> 2;
  words[at] = type;
  words[at + 1] = id;
  words[at + 2] = insnIdx;
  words[at + 3] = ptr;
  words[(s + STATE.refCount) >> 2] = n + 1;
}
/** Removes the reference `i`; the others keep their order, which is seen in logs. */
export function removeRef(s: StatePtr, i: number): void {
  const count = words[(s + STATE.refCount) >> 2] as number;
  words.copyWithin(refAt(s, i) >> 2, refAt(s, i + 1) >> 2, refAt(s, count) >> 2);
  words[(s + STATE.refCount) >> 2] = count - 1;
}

// --- Walks over registers

/** Calls `fn` for every register of every frame and for every spilled register. Linux: bpf_for_each_reg_in_vstate. */
export function forEachReg(s: StatePtr, fn: (r: RegPtr) => void): void {
  for (let i = 0; i <= curframe(s); i++) {
    const f = frameAt(s, i);
    for (let n = 0; n < MAX_REGS; n++) fn(frameReg(f, n));
    const slots = allocatedStack(f) >> 3;
    for (let n = 0; n < slots; n++) {
      const slot = slotAt(f, n);
      if (isSpilled(slot)) fn(slotReg(slot));
    }
  }
}
