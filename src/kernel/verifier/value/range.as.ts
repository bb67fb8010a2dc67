// The ranges of a register, 64 and 32 bits wide, signed and unsigned, and how they and the known bits sharpen each
// other. The order of the steps is Linux 6.18's: it is seen in logs where a value's facts contradict each other.

import { Reg, Tnum, tnumOf } from "./record.as";
import { tnumIntersect, tnumNext, tnumRange, tnumSet } from "./tnum.as";

const t: Tnum = changetype<Tnum>(memory.data(16, 8));

export function unboundWide(r: Reg): void {
  r.smin = i64.MIN_VALUE;
  r.smax = i64.MAX_VALUE;
  r.umin = 0;
  r.umax = u64.MAX_VALUE;
}

export function unbound32(r: Reg): void {
  r.s32min = i32.MIN_VALUE;
  r.s32max = i32.MAX_VALUE;
  r.u32min = 0;
  r.u32max = u32.MAX_VALUE;
}

/** The value is this constant. */
export function constant(r: Reg, value: u64): void {
  tnumSet(tnumOf(r), value, 0);
  r.smin = value as i64;
  r.smax = value as i64;
  r.umin = value;
  r.umax = value;
  constantRanges32(r, value as u32);
}

/** The low half is this constant; known high bits stay. */
export function constant32(r: Reg, value: u32): void {
  r.value = (r.value & 0xffffffff00000000) | (value as u64);
  r.mask = r.mask & 0xffffffff00000000;
  constantRanges32(r, value);
}

function constantRanges32(r: Reg, value: u32): void {
  r.s32min = value as i32;
  r.s32max = value as i32;
  r.u32min = value;
  r.u32max = value;
}

/** Ranges of the low half from known bits. A signed range's ends come from the sign bit being, or not being, set. */
export function rangesFromBits32(r: Reg): void {
  const value32: u32 = r.value as u32;
  const mask32: u32 = r.mask as u32;
  r.s32min = max<i32>(r.s32min, (value32 | (mask32 & 0x80000000)) as i32);
  r.s32max = min<i32>(r.s32max, (value32 | (mask32 & 0x7fffffff)) as i32);
  r.u32min = max<u32>(r.u32min, value32);
  r.u32max = min<u32>(r.u32max, value32 | mask32);
}

/** All ranges from known bits. */
export function rangesFromBits(r: Reg): void {
  rangesFromBits32(r);
  const sign: u64 = 0x8000000000000000;
  r.smin = max<i64>(r.smin, (r.value | (r.mask & sign)) as i64);
  r.smax = min<i64>(r.smax, (r.value | (r.mask & ~sign)) as i64);
  r.umin = max<u64>(r.umin, r.value);
  r.umax = min<u64>(r.umax, r.value | r.mask);
  findSingleValue(r);
}

/** If only one number both lies in the unsigned range and fits the known bits, that is the value. */
function findSingleValue(r: Reg): void {
  const bits: Tnum = tnumOf(r);
  const next: u64 = tnumNext(bits, r.umin);
  if ((r.umin & ~r.mask) == r.value) {
    if (next > r.umax) constant(r, r.umin);
  } else if (next == (r.value | r.mask)) {
    constant(r, next);
  } else if (next <= r.umax && tnumNext(bits, next) > r.umax) {
    constant(r, next);
  }
}

function boundS32(r: Reg, low: i32, high: i32): void {
  r.s32min = max<i32>(r.s32min, low);
  r.s32max = min<i32>(r.s32max, high);
}

function boundU32(r: Reg, low: u32, high: u32): void {
  r.u32min = max<u32>(r.u32min, low);
  r.u32max = min<u32>(r.u32max, high);
}

/** The low half's ranges from the whole number's and from each other. */
function deduce32(r: Reg): void {
  // One high half for the whole range: the low halves are in order.
  if (r.umin >> 32 == r.umax >> 32) {
    boundU32(r, r.umin as u32, r.umax as u32);
    if ((r.umin as i32) <= (r.umax as i32)) boundS32(r, r.umin as i32, r.umax as i32);
  }
  if (r.smin >> 32 == r.smax >> 32) {
    if ((r.smin as u32) <= (r.smax as u32)) boundU32(r, r.smin as u32, r.smax as u32);
    if ((r.smin as i32) <= (r.smax as i32)) boundS32(r, r.smin as i32, r.smax as i32);
  }
  // Neighbouring high halves, and the low halves run from negative to positive without a gap.
  if (
    ((r.umin >> 32) as u32) + 1 == ((r.umax >> 32) as u32) &&
    (r.umin as i32) < 0 &&
    (r.umax as i32) >= 0
  ) {
    boundS32(r, r.umin as i32, r.umax as i32);
  }
  if (
    ((r.smin >> 32) as u32) + 1 == ((r.smax >> 32) as u32) &&
    (r.smin as i32) < 0 &&
    (r.smax as i32) >= 0
  ) {
    boundS32(r, r.smin as i32, r.smax as i32);
  }
  if ((r.u32min as i32) <= (r.u32max as i32)) boundS32(r, r.u32min as i32, r.u32max as i32);
  if ((r.s32min as u32) <= (r.s32max as u32)) {
    boundU32(r, r.s32min as u32, r.s32max as u32);
  } else if (r.u32max < (r.s32min as u32)) {
    // As in deduce64: the signed range is two unsigned ones, and only the second is touched ...
    r.s32min = r.u32min as i32;
    r.u32max = min<u32>(r.u32max, r.s32max as u32);
  } else if ((r.s32max as u32) < r.u32min) {
    // ... or only the first.
    r.s32max = r.u32max as i32;
    r.u32min = max<u32>(r.u32min, r.s32min as u32);
  }
}

