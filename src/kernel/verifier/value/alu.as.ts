// What an ALU instruction makes of numbers. Known bits and each range are carried through on their own where the
// operation allows; syncBounds then lets them sharpen each other.

import { Reg, Tnum, tnumOf } from "./record.as";
import {
  clearHigh,
  coerceToSize,
  constant,
  constant32,
  rangesFromBits,
  rangesFromBits32,
  syncBounds,
  unbound32,
  unboundWide,
} from "./range.as";
import {
  tnumAdd,
  tnumAnd,
  tnumArsh,
  tnumArsh32,
  tnumLsh,
  tnumMul,
  tnumOr,
  tnumRsh,
  tnumSet,
  tnumSub,
  tnumSwap,
  tnumXor,
} from "./tnum.as";

const SCALAR_VALUE: i32 = 1;
const ADD: u32 = 0x00;
const SUB: u32 = 0x10;
const MUL: u32 = 0x20;
const OR: u32 = 0x40;
const AND: u32 = 0x50;
const LSH: u32 = 0x60;
const RSH: u32 = 0x70;
const NEG: u32 = 0x80;
const XOR: u32 = 0xa0;
const ARSH: u32 = 0xc0;
const END: u32 = 0xd0;

const operand: Reg = changetype<Reg>(memory.data(120, 8));
let imprecise: bool = false;

/** Whether unknown numbers start out imprecise: the loader has CAP_BPF. */
export function configure(bpfCapable: i32): void {
  imprecise = bpfCapable != 0;
}

/** A number of which nothing is known. */
export function markUnknown(r: Reg): void {
  memory.fill(changetype<usize>(r), 0, offsetof<Reg>());
  r.type = SCALAR_VALUE;
  r.precise = imprecise ? 0 : 1;
  r.mask = u64.MAX_VALUE;
  unboundWide(r);
  unbound32(r);
}

export function markNotInit(r: Reg): void {
  markUnknown(r);
  r.type = 0;
}

export function copyRecord(dst: Reg, src: Reg): void {
  memory.copy(changetype<usize>(dst), changetype<usize>(src), offsetof<Reg>());
}

/** A constant, with nothing else known: offset, map, further facts and ids are cleared. */
export function knownValue(r: Reg, value: u64): void {
  memory.fill(changetype<usize>(r) + offsetof<Reg>("off"), 0, offsetof<Reg>("value") - offsetof<Reg>("off"));
  r.id = 0;
  r.refObjId = 0;
  constant(r, value);
}

// --- 64-bit ranges

function signedSumWide(r: Reg, min: i64, max: i64): void {
  const low: i64 = r.smin + min;
  const high: i64 = r.smax + max;
  // An overflow shows as a sign that differs from both operands' signs.
  if ((((r.smin ^ low) & (min ^ low)) | ((r.smax ^ high) & (max ^ high))) < 0) {
    r.smin = i64.MIN_VALUE;
    r.smax = i64.MAX_VALUE;
  } else {
    r.smin = low;
    r.smax = high;
  }
}

function signedDifferenceWide(r: Reg, min: i64, max: i64): void {
  const low: i64 = r.smin - max;
  const high: i64 = r.smax - min;
  if ((((r.smin ^ max) & (r.smin ^ low)) | ((r.smax ^ min) & (r.smax ^ high))) < 0) {
    r.smin = i64.MIN_VALUE;
    r.smax = i64.MAX_VALUE;
  } else {
    r.smin = low;
    r.smax = high;
  }
}

export function addRanges(d: Reg, s: Reg): void {
  add32(d, s);
  signedSumWide(d, s.smin, s.smax);
  const low: u64 = d.umin + s.umin;
  const high: u64 = d.umax + s.umax;
  // If both ends wrap, or none does, what lies between them keeps its order.
  if (low >= d.umin && high < d.umax) {
    d.umin = 0;
    d.umax = u64.MAX_VALUE;
  } else {
    d.umin = low;
    d.umax = high;
  }
}

function add32(d: Reg, s: Reg): void {
  const slow: i64 = (d.s32min as i64) + (s.s32min as i64);
  const shigh: i64 = (d.s32max as i64) + (s.s32max as i64);
  if (slow != ((slow as i32) as i64) || shigh != ((shigh as i32) as i64)) {
    d.s32min = i32.MIN_VALUE;
    d.s32max = i32.MAX_VALUE;
  } else {
    d.s32min = slow as i32;
    d.s32max = shigh as i32;
  }
  const low: u64 = (d.u32min as u64) + (s.u32min as u64);
  const high: u64 = (d.u32max as u64) + (s.u32max as u64);
  if (low >> 32 == 0 && high >> 32 != 0) {
    d.u32min = 0;
    d.u32max = u32.MAX_VALUE;
  } else {
    d.u32min = low as u32;
    d.u32max = high as u32;
  }
}

