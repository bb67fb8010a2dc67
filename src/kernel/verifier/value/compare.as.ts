// Whether a saved state covers the current one: everything that is possible now was possible, and found safe, then.

import {
  ADD_CONST,
  Frame,
  Reference,
  Reg,
  Slot,
  State,
  frameOf,
  kindOf,
  regOf,
  slotOf,
  slotRegOf,
  tnumOf,
} from "./record.as";
import { markUnknown } from "./alu.as";
import { tnumContains } from "./tnum.as";

/** How alike states must be: COVERED for pruning, EXACT for infinite loops, RANGE for loops that converge. */
const COVERED: i32 = 0;
const EXACT: i32 = 1;

const SCALAR_VALUE: i32 = 1;
const PTR_TO_MAP_VALUE: i32 = 4;
const PTR_TO_MAP_KEY: i32 = 5;
const PTR_TO_STACK: i32 = 6;
const PTR_TO_PACKET_META: i32 = 7;
const PTR_TO_PACKET: i32 = 8;
const PTR_TO_TP_BUFFER: i32 = 14;
const PTR_TO_MEM: i32 = 17;
const PTR_TO_ARENA: i32 = 18;
const PTR_TO_BUF: i32 = 19;

const INVALID: i32 = 0;
const SPILL: i32 = 1;
const MISC: i32 = 2;
const ZERO: i32 = 3;
const DYNPTR: i32 = 4;
const ITER: i32 = 5;
const IRQ_FLAG: i32 = 6;

const REF_PTR: i32 = 1;
const REF_IRQ: i32 = 5;

/** Pairs of ids (of the old and of the current state) that were taken to be the same. */
const ID_PAIRS: i32 = 600;
const pairs: usize = memory.data(4800, 8);
let pairCount: i32 = 0;
let freshId: i32 = 0;
let uninitStackAllowed: bool = false;
let strictScalars: bool = false;
const unknownReg: Reg = changetype<Reg>(memory.data(120, 8));
/** Live registers of each frame, one bit each: written by the caller before statesEqual. */
const liveMasks: usize = memory.data(32, 8);

export function liveMasksAddress(): usize {
  return liveMasks;
}

/** Both ids are none, or they pair up as they did before. */
function sameId(a: i32, b: i32): bool {
  if ((a != 0) != (b != 0)) return false;
  if (a == 0) return true;
  for (let i: i32 = 0; i < pairCount; i++) {
    const at: usize = pairs + ((i as usize) << 3);
    const old: i32 = load<i32>(at);
    const cur: i32 = load<i32>(at, 4);
    if (old == a) return cur == b;
    if (cur == b) return false;
  }
  if (pairCount == ID_PAIRS) return false;
  const end: usize = pairs + ((pairCount as usize) << 3);
  store<i32>(end, a);
  store<i32>(end, b, 4);
  pairCount++;
  return true;
}

/**
 * A number that was linked to nothing is safe whatever it is linked to now; one that was linked and is no more pairs
 * like one with an id of its own.
 */
function sameScalarId(a: i32, b: i32): bool {
  return a == 0 || sameId(a, b != 0 ? b : ++freshId);
}

/** Equal bytes from the record's start up to (not including) an offset. */
function sameUpTo(a: Reg, b: Reg, end: usize): bool {
  for (let at: usize = 0; at < end; at += 8) {
    if (load<u64>(changetype<usize>(a) + at) != load<u64>(changetype<usize>(b) + at)) return false;
  }
  return true;
}

export function sameFacts(a: Reg, b: Reg): bool {
  return sameUpTo(a, b, offsetof<Reg>("id"));
}

export function rangeWithin(old: Reg, cur: Reg): bool {
  return (
    old.umin <= cur.umin &&
    old.umax >= cur.umax &&
    old.smin <= cur.smin &&
    old.smax >= cur.smax &&
    old.u32min <= cur.u32min &&
    old.u32max >= cur.u32max &&
    old.s32min <= cur.s32min &&
    old.s32max >= cur.s32max
  );
}

export function tnumIn(old: Reg, cur: Reg): bool {
  return tnumContains(tnumOf(old), tnumOf(cur));
}

function covers(old: Reg, cur: Reg): bool {
  return rangeWithin(old, cur) && tnumIn(old, cur);
}

function regsExact(old: Reg, cur: Reg): bool {
  return sameFacts(old, cur) && sameId(old.id, cur.id) && sameId(old.refObjId, cur.refObjId);
}

function scalarSafe(old: Reg, cur: Reg, level: i32): bool {
  if (strictScalars) return sameFacts(old, cur) && sameScalarId(old.id, cur.id);
  if (old.precise == 0 && level == COVERED) return true;
  if (old.id != 0 && (old.id & ADD_CONST) != (cur.id & ADD_CONST)) return false;
  if ((old.id & ADD_CONST) != 0 && old.off != cur.off) return false;
  return covers(old, cur) && sameScalarId(old.id, cur.id);
}

function packetSafe(old: Reg, cur: Reg): bool {
  // A negative range says "at" or "beyond the end" and has to be the same.
  if (old.aux0 < 0 || cur.aux0 < 0) {
    if (old.aux0 != cur.aux0) return false;
  } else if (old.aux0 > cur.aux0) {
    return false;
  }
  if (old.off != cur.off) return false;
  return sameId(old.id, cur.id) && covers(old, cur);
}