/** The whole number's signed and unsigned ranges from each other. */
function deduce64(r: Reg): void {
  if ((r.umin as i64) <= (r.umax as i64)) {
    r.smin = max<i64>(r.smin, r.umin as i64);
    r.smax = min<i64>(r.smax, r.umax as i64);
  }
  if ((r.smin as u64) <= (r.smax as u64)) {
    r.umin = max<u64>(r.umin, r.smin as u64);
    r.umax = min<u64>(r.umax, r.smax as u64);
  } else if (r.umax < (r.smin as u64)) {
    // The signed range is, unsigned, [smin, max] and [0, smax]; the unsigned one touches only the second part ...
    r.smin = r.umin as i64;
    r.umax = min<u64>(r.umax, r.smax as u64);
  } else if ((r.smax as u64) < r.umin) {
    // ... or only the first.
    r.smax = r.umax as i64;
    r.umin = max<u64>(r.umin, r.smin as u64);
  }
}

/** The whole number's ranges from the low half's. */
function deduceMixed(r: Reg): void {
  const high: u64 = 0xffffffff00000000;
  r.umin = max<u64>(r.umin, (r.umin & high) | (r.u32min as u64));
  r.umax = min<u64>(r.umax, (r.umax & high) | (r.u32max as u64));
  r.smin = max<i64>(r.smin, (((r.smin as u64) & high) | (r.u32min as u64)) as i64);
  r.smax = min<i64>(r.smax, (((r.smax as u64) & high) | (r.u32max as u64)) as i64);
  // A number whose high half only repeats the low half's sign, which is known to be positive, is its low half.
  if (r.s32min >= 0 && r.smin >= (i32.MIN_VALUE as i64) && r.smax <= (i32.MAX_VALUE as i64)) {
    r.smin = r.s32min as i64;
    r.smax = r.s32max as i64;
    r.umin = r.s32min as i64 as u64;
    r.umax = r.s32max as i64 as u64;
    tnumRange(t, r.umin, r.umax);
    tnumIntersect(tnumOf(r), tnumOf(r), t);
  }
}

function deduce(r: Reg): void {
  deduce32(r);
  deduce64(r);
  deduceMixed(r);
}

/** Known bits from the unsigned ranges. */
function bitsFromRanges(r: Reg): void {
  const bits: Tnum = tnumOf(r);
  tnumRange(t, r.umin, r.umax);
  tnumIntersect(bits, bits, t);
  const highValue: u64 = r.value & 0xffffffff00000000;
  const highMask: u64 = r.mask & 0xffffffff00000000;
  tnumSet(bits, r.value & 0xffffffff, r.mask & 0xffffffff);
  tnumRange(t, r.u32min as u64, r.u32max as u64);
  tnumIntersect(bits, bits, t);
  tnumSet(bits, r.value | highValue, r.mask | highMask);
}

export function syncBounds(r: Reg): void {
  rangesFromBits(r);
  deduce(r);
  deduce(r);
  deduce(r);
  bitsFromRanges(r);
  rangesFromBits(r);
}

/** 0 if all is well, 1 if a range is empty, 2 or 3 if a constant (of 64 bits, of the low 32) is not its own range. */
export function boundsBroken(r: Reg): i32 {
  if (r.smin > r.smax || r.umin > r.umax || r.s32min > r.s32max || r.u32min > r.u32max) return 1;
  const s: i64 = r.value as i64;
  if (r.mask == 0 && (r.value != r.umin || r.value != r.umax || s != r.smin || s != r.smax)) return 2;
  if ((r.mask as u32) != 0) return 0;
  const lo: u32 = r.value as u32;
  const slo: i32 = r.value as i32;
  return lo != r.u32min || lo != r.u32max || slo != r.s32min || slo != r.s32max ? 3 : 0;
}

