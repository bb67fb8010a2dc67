import type { Machine, Op } from "./machine.ts";

/** The 64-bit arithmetic by name: destination and source are registers or constants (RFC 9669 section 4.1). */
export type Alu64Name =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "sdiv"
  | "mod"
  | "smod"
  | "or"
  | "and"
  | "xor"
  | "lsh"
  | "rsh"
  | "arsh"
  | "neg"
  | "mov"
  | "movsx8"
  | "movsx16"
  | "movsx32"
  | "bswap16"
  | "bswap32"
  | "bswap64"
  | "le16"
  | "le32"
  | "le64"
  | "be16"
  | "be32"
  | "be64";

const half = (m: Machine, i: number): number => m.r[i] as number;

function set(m: Machine, d: number, low: number, high: number): void {
  m.r[d] = low;
  m.r[d + 1] = high;
}

function signExtend(m: Machine, d: number, value: number): void {
  set(m, d, value, value >> 31);
}

const SMALLEST = -(1n << 63n);

/** Swaps the bytes of 32 bits. */
function swap32(n: number): number {
  return (n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24);
}

/** Swaps the low two bytes and clears the rest. */
function swap16(n: number): number {
  return ((n & 0xff) << 8) | ((n >>> 8) & 0xff);
}

/** The behaviours. Division by zero gives 0, remainder by zero leaves the destination, shifts use six bits. */
export const ALU64: Readonly<Record<Alu64Name, Op>> = {
  add: (m, { d, s }) => {
    const a = half(m, d);
    const low = (a + half(m, s)) | 0;
    const carry = low >>> 0 < a >>> 0 ? 1 : 0;
    set(m, d, low, half(m, d + 1) + half(m, s + 1) + carry);
  },
  sub: (m, { d, s }) => {
    const a = half(m, d);
    const b = half(m, s);
    const borrow = a >>> 0 < b >>> 0 ? 1 : 0;
    set(m, d, a - b, half(m, d + 1) - half(m, s + 1) - borrow);
  },
  mul: (m, { d, s }) => {
    const a = half(m, d);
    const b = half(m, s);
    const cross = Math.imul(a, half(m, s + 1)) + Math.imul(half(m, d + 1), b);
    set(m, d, Math.imul(a, b), (mulHigh(a, b) + cross) | 0);
  },
  div: (m, { d, s }) => {
    const by = m.r64[s >> 1] as bigint;
    m.r64[d >> 1] = by === 0n ? 0n : (m.r64[d >> 1] as bigint) / by;
  },
  sdiv: (m, { d, s }) => {
    const by = m.s64[s >> 1] as bigint;
    const a = m.s64[d >> 1] as bigint;
    m.s64[d >> 1] = by === 0n ? 0n : by === -1n && a === SMALLEST ? a : a / by;
  },
  mod: (m, { d, s }) => {
    const by = m.r64[s >> 1] as bigint;
    if (by !== 0n) m.r64[d >> 1] = (m.r64[d >> 1] as bigint) % by;
  },
  smod: (m, { d, s }) => {
    const by = m.s64[s >> 1] as bigint;
    if (by !== 0n) m.s64[d >> 1] = (m.s64[d >> 1] as bigint) % by;
  },
  or: (m, { d, s }) => set(m, d, half(m, d) | half(m, s), half(m, d + 1) | half(m, s + 1)),
  and: (m, { d, s }) => set(m, d, half(m, d) & half(m, s), half(m, d + 1) & half(m, s + 1)),
  xor: (m, { d, s }) => set(m, d, half(m, d) ^ half(m, s), half(m, d + 1) ^ half(m, s + 1)),
  lsh: (m, { d, s }) => {
    const n = half(m, s) & 63;
    const low = half(m, d);
    if (n >= 32) set(m, d, 0, low << (n - 32));
    else if (n > 0) set(m, d, low << n, (half(m, d + 1) << n) | (low >>> (32 - n)));
  },
  rsh: (m, { d, s }) => {
    const n = half(m, s) & 63;
    const high = half(m, d + 1);
    if (n >= 32) set(m, d, high >>> (n - 32), 0);
    else if (n > 0) set(m, d, (half(m, d) >>> n) | (high << (32 - n)), high >>> n);
  },
  arsh: (m, { d, s }) => {
    const n = half(m, s) & 63;
    const high = half(m, d + 1);
    if (n >= 32) set(m, d, high >> (n - 32), high >> 31);
    else if (n > 0) set(m, d, (half(m, d) >>> n) | (high << (32 - n)), high >> n);
  },
  neg: (m, { d }) => {
    const low = -half(m, d) | 0;
    set(m, d, low, ~half(m, d + 1) + (low === 0 ? 1 : 0));
  },
  mov: (m, { d, s }) => set(m, d, half(m, s), half(m, s + 1)),
  movsx8: (m, { d, s }) => signExtend(m, d, (half(m, s) << 24) >> 24),
  movsx16: (m, { d, s }) => signExtend(m, d, (half(m, s) << 16) >> 16),
  movsx32: (m, { d, s }) => signExtend(m, d, half(m, s)),
  bswap16: (m, { d }) => set(m, d, swap16(half(m, d)), 0),
  bswap32: (m, { d }) => set(m, d, swap32(half(m, d)), 0),
  bswap64: (m, { d }) => set(m, d, swap32(half(m, d + 1)), swap32(half(m, d))),
  le16: (m, { d }) => set(m, d, half(m, d) & 0xffff, 0),
  le32: (m, { d }) => set(m, d, half(m, d), 0),
  le64: () => {},
  be16: (m, { d }) => set(m, d, swap16(half(m, d)), 0),
  be32: (m, { d }) => set(m, d, swap32(half(m, d)), 0),
  be64: (m, { d }) => set(m, d, swap32(half(m, d + 1)), swap32(half(m, d))),
};

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = Math.imul(aLow, bLow) >>> 0;
  const mid1 = Math.imul(aLow, bHigh) >>> 0;
  const mid2 = Math.imul(aHigh, bLow) >>> 0;
  const carry = ((low >>> 16) + (mid1 & 0xffff) + (mid2 & 0xffff)) >>> 16;
  return (Math.imul(aHigh, bHigh) >>> 0) + (mid1 >>> 16) + (mid2 >>> 16) + carry;
}
