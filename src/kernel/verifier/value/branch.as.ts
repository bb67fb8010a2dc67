// Conditional jumps between numbers: whether the outcome is known, and what each outcome says of the operands.

import { ADD_CONST, ADD_CONST32, Reg, Tnum, tnumOf } from "./record.as";
import { addRanges, copyRecord, knownValue, markUnknown } from "./alu.as";
import { clearHigh, syncBounds, unbound32, unboundWide } from "./range.as";
import { tnumAdd, tnumAnd, tnumIntersect, tnumOr, tnumOverlap, tnumSet, tnumWithLow } from "./tnum.as";

const JEQ: u32 = 0x10;
const JGT: u32 = 0x20;
const JGE: u32 = 0x30;
const JSET: u32 = 0x40;
const JNE: u32 = 0x50;
const JSGT: u32 = 0x60;
const JSGE: u32 = 0x70;
const JLT: u32 = 0xa0;
const JLE: u32 = 0xb0;
const JSLT: u32 = 0xc0;
const JSLE: u32 = 0xd0;
/** Not an opcode: no bit of JSET's mask is set. */
const NOT_SET: u32 = 0x41;

const ta: Tnum = changetype<Tnum>(memory.data(16, 8));
const tb: Tnum = changetype<Tnum>(memory.data(16, 8));
const delta: Reg = changetype<Reg>(memory.data(120, 8));

function lowBits(o: Tnum, r: Reg): void {
  tnumSet(o, r.value & 0xffffffff, r.mask & 0xffffffff);
}

/** The condition of which `op` is the mirror: a op b is b mirror(op) a. */
function mirror(op: u32): u32 {
  if (op == JGT) return JLT;
  if (op == JGE) return JLE;
  if (op == JLT) return JGT;
  if (op == JLE) return JGE;
  if (op == JSGT) return JSLT;
  if (op == JSGE) return JSLE;
  if (op == JSLT) return JSGT;
  if (op == JSLE) return JSGE;
  return op;
}

function opposite(op: u32): u32 {
  if (op == JEQ) return JNE;
  if (op == JNE) return JEQ;
  if (op == JGT) return JLE;
  if (op == JLE) return JGT;
  if (op == JGE) return JLT;
  if (op == JLT) return JGE;
  if (op == JSGT) return JSLE;
  if (op == JSLE) return JSGT;
  if (op == JSGE) return JSLT;
  if (op == JSLT) return JSGE;
  if (op == JSET) return NOT_SET;
  return op;
}

function disjoint32(a: Reg, b: Reg): bool {
  return a.u32min > b.u32max || a.u32max < b.u32min || a.s32min > b.s32max || a.s32max < b.s32min;
}

function disjoint(a: Reg, b: Reg, is32: bool): bool {
  if (is32) return disjoint32(a, b);
  if (a.umin > b.umax || a.umax < b.umin || a.smin > b.smax || a.smax < b.smin) return true;
  return disjoint32(a, b);
}

/** 1 if a < b always, 0 if never, -1 if not known; with orEqual a <= b. */
function unsignedLess(a: Reg, b: Reg, orEqual: bool, is32: bool): i32 {
  const aMin: u64 = is32 ? (a.u32min as u64) : a.umin;
  const aMax: u64 = is32 ? (a.u32max as u64) : a.umax;
  const bMin: u64 = is32 ? (b.u32min as u64) : b.umin;
  const bMax: u64 = is32 ? (b.u32max as u64) : b.umax;
  if (orEqual) return aMax <= bMin ? 1 : aMin > bMax ? 0 : -1;
  return aMax < bMin ? 1 : aMin >= bMax ? 0 : -1;
}

function signedLess(a: Reg, b: Reg, orEqual: bool, is32: bool): i32 {
  const aMin: i64 = is32 ? (a.s32min as i64) : a.smin;
  const aMax: i64 = is32 ? (a.s32max as i64) : a.smax;
  const bMin: i64 = is32 ? (b.s32min as i64) : b.smin;
  const bMax: i64 = is32 ? (b.s32max as i64) : b.smax;
  if (orEqual) return aMax <= bMin ? 1 : aMin > bMax ? 0 : -1;
  return aMax < bMin ? 1 : aMin >= bMax ? 0 : -1;
}

