import { ATOMIC } from "../../isa/opcode.ts";
import { type Machine, type Op, setW } from "./machine.ts";

/** Loads by the C type that the verifier log shows. */
export type LoadName = "u8" | "u16" | "u32" | "u64" | "s8" | "s16" | "s32";
/** Stores by size. */
export type StoreName = "u8" | "u16" | "u32" | "u64";

const half = (m: Machine, i: number): number => m.r[i] as number;

/** A register plus an offset, as an address in linear memory: 32 bits. */
function address(m: Machine, reg: number, off: number): number {
  return (half(m, reg) + off) >>> 0;
}

function setSigned(m: Machine, d: number, value: number): void {
  m.r[d] = value;
  m.r[d + 1] = value >> 31;
}

function load64(m: Machine, d: number, at: number): void {
  const low = m.view.getInt32(at, true);
  m.r[d + 1] = m.view.getInt32(at + 4, true);
  m.r[d] = low;
}

function store64(m: Machine, at: number, low: number, high: number): void {
  m.view.setInt32(at, low, true);
  m.view.setInt32(at + 4, high, true);
}

/** Loads: `s` holds the address. */
export const LOADS: Readonly<Record<LoadName, Op>> = {
  u8: (m, { d, s, off }) => setW(m, d, m.view.getUint8(address(m, s, off))),
  u16: (m, { d, s, off }) => setW(m, d, m.view.getUint16(address(m, s, off), true)),
  u32: (m, { d, s, off }) => setW(m, d, m.view.getInt32(address(m, s, off), true)),
  u64: (m, { d, s, off }) => load64(m, d, address(m, s, off)),
  s8: (m, { d, s, off }) => setSigned(m, d, m.view.getInt8(address(m, s, off))),
  s16: (m, { d, s, off }) => setSigned(m, d, m.view.getInt16(address(m, s, off), true)),
  s32: (m, { d, s, off }) => setSigned(m, d, m.view.getInt32(address(m, s, off), true)),
};

/** Stores: `d` holds the address, `s` the value (a register or a constant). */
export const STORES: Readonly<Record<StoreName, Op>> = {
  u8: (m, { d, s, off }) => m.view.setInt8(address(m, d, off), half(m, s)),
  u16: (m, { d, s, off }) => m.view.setInt16(address(m, d, off), half(m, s), true),
  u32: (m, { d, s, off }) => m.view.setInt32(address(m, d, off), half(m, s), true),
  u64: (m, { d, s, off }) => store64(m, address(m, d, off), half(m, s), half(m, s + 1)),
};

type Combine = (a: number, b: number) => number;

const COMBINE: Readonly<Record<number, Combine>> = {
  [ATOMIC.OR]: (a, b) => a | b,
  [ATOMIC.AND]: (a, b) => a & b,
  [ATOMIC.XOR]: (a, b) => a ^ b,
};

/**
 * The atomic operation of an imm on 4 or 8 bytes, or undefined if there is none. One interpreter runs on one thread,
 * so plain reads and writes are atomic to everyone who can see them.
 */
export function atomicOp(imm: number, bytes: 4 | 8): Op | undefined {
  if (imm === ATOMIC.XCHG) return bytes === 4 ? xchg32 : xchg64;
  if (imm === ATOMIC.CMPXCHG) return bytes === 4 ? cmpxchg32 : cmpxchg64;
  const fetch = (imm & ATOMIC.FETCH) !== 0;
  const kind = imm & ~ATOMIC.FETCH;
  if (kind === ATOMIC.ADD) return bytes === 4 ? add32(fetch) : add64(fetch);
  const combine = COMBINE[kind];
  if (combine === undefined) return undefined;
  return bytes === 4 ? combine32(combine, fetch) : combine64(combine, fetch);
}

function combine32(combine: Combine, fetch: boolean): Op {
  return (m, { d, s, off }) => {
    const at = address(m, d, off);
    const old = m.view.getInt32(at, true);
    m.view.setInt32(at, combine(old, half(m, s)), true);
    if (fetch) setW(m, s, old);
  };
}

function combine64(combine: Combine, fetch: boolean): Op {
  return (m, { d, s, off }) => {
    const at = address(m, d, off);
    const low = m.view.getInt32(at, true);
    const high = m.view.getInt32(at + 4, true);
    store64(m, at, combine(low, half(m, s)), combine(high, half(m, s + 1)));
    if (fetch) {
      m.r[s] = low;
      m.r[s + 1] = high;
    }
  };
}

const add32 = (fetch: boolean): Op => combine32((a, b) => a + b, fetch);

function add64(fetch: boolean): Op {
  return (m, { d, s, off }) => {
    const at = address(m, d, off);
    const old = m.view.getBigUint64(at, true);
    m.view.setBigUint64(at, old + (m.r64[s >> 1] as bigint), true);
    if (fetch) m.r64[s >> 1] = old;
  };
}

const xchg32: Op = (m, { d, s, off }) => {
  const at = address(m, d, off);
  const old = m.view.getInt32(at, true);
  m.view.setInt32(at, half(m, s), true);
  setW(m, s, old);
};

const xchg64: Op = (m, { d, s, off }) => {
  const at = address(m, d, off);
  const old = m.view.getBigUint64(at, true);
  m.view.setBigUint64(at, m.r64[s >> 1] as bigint, true);
  m.r64[s >> 1] = old;
};

const cmpxchg32: Op = (m, { d, s, off }) => {
  const at = address(m, d, off);
  const old = m.view.getInt32(at, true);
  if (old === half(m, 0)) m.view.setInt32(at, half(m, s), true);
  setW(m, 0, old);
};

const cmpxchg64: Op = (m, { d, s, off }) => {
  const at = address(m, d, off);
  const old = m.view.getBigUint64(at, true);
  if (old === m.r64[0]) m.view.setBigUint64(at, m.r64[s >> 1] as bigint, true);
  m.r64[0] = old;
};