function regSafe(old: Reg, cur: Reg, level: i32): bool {
  if (level == EXACT) return regsExact(old, cur);
  if (old.type == 0) return true;
  if (old.type != cur.type) return false;
  const base: i32 = old.type & 0xff;
  if (base == SCALAR_VALUE) return scalarSafe(old, cur, level);
  if (
    base == PTR_TO_MAP_VALUE ||
    base == PTR_TO_MAP_KEY ||
    base == PTR_TO_MEM ||
    base == PTR_TO_BUF ||
    base == PTR_TO_TP_BUFFER
  ) {
    return (
      sameUpTo(old, cur, offsetof<Reg>("value")) &&
      covers(old, cur) &&
      sameId(old.id, cur.id) &&
      sameId(old.refObjId, cur.refObjId)
    );
  }
  if (base == PTR_TO_PACKET || base == PTR_TO_PACKET_META) return packetSafe(old, cur);
  if (base == PTR_TO_STACK) return regsExact(old, cur) && old.frameno == cur.frameno;
  if (base == PTR_TO_ARENA) return true;
  return regsExact(old, cur);
}

function allMisc(s: Slot): bool {
  for (let b: i32 = 0; b < 8; b++) {
    const kind: i32 = kindOf(s, b);
    if (kind != MISC && !(uninitStackAllowed && kind == INVALID)) return false;
  }
  return true;
}

/** The number that a load of the whole slot gives, or null if it gives none. */
function numberIn(s: Slot): Reg | null {
  if (kindOf(s, 0) == SPILL && slotRegOf(s).type == SCALAR_VALUE) return slotRegOf(s);
  if (allMisc(s)) return unknownReg;
  return null;
}

function specialSlotSafe(kind: i32, a: Reg, b: Reg): bool {
  if (kind == DYNPTR) {
    return a.aux0 == b.aux0 && a.aux1 == b.aux1 && sameId(a.refObjId, b.refObjId);
  }
  if (kind == ITER) {
    // The depth only counts simulated rounds: comparing it would keep loops from converging.
    return a.aux0 == b.aux0 && a.aux1 == b.aux1 && sameId(a.refObjId, b.refObjId);
  }
  if (kind == IRQ_FLAG) return sameId(a.refObjId, b.refObjId) && a.aux2 == b.aux2;
  return true;
}

function stackSafe(old: Frame, cur: Frame, level: i32): bool {
  for (let i: i32 = 0; i < old.allocatedStack; i++) {
    const n: i32 = i >> 3;
    const b: i32 = i & 7;
    const so: Slot = slotOf(old, n);
    const inCur: bool = i < cur.allocatedStack;
    const sc: Slot = inCur ? slotOf(cur, n) : so;
    const ko: i32 = kindOf(so, b);
    if (level != COVERED && (!inCur || ko != kindOf(sc, b))) return false;
    if (ko == INVALID) continue;
    if (uninitStackAllowed && ko == MISC) continue;
    if (!inCur) return false;
    const ro: Reg | null = numberIn(so);
    const rc: Reg | null = numberIn(sc);
    if (ro !== null && rc !== null) {
      if (!regSafe(ro as Reg, rc as Reg, level)) return false;
      i += 7;
      continue;
    }
    const kc: i32 = kindOf(sc, b);
    if (ko == MISC && kc == ZERO) continue;
    if (ko != kc) return false;
    if (b != 7) continue;
    if (ko == SPILL) {
      if (!regSafe(slotRegOf(so), slotRegOf(sc), level)) return false;
    } else if (!specialSlotSafe(ko, slotRegOf(so), slotRegOf(sc))) {
      return false;
    }
  }
  return true;
}

function refsSafe(old: State, cur: State): bool {
  if (
    old.refCount != cur.refCount ||
    old.activeLocks != cur.activeLocks ||
    old.activePreemptLocks != cur.activePreemptLocks ||
    old.activeRcuLocks != cur.activeRcuLocks
  ) {
    return false;
  }
  if (!sameId(old.activeIrqId, cur.activeIrqId)) return false;
  if (!sameId(old.activeLockId, cur.activeLockId) || old.activeLockPtr != cur.activeLockPtr) return false;
  for (let i: i32 = 0; i < old.refCount; i++) {
    const at: usize = (i as usize) * offsetof<Reference>();
    const a: Reference = changetype<Reference>((old.refs as usize) + at);
    const b: Reference = changetype<Reference>((cur.refs as usize) + at);
    if (!sameId(a.id, b.id) || a.type != b.type) return false;
    if (a.type != REF_PTR && a.type != REF_IRQ && a.ptr != b.ptr) return false;
  }
  return true;
}

function framesEqual(old: Frame, cur: Frame, live: i32, level: i32): bool {
  if (old.callbackDepth > cur.callbackDepth) return false;
  for (let n: i32 = 0; n < 11; n++) {
    if (((live >> n) & 1) != 0 && !regSafe(regOf(old, n), regOf(cur, n), level)) return false;
  }
  return stackSafe(old, cur, level);
}

/** See statesEqual in value.ts. */
export function statesEqual(old: State, cur: State, level: i32, idGen: i32, flags: i32): bool {
  pairCount = 0;
  freshId = idGen;
  uninitStackAllowed = (flags & 1) != 0;
  strictScalars = (flags & 2) != 0;
  markUnknown(unknownReg);
  unknownReg.precise = 0;
  if (old.curframe != cur.curframe) return false;
  if (old.speculative != 0 && cur.speculative == 0) return false;
  if (old.inSleepable != cur.inSleepable) return false;
  if (!refsSafe(old, cur)) return false;
  for (let i: i32 = 0; i <= old.curframe; i++) {
    const a: Frame = frameOf(old, i);
    const b: Frame = frameOf(cur, i);
    if (a.callsite != b.callsite) return false;
    if (!framesEqual(a, b, load<i32>(liveMasks + ((i as usize) << 2)), level)) return false;
  }
  return true;
}