function loadBits(a: Reg, b: Reg, is32: bool): void {
  if (is32) {
    lowBits(ta, a);
    lowBits(tb, b);
  } else {
    tnumSet(ta, a.value, a.mask);
    tnumSet(tb, b.value, b.mask);
  }
}

/** 1 if equal, 0 if not, -1 if not known. */
function equal(a: Reg, b: Reg, is32: bool): i32 {
  loadBits(a, b, is32);
  if (ta.mask == 0 && tb.mask == 0) return ta.value == tb.value ? 1 : 0;
  if (!tnumOverlap(ta, tb)) return 0;
  return disjoint(a, b, is32) ? 0 : -1;
}

function isConst(r: Reg, is32: bool): bool {
  return r.type == 1 && (is32 ? (r.mask as u32) == 0 : r.mask == 0);
}

function bitsSet(a: Reg, b: Reg, is32: bool): i32 {
  loadBits(a, b, is32);
  if (isConst(b, is32)) {
    if ((ta.value & tb.value) != 0) return 1;
    if (((ta.value | ta.mask) & tb.value) == 0) return 0;
  } else if (isConst(a, is32)) {
    if ((tb.value & ta.value) != 0) return 1;
    if (((tb.value | tb.mask) & ta.value) == 0) return 0;
  }
  return -1;
}

export function branchTaken(a: Reg, b: Reg, op: u32, wide32: i32): i32 {
  const is32: bool = wide32 != 0;
  if (op == JEQ) return equal(a, b, is32);
  if (op == JNE) {
    const same: i32 = equal(a, b, is32);
    return same < 0 ? -1 : 1 - same;
  }
  if (op == JSET) return bitsSet(a, b, is32);
  if (op == JGT) return unsignedLess(b, a, false, is32);
  if (op == JGE) return unsignedLess(b, a, true, is32);
  if (op == JLT) return unsignedLess(a, b, false, is32);
  if (op == JLE) return unsignedLess(a, b, true, is32);
  if (op == JSGT) return signedLess(b, a, false, is32);
  if (op == JSGE) return signedLess(b, a, true, is32);
  if (op == JSLT) return signedLess(a, b, false, is32);
  if (op == JSLE) return signedLess(a, b, true, is32);
  return -1;
}

function refineEqual(a: Reg, b: Reg, is32: bool): void {
  if (is32) {
    a.u32min = max<u32>(a.u32min, b.u32min);
    a.u32max = min<u32>(a.u32max, b.u32max);
    a.s32min = max<i32>(a.s32min, b.s32min);
    a.s32max = min<i32>(a.s32max, b.s32max);
    b.u32min = a.u32min;
    b.u32max = a.u32max;
    b.s32min = a.s32min;
    b.s32max = a.s32max;
    lowBits(ta, a);
    lowBits(tb, b);
    tnumIntersect(ta, ta, tb);
    tnumWithLow(tnumOf(a), tnumOf(a), ta);
    tnumWithLow(tnumOf(b), tnumOf(b), ta);
    return;
  }
  a.umin = max<u64>(a.umin, b.umin);
  a.umax = min<u64>(a.umax, b.umax);
  a.smin = max<i64>(a.smin, b.smin);
  a.smax = min<i64>(a.smax, b.smax);
  b.umin = a.umin;
  b.umax = a.umax;
  b.smin = a.smin;
  b.smax = a.smax;
  tnumIntersect(tnumOf(a), tnumOf(a), tnumOf(b));
  tnumSet(tnumOf(b), a.value, a.mask);
}

/** A constant at the edge of a range moves the edge. */
function refineNotEqual(a: Reg, b: Reg, is32: bool): void {
  const r: Reg = isConst(b, is32) ? a : b;
  const c: Reg = isConst(b, is32) ? b : a;
  if (!isConst(c, is32)) return;
  if (is32) {
    const v: u32 = c.value as u32;
    if (r.u32min == v) r.u32min++;
    if (r.u32max == v) r.u32max--;
    if (r.s32min == (v as i32)) r.s32min++;
    if (r.s32max == (v as i32)) r.s32max--;
    return;
  }
  const w: u64 = c.value;
  if (r.umin == w) r.umin++;
  if (r.umax == w) r.umax--;
  if (r.smin == (w as i64)) r.smin++;
  if (r.smax == (w as i64)) r.smax--;
}