function subRanges(d: Reg, s: Reg): void {
  sub32(d, s);
  signedDifferenceWide(d, s.smin, s.smax);
  const lowWraps: bool = d.umin < s.umax;
  const highWraps: bool = d.umax < s.umin;
  if (lowWraps && !highWraps) {
    d.umin = 0;
    d.umax = u64.MAX_VALUE;
  } else {
    const low: u64 = d.umin - s.umax;
    d.umax = d.umax - s.umin;
    d.umin = low;
  }
}

function sub32(d: Reg, s: Reg): void {
  const slow: i64 = (d.s32min as i64) - (s.s32max as i64);
  const shigh: i64 = (d.s32max as i64) - (s.s32min as i64);
  if (slow != ((slow as i32) as i64) || shigh != ((shigh as i32) as i64)) {
    d.s32min = i32.MIN_VALUE;
    d.s32max = i32.MAX_VALUE;
  } else {
    d.s32min = slow as i32;
    d.s32max = shigh as i32;
  }
  const lowWraps: bool = d.u32min < s.u32max;
  const highWraps: bool = d.u32max < s.u32min;
  if (lowWraps && !highWraps) {
    d.u32min = 0;
    d.u32max = u32.MAX_VALUE;
  } else {
    const low: u32 = d.u32min - s.u32max;
    d.u32max = d.u32max - s.u32min;
    d.u32min = low;
  }
}

function negate(d: Reg): void {
  copyRecord(operand, d);
  constant(d, 0);
  subRanges(d, operand);
  tnumSub(tnumOf(d), tnumOf(d), tnumOf(operand));
}

// @ts-ignore: decorator
@inline
function mulOverflowsUnsigned(a: u64, b: u64): bool {
  return a != 0 && b > u64.MAX_VALUE / a;
}

/** The signed product does not fit: its magnitude is over 2^63 (or equals it, for a positive product). */
function mulOverflowsSigned(a: i64, b: i64): bool {
  if (a == 0 || b == 0) return false;
  const x: u64 = a < 0 ? 0 - (a as u64) : (a as u64);
  const y: u64 = b < 0 ? 0 - (b as u64) : (b as u64);
  if (mulOverflowsUnsigned(x, y)) return true;
  const limit: u64 = 0x8000000000000000;
  return (a < 0) != (b < 0) ? x * y > limit : x * y >= limit;
}

function mulWide(d: Reg, s: Reg): void {
  if (mulOverflowsUnsigned(d.umax, s.umax) || mulOverflowsUnsigned(d.umin, s.umin)) {
    d.umin = 0;
    d.umax = u64.MAX_VALUE;
  } else {
    d.umin *= s.umin;
    d.umax *= s.umax;
  }
  if (
    mulOverflowsSigned(d.smin, s.smin) ||
    mulOverflowsSigned(d.smin, s.smax) ||
    mulOverflowsSigned(d.smax, s.smin) ||
    mulOverflowsSigned(d.smax, s.smax)
  ) {
    d.smin = i64.MIN_VALUE;
    d.smax = i64.MAX_VALUE;
    return;
  }
  const a: i64 = d.smin * s.smin;
  const b: i64 = d.smin * s.smax;
  const c: i64 = d.smax * s.smin;
  const e: i64 = d.smax * s.smax;
  d.smin = min<i64>(min<i64>(a, b), min<i64>(c, e));
  d.smax = max<i64>(max<i64>(a, b), max<i64>(c, e));
}

function mul32(d: Reg, s: Reg): void {
  const low: u64 = (d.u32min as u64) * (s.u32min as u64);
  const high: u64 = (d.u32max as u64) * (s.u32max as u64);
  if (high >> 32 != 0 || low >> 32 != 0) {
    d.u32min = 0;
    d.u32max = u32.MAX_VALUE;
  } else {
    d.u32min = low as u32;
    d.u32max = high as u32;
  }
  const a: i64 = (d.s32min as i64) * (s.s32min as i64);
  const b: i64 = (d.s32min as i64) * (s.s32max as i64);
  const c: i64 = (d.s32max as i64) * (s.s32min as i64);
  const e: i64 = (d.s32max as i64) * (s.s32max as i64);
  const least: i64 = min<i64>(min<i64>(a, b), min<i64>(c, e));
  const most: i64 = max<i64>(max<i64>(a, b), max<i64>(c, e));
  if (least < (i32.MIN_VALUE as i64) || most > (i32.MAX_VALUE as i64)) {
    d.s32min = i32.MIN_VALUE;
    d.s32max = i32.MAX_VALUE;
  } else {
    d.s32min = least as i32;
    d.s32max = most as i32;
  }
}

