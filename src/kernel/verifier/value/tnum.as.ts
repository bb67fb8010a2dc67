// Arithmetic on partly known numbers, after Vishwanathan, Shachnai, Narayana and Nagarakatte, "Sound, Precise, and
// Fast Abstract Interpretation with Tristate Numbers" (CGO 2022). Each function writes its result to `o`, which may be
// an operand.

import { Tnum } from "./record.as";

const scratch: Tnum = changetype<Tnum>(memory.data(16, 8));
const factorA: Tnum = changetype<Tnum>(memory.data(16, 8));
const factorB: Tnum = changetype<Tnum>(memory.data(16, 8));
const partial: Tnum = changetype<Tnum>(memory.data(16, 8));

export function tnumSet(o: Tnum, value: u64, mask: u64): void {
  o.value = value;
  o.mask = mask;
}

export function tnumUnknown(o: Tnum): void {
  tnumSet(o, 0, u64.MAX_VALUE);
}

/** The smallest set of bits that holds every number from min to max: their common prefix. */
export function tnumRange(o: Tnum, min: u64, max: u64): void {
  const differ: u64 = min ^ max;
  const mask: u64 = differ == 0 ? 0 : u64.MAX_VALUE >> (clz<u64>(differ) as u64);
  tnumSet(o, min & ~mask, mask);
}

export function tnumAdd(o: Tnum, a: Tnum, b: Tnum): void {
  const values: u64 = a.value + b.value;
  const carries: u64 = (values + a.mask + b.mask) ^ values;
  const mask: u64 = carries | a.mask | b.mask;
  tnumSet(o, values & ~mask, mask);
}

export function tnumSub(o: Tnum, a: Tnum, b: Tnum): void {
  const values: u64 = a.value - b.value;
  const borrows: u64 = (values + a.mask) ^ (values - b.mask);
  const mask: u64 = borrows | a.mask | b.mask;
  tnumSet(o, values & ~mask, mask);
}

export function tnumAnd(o: Tnum, a: Tnum, b: Tnum): void {
  const value: u64 = a.value & b.value;
  const possible: u64 = (a.value | a.mask) & (b.value | b.mask);
  tnumSet(o, value, possible & ~value);
}

export function tnumOr(o: Tnum, a: Tnum, b: Tnum): void {
  const value: u64 = a.value | b.value;
  tnumSet(o, value, (a.mask | b.mask) & ~value);
}

export function tnumXor(o: Tnum, a: Tnum, b: Tnum): void {
  const mask: u64 = a.mask | b.mask;
  tnumSet(o, (a.value ^ b.value) & ~mask, mask);
}

export function tnumLsh(o: Tnum, a: Tnum, n: u32): void {
  tnumSet(o, a.value << (n as u64), a.mask << (n as u64));
}

export function tnumRsh(o: Tnum, a: Tnum, n: u32): void {
  tnumSet(o, a.value >> (n as u64), a.mask >> (n as u64));
}

/** A sign that is not known spreads as unknown bits. */
export function tnumArsh(o: Tnum, a: Tnum, n: u32): void {
  tnumSet(o, ((a.value as i64) >> (n as i64)) as u64, ((a.mask as i64) >> (n as i64)) as u64);
}

/** tnumArsh of the low half; the result's high half is zero. */
export function tnumArsh32(o: Tnum, a: Tnum, n: u32): void {
  const value: u32 = ((a.value as i32) >> (n as i32)) as u32;
  const mask: u32 = ((a.mask as i32) >> (n as i32)) as u32;
  tnumSet(o, value as u64, mask as u64);
}

/** Both are true of the number. Meaningless if they contradict each other. */
export function tnumIntersect(o: Tnum, a: Tnum, b: Tnum): void {
  const mask: u64 = a.mask & b.mask;
  tnumSet(o, (a.value | b.value) & ~mask, mask);
}

/** Either is true of the number. */
export function tnumUnion(o: Tnum, a: Tnum, b: Tnum): void {
  const mask: u64 = (a.value ^ b.value) | a.mask | b.mask;
  tnumSet(o, a.value & b.value & ~mask, mask);
}

/** True if some number fits both. */
export function tnumOverlap(a: Tnum, b: Tnum): bool {
  const known: u64 = ~(a.mask | b.mask);
  return (a.value & known) == (b.value & known);
}

/** True if every number that fits b fits a. */
export function tnumContains(a: Tnum, b: Tnum): bool {
  if ((b.mask & ~a.mask) != 0) return false;
  return a.value == (b.value & ~a.mask);
}

/**
 * Long multiplication. Where a bit of a is unknown the sum is taken both with and without the shifted b, which is what
 * Linux 6.18 does and which shows in logs.
 */
export function tnumMul(o: Tnum, a: Tnum, b: Tnum): void {
  const x: Tnum = factorA;
  const y: Tnum = factorB;
  const sum: Tnum = scratch;
  tnumSet(x, a.value, a.mask);
  tnumSet(y, b.value, b.mask);
  tnumSet(sum, 0, 0);
  while ((x.value | x.mask) != 0) {
    if ((x.value & 1) != 0) {
      tnumAdd(sum, sum, y);
    } else if ((x.mask & 1) != 0) {
      tnumAdd(partial, sum, y);
      tnumUnion(sum, sum, partial);
    }
    tnumRsh(x, x, 1);
    tnumLsh(y, y, 1);
  }
  tnumSet(o, sum.value, sum.mask);
}

/** Keeps the low `size` bytes. */
export function tnumCast(o: Tnum, a: Tnum, size: u32): void {
  const keep: u64 = u64.MAX_VALUE >> ((64 - size * 8) as u64);
  tnumSet(o, a.value & keep, a.mask & keep);
}

/** The high half of a with the low half of low. */
export function tnumWithLow(o: Tnum, a: Tnum, low: Tnum): void {
  const high: u64 = 0xffffffff00000000;
  tnumSet(
    o,
    (a.value & high) | (low.value & 0xffffffff),
    (a.mask & high) | (low.mask & 0xffffffff),
  );
}

/** Swaps the bytes of the low `bits` (16, 32 or 64) and clears what is above. */
export function tnumSwap(o: Tnum, a: Tnum, bits: u32): void {
  const up: u64 = (64 - bits) as u64;
  tnumSet(o, bswap<u64>(a.value << up), bswap<u64>(a.mask << up));
}

/** The smallest number above z that fits t; t's largest number if there is none. */
export function tnumNext(t: Tnum, z: u64): u64 {
  const largest: u64 = t.value | t.mask;
  if (z >= largest) return largest;
  if (z < t.value) return t.value;
  const wrong: u64 = (z ^ t.value) & ~t.mask;
  // Bits that count up: unknown ones above the highest bit where z does not fit.
  let counting: u64 = t.mask;
  if (wrong != 0) {
    const top: u64 = 63 - clz<u64>(wrong);
    const belowOrAt: u64 = u64.MAX_VALUE >> (63 - top);
    counting = t.mask & ~belowOrAt;
    // z has 0 where a 1 is required: putting it there makes it larger already.
    if (((t.value >> top) & 1) != 0) return (z & counting) | t.value;
  }
  return (((z | ~counting) + 1) & counting) | t.value;
}
