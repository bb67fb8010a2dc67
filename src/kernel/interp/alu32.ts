import { type Machine, type Op, setW } from "./machine.ts";

/** The 32-bit arithmetic by name. Every result clears the upper half of the destination (RFC 9669 section 4.1). */
export type Alu32Name =
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
  | "movsx16";

const w = (m: Machine, i: number): number => m.r[i] as number;

/** The behaviours. Division by zero gives 0, remainder by zero the low half as it was, shifts use five bits. */
export const ALU32: Readonly<Record<Alu32Name, Op>> = {
  add: (m, { d, s }) => setW(m, d, w(m, d) + w(m, s)),
  sub: (m, { d, s }) => setW(m, d, w(m, d) - w(m, s)),
  mul: (m, { d, s }) => setW(m, d, Math.imul(w(m, d), w(m, s))),
  // `| 0` turns the quotient of doubles, Infinity for a zero divisor included, into the integer; INT_MIN / -1 wraps.
  div: (m, { d, s }) => setW(m, d, ((w(m, d) >>> 0) / (w(m, s) >>> 0)) | 0),
  sdiv: (m, { d, s }) => setW(m, d, (w(m, d) / w(m, s)) | 0),
  mod: (m, { d, s }) => {
    const by = w(m, s) >>> 0;
    setW(m, d, by === 0 ? w(m, d) : (w(m, d) >>> 0) % by);
  },
  smod: (m, { d, s }) => {
    const by = w(m, s);
    setW(m, d, by === 0 ? w(m, d) : w(m, d) % by);
  },
  or: (m, { d, s }) => setW(m, d, w(m, d) | w(m, s)),
  and: (m, { d, s }) => setW(m, d, w(m, d) & w(m, s)),
  xor: (m, { d, s }) => setW(m, d, w(m, d) ^ w(m, s)),
  lsh: (m, { d, s }) => setW(m, d, w(m, d) << w(m, s)),
  rsh: (m, { d, s }) => setW(m, d, w(m, d) >>> w(m, s)),
  arsh: (m, { d, s }) => setW(m, d, w(m, d) >> w(m, s)),
  neg: (m, { d }) => setW(m, d, -w(m, d)),
  mov: (m, { d, s }) => setW(m, d, w(m, s)),
  movsx8: (m, { d, s }) => setW(m, d, (w(m, s) << 24) >> 24),
  movsx16: (m, { d, s }) => setW(m, d, (w(m, s) << 16) >> 16),
};