/** Signed ranges are the unsigned ones where those do not cross the sign. */
function signedFromUnsignedWide(r: Reg): void {
  if ((r.umin as i64) <= (r.umax as i64)) {
    r.smin = r.umin as i64;
    r.smax = r.umax as i64;
  } else {
    r.smin = i64.MIN_VALUE;
    r.smax = i64.MAX_VALUE;
  }
}

function signedFromUnsigned32(r: Reg): void {
  if ((r.u32min as i32) <= (r.u32max as i32)) {
    r.s32min = r.u32min as i32;
    r.s32max = r.u32max as i32;
  } else {
    r.s32min = i32.MIN_VALUE;
    r.s32max = i32.MAX_VALUE;
  }
}

/** Ranges of AND, OR and XOR; d's known bits are the result's already. */
function bitwiseRanges(op: u32, d: Reg, s: Reg): void {
  const value32: u32 = d.value as u32;
  const mask32: u32 = d.mask as u32;
  if ((s.mask as u32) == 0 && mask32 == 0) {
    constant32(d, value32);
  } else {
    // AND clears bits, so either operand's maximum holds; OR sets bits, so either operand's minimum does.
    d.u32min = op == OR ? max<u32>(d.u32min, s.u32min) : value32;
    d.u32max = op == AND ? min<u32>(d.u32max, s.u32max) : value32 | mask32;
    signedFromUnsigned32(d);
  }
  if (s.mask == 0 && d.mask == 0) {
    knownValue(d, d.value);
  } else {
    d.umin = op == OR ? max<u64>(d.umin, s.umin) : d.value;
    d.umax = op == AND ? min<u64>(d.umax, s.umax) : d.value | d.mask;
    signedFromUnsignedWide(d);
  }
}

function keepLow(r: Reg): void {
  tnumSet(tnumOf(r), r.value & 0xffffffff, r.mask & 0xffffffff);
}

// --- shifts by a constant n, which is below the width

function lsh32Ranges(d: Reg, n: u32): void {
  d.s32min = i32.MIN_VALUE;
  d.s32max = i32.MAX_VALUE;
  if (n > 31 || (d.u32max as u64) > (1 as u64) << ((31 - n) as u64)) {
    d.u32min = 0;
    d.u32max = u32.MAX_VALUE;
  } else {
    d.u32min <<= n;
    d.u32max <<= n;
  }
}

function lsh32(d: Reg, n: u32): void {
  lsh32Ranges(d, n);
  tnumLsh(tnumOf(d), tnumOf(d), n);
  keepLow(d);
  unboundWide(d);
  rangesFromBits32(d);
}

function lsh64(d: Reg, n: u32): void {
  // "<<= 32; s>>= 32" is how compilers sign-extend: keep the low half's signed range over it.
  if (n == 32) {
    d.smin = (d.s32min as i64) << 32;
    d.smax = (d.s32max as i64) << 32;
  } else {
    d.smin = i64.MIN_VALUE;
    d.smax = i64.MAX_VALUE;
  }
  if (d.umax > (1 as u64) << ((63 - n) as u64)) {
    d.umin = 0;
    d.umax = u64.MAX_VALUE;
  } else {
    d.umin <<= n as u64;
    d.umax <<= n as u64;
  }
  lsh32Ranges(d, n);
  tnumLsh(tnumOf(d), tnumOf(d), n);
  rangesFromBits(d);
}

function rsh32(d: Reg, n: u32): void {
  d.s32min = i32.MIN_VALUE;
  d.s32max = i32.MAX_VALUE;
  keepLow(d);
  tnumRsh(tnumOf(d), tnumOf(d), n);
  d.u32min >>= n;
  d.u32max >>= n;
  unboundWide(d);
  rangesFromBits32(d);
}

function rsh64(d: Reg, n: u32): void {
  d.smin = i64.MIN_VALUE;
  d.smax = i64.MAX_VALUE;
  tnumRsh(tnumOf(d), tnumOf(d), n);
  d.umin >>= n as u64;
  d.umax >>= n as u64;
  unbound32(d);
  rangesFromBits(d);
}

function arsh32(d: Reg, n: u32): void {
  d.s32min >>= n as i32;
  d.s32max >>= n as i32;
  tnumArsh32(tnumOf(d), tnumOf(d), n);
  d.u32min = 0;
  d.u32max = u32.MAX_VALUE;
  unboundWide(d);
  rangesFromBits32(d);
}

function arsh64(d: Reg, n: u32): void {
  d.smin >>= n as i64;
  d.smax >>= n as i64;
  tnumArsh(tnumOf(d), tnumOf(d), n);
  d.umin = 0;
  d.umax = u64.MAX_VALUE;
  unbound32(d);
  rangesFromBits(d);
}