/** A write of the low half clears the high one. The caller syncs. */
export function clearHigh(r: Reg): void {
  tnumSet(tnumOf(r), r.value & 0xffffffff, r.mask & 0xffffffff);
  r.umin = r.u32min as u64;
  r.umax = r.u32max as u64;
  // The signed ranges agree if the low half is never negative; otherwise its unsigned range holds.
  if (r.s32min >= 0) {
    r.smin = r.s32min as i64;
    r.smax = r.s32max as i64;
  } else {
    r.smin = 0;
    r.smax = u32.MAX_VALUE as i64;
  }
}

export function zeroExtend32(r: Reg): void {
  clearHigh(r);
  syncBounds(r);
}

/** Cuts to `size` bytes, 1, 2 or 4 (8 changes nothing). */
export function coerceToSize(r: Reg, size: u32): void {
  if (size >= 8) return;
  const mask: u64 = u64.MAX_VALUE >> ((64 - size * 8) as u64);
  tnumSet(tnumOf(r), r.value & mask, r.mask & mask);
  // The range survives if the bytes that are cut off are the same for all of it.
  if ((r.umin & ~mask) == (r.umax & ~mask)) {
    r.umin &= mask;
    r.umax &= mask;
  } else {
    r.umin = 0;
    r.umax = mask;
  }
  r.smin = r.umin as i64;
  r.smax = r.umax as i64;
  if (size < 4) unbound32(r);
  syncBounds(r);
}

function signExtend(v: i64, size: u32): i64 {
  const up: i64 = (64 - size * 8) as i64;
  return (v << up) >> up;
}

function signedUnknown(r: Reg, size: u32): void {
  const low: i64 = signExtend((1 as i64) << ((size * 8 - 1) as i64), size);
  r.smin = low;
  r.smax = ~low;
  r.umin = 0;
  r.umax = u64.MAX_VALUE;
  r.s32min = low as i32;
  r.s32max = (~low) as i32;
  r.u32min = 0;
  r.u32max = u32.MAX_VALUE;
  tnumSet(tnumOf(r), 0, u64.MAX_VALUE);
}

/** Cuts to `size` bytes (1, 2 or 4) and sign-extends to 64 bits. */
export function coerceToSizeSigned(r: Reg, size: u32): void {
  if (r.mask == 0) {
    constant(r, signExtend(r.value as i64, size) as u64);
    return;
  }
  const bits: i64 = (size * 8) as i64;
  if (r.smin >> bits != r.smax >> bits) {
    signedUnknown(r, size);
    return;
  }
  const a: i64 = signExtend(r.smin, size);
  const b: i64 = signExtend(r.smax, size);
  const low: i64 = min<i64>(a, b);
  const high: i64 = max<i64>(a, b);
  if (low < 0 && high >= 0) {
    // Both signs: which are met is not known from the ends alone.
    signedUnknown(r, size);
    return;
  }
  r.smin = low;
  r.smax = high;
  r.s32min = low as i32;
  r.s32max = high as i32;
  r.umin = low as u64;
  r.umax = high as u64;
  r.u32min = low as u32;
  r.u32max = high as u32;
  tnumRange(tnumOf(r), low as u64, high as u64);
}

function subregUnknown(r: Reg, size: u32): void {
  const low: i32 = signExtend((1 as i64) << ((size * 8 - 1) as i64), size) as i32;
  r.s32min = low;
  r.s32max = ~low;
  r.u32min = 0;
  r.u32max = u32.MAX_VALUE;
  tnumSet(tnumOf(r), r.value & 0xffffffff00000000, r.mask | 0xffffffff);
}

/** Cuts the low half to `size` bytes (1 or 2) and sign-extends it to 32 bits. */
export function coerceSubregToSizeSigned(r: Reg, size: u32): void {
  if ((r.mask as u32) == 0) {
    constant32(r, signExtend(r.value as i64, size) as u32);
    return;
  }
  const bits: i32 = (size * 8) as i32;
  if (r.s32min >> bits != r.s32max >> bits) {
    subregUnknown(r, size);
    return;
  }
  const a: i32 = signExtend(r.s32min as i64, size) as i32;
  const b: i32 = signExtend(r.s32max as i64, size) as i32;
  const low: i32 = min<i32>(a, b);
  const high: i32 = max<i32>(a, b);
  if (low < 0 && high >= 0) {
    subregUnknown(r, size);
    return;
  }
  r.s32min = low;
  r.s32max = high;
  r.u32min = low as u32;
  r.u32max = high as u32;
  tnumRange(t, (low as u32) as u64, (high as u32) as u64);
  tnumSet(
    tnumOf(r),
    (r.value & 0xffffffff00000000) | (t.value & 0xffffffff),
    (r.mask & 0xffffffff00000000) | (t.mask & 0xffffffff),
  );
}