function refineBits(a: Reg, b: Reg, set: bool, is32: bool): void {
  const r: Reg = isConst(b, is32) ? a : b;
  const c: Reg = isConst(b, is32) ? b : a;
  if (!isConst(c, is32)) return;
  const v: u64 = is32 ? c.value & 0xffffffff : c.value;
  // Of several bits "one is set" says nothing of any one of them.
  if (set && popcnt<u64>(v) != 1) return;
  if (is32) lowBits(ta, r);
  else tnumSet(ta, r.value, r.mask);
  if (set) {
    tnumSet(tb, v, 0);
    tnumOr(ta, ta, tb);
  } else {
    tnumSet(tb, ~v, 0);
    tnumAnd(ta, ta, tb);
    // Linux forgets the ranges here, so that a branch that is in fact dead does not contradict itself.
    unboundWide(r);
    unbound32(r);
  }
  if (is32) tnumWithLow(tnumOf(r), tnumOf(r), ta);
  else tnumSet(tnumOf(r), ta.value, ta.mask);
}

function refineUnsignedLess(a: Reg, b: Reg, gap: u32, is32: bool): void {
  if (is32) {
    a.u32max = min<u32>(a.u32max, b.u32max - gap);
    b.u32min = max<u32>(a.u32min + gap, b.u32min);
  } else {
    a.umax = min<u64>(a.umax, b.umax - (gap as u64));
    b.umin = max<u64>(a.umin + (gap as u64), b.umin);
  }
}

function refineSignedLess(a: Reg, b: Reg, gap: i32, is32: bool): void {
  if (is32) {
    a.s32max = min<i32>(a.s32max, b.s32max - gap);
    b.s32min = max<i32>(a.s32min + gap, b.s32min);
  } else {
    a.smax = min<i64>(a.smax, b.smax - (gap as i64));
    b.smin = max<i64>(a.smin + (gap as i64), b.smin);
  }
}

/** Narrows a and b by `a op b` being true (taken) or false, and syncs both. */
export function refine(a: Reg, b: Reg, jump: u32, taken: i32, wide32: i32): void {
  const is32: bool = wide32 != 0;
  let op: u32 = taken != 0 ? jump : opposite(jump);
  let x: Reg = a;
  let y: Reg = b;
  if (op == JGT || op == JGE || op == JSGT || op == JSGE) {
    op = mirror(op);
    x = b;
    y = a;
  }
  if (op == JEQ) refineEqual(x, y, is32);
  else if (op == JNE) refineNotEqual(x, y, is32);
  else if (op == JSET) refineBits(x, y, true, is32);
  else if (op == NOT_SET) refineBits(x, y, false, is32);
  else if (op == JLT) refineUnsignedLess(x, y, 1, is32);
  else if (op == JLE) refineUnsignedLess(x, y, 0, is32);
  else if (op == JSLT) refineSignedLess(x, y, 1, is32);
  else if (op == JSLE) refineSignedLess(x, y, 0, is32);
  syncBounds(a);
  syncBounds(b);
}

/** Recomputes r from known, which is narrower and linked to it by a constant difference. */
export function updateLinked(r: Reg, known: Reg): void {
  const subregDef: i32 = r.subregDef;
  const off: i32 = r.off;
  const id: i32 = r.id;
  const kinds: i32 = (id | known.id) & ADD_CONST;
  // A sum of 32 bits may have wrapped where one of 64 did not: they say nothing of each other.
  if ((id & ADD_CONST) != 0 && (known.id & ADD_CONST) != 0 && kinds == ADD_CONST) return;
  copyRecord(r, known);
  r.subregDef = subregDef;
  if (kinds == 0 || off == known.off) return;
  markUnknown(delta);
  knownValue(delta, ((off as i64) - (known.off as i64)) as u64);
  r.off = off;
  r.id = id;
  addRanges(r, delta);
  tnumAdd(tnumOf(r), tnumOf(r), tnumOf(delta));
  if ((kinds & ADD_CONST32) != 0) clearHigh(r);
  syncBounds(r);
}