function swapBytes(code: u32, imm: u32, d: Reg): void {
  // Little endian here: class ALU64 always swaps, class ALU only for "to big endian".
  if ((code & 0x07) == 0x07 || (code & 0x08) != 0) {
    tnumSwap(tnumOf(d), tnumOf(d), imm);
    unboundWide(d);
    unbound32(d);
  }
  if (imm != 64) coerceToSize(d, imm / 8);
}

/** A shift's result is followed only if the amount is a constant below the width. */
function shiftIsKnown(s: Reg, is32: bool): bool {
  if (is32) {
    if ((s.mask as u32) != 0 || s.s32min != s.s32max || s.u32min != s.u32max) return false;
    return s.umax < 32;
  }
  return s.mask == 0 && s.smin == s.smax && s.umin == s.umax && s.umax < 64;
}

export function aluScalar(code: u32, off: i32, imm: i32, d: Reg, s: Reg): void {
  const op: u32 = code & 0xf0;
  const is32: bool = (code & 0x07) == 0x04;
  if (op == LSH || op == RSH || op == ARSH) {
    if (!shiftIsKnown(s, is32)) {
      markUnknown(d);
      return;
    }
    const n: u32 = s.umin as u32;
    if (op == LSH) {
      if (is32) lsh32(d, n);
      else lsh64(d, n);
    } else if (op == RSH) {
      if (is32) rsh32(d, n);
      else rsh64(d, n);
    } else if (is32) {
      arsh32(d, n);
    } else {
      arsh64(d, n);
    }
  } else if (op == ADD) {
    addRanges(d, s);
    tnumAdd(tnumOf(d), tnumOf(d), tnumOf(s));
  } else if (op == SUB) {
    subRanges(d, s);
    tnumSub(tnumOf(d), tnumOf(d), tnumOf(s));
  } else if (op == MUL) {
    tnumMul(tnumOf(d), tnumOf(d), tnumOf(s));
    mul32(d, s);
    mulWide(d, s);
  } else if (op == AND) {
    tnumAnd(tnumOf(d), tnumOf(d), tnumOf(s));
    bitwiseRanges(op, d, s);
  } else if (op == OR) {
    tnumOr(tnumOf(d), tnumOf(d), tnumOf(s));
    bitwiseRanges(op, d, s);
  } else if (op == XOR) {
    tnumXor(tnumOf(d), tnumOf(d), tnumOf(s));
    bitwiseRanges(op, d, s);
  } else if (op == NEG) {
    negate(d);
  } else if (op == END) {
    swapBytes(code, imm as u32, d);
    syncBounds(d);
    return;
  } else {
    // Quotients and remainders are not followed.
    markUnknown(d);
    return;
  }
  if (is32) clearHigh(d);
  syncBounds(d);
}

// --- pointers: the variable part of their offset

/** Non-zero if the number is constant and p's fixed offset has room for it. */
export function constFitsOffset(p: Reg, s: Reg, subtract: i32): i32 {
  if (s.mask != 0) return 0;
  const off: i64 = subtract != 0 ? (p.off as i64) - s.smin : (p.off as i64) + s.smin;
  return off == ((off as i32) as i64) ? 1 : 0;
}

function copyValue(d: Reg, s: Reg): void {
  d.value = s.value;
  d.mask = s.mask;
  d.smin = s.smin;
  d.smax = s.smax;
  d.umin = s.umin;
  d.umax = s.umax;
}

export function addOffset(d: Reg, p: Reg, s: Reg): void {
  copyRecord(operand, s);
  copyValue(d, p);
  signedSumWide(d, operand.smin, operand.smax);
  const low: u64 = d.umin + operand.umin;
  const high: u64 = d.umax + operand.umax;
  if (low < d.umin || high < d.umax) {
    d.umin = 0;
    d.umax = u64.MAX_VALUE;
  } else {
    d.umin = low;
    d.umax = high;
  }
  tnumAdd(tnumOf(d), tnumOf(d), tnumOf(operand));
  unbound32(d);
  syncBounds(d);
}

export function subOffset(d: Reg, p: Reg, s: Reg): void {
  copyRecord(operand, s);
  copyValue(d, p);
  signedDifferenceWide(d, operand.smin, operand.smax);
  if (d.umin < operand.umax) {
    d.umin = 0;
    d.umax = u64.MAX_VALUE;
  } else {
    d.umin -= operand.umax;
    d.umax -= operand.umin;
  }
  tnumSub(tnumOf(d), tnumOf(d), tnumOf(operand));
  unbound32(d);
  syncBounds(d);
}
