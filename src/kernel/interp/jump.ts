import { MAY_GOTO_BUDGET, type Machine, type Op } from "./machine.ts";

/** The comparisons of conditional jumps, on 64 bits and on 32 (RFC 9669 section 4.3). */
export type CompareName =
  | "jeq"
  | "jne"
  | "jgt"
  | "jge"
  | "jlt"
  | "jle"
  | "jset"
  | "jsgt"
  | "jsge"
  | "jslt"
  | "jsle";

const at = (m: Machine, i: number): number => m.r[i] as number;

/** Below zero, zero or above as the destination is below, equal to or above the source, unsigned. */
function compare(m: Machine, d: number, s: number): number {
  const high = (at(m, d + 1) >>> 0) - (at(m, s + 1) >>> 0);
  return high !== 0 ? high : (at(m, d) >>> 0) - (at(m, s) >>> 0);
}

function compareSigned(m: Machine, d: number, s: number): number {
  const high = at(m, d + 1) - at(m, s + 1);
  return high !== 0 ? high : (at(m, d) >>> 0) - (at(m, s) >>> 0);
}

type Test = (m: Machine, d: number, s: number) => boolean;

const TESTS64: Readonly<Record<CompareName, Test>> = {
  jeq: (m, d, s) => at(m, d) === at(m, s) && at(m, d + 1) === at(m, s + 1),
  jne: (m, d, s) => at(m, d) !== at(m, s) || at(m, d + 1) !== at(m, s + 1),
  jgt: (m, d, s) => compare(m, d, s) > 0,
  jge: (m, d, s) => compare(m, d, s) >= 0,
  jlt: (m, d, s) => compare(m, d, s) < 0,
  jle: (m, d, s) => compare(m, d, s) <= 0,
  jset: (m, d, s) => (at(m, d) & at(m, s)) !== 0 || (at(m, d + 1) & at(m, s + 1)) !== 0,
  jsgt: (m, d, s) => compareSigned(m, d, s) > 0,
  jsge: (m, d, s) => compareSigned(m, d, s) >= 0,
  jslt: (m, d, s) => compareSigned(m, d, s) < 0,
  jsle: (m, d, s) => compareSigned(m, d, s) <= 0,
};

const TESTS32: Readonly<Record<CompareName, Test>> = {
  jeq: (m, d, s) => at(m, d) === at(m, s),
  jne: (m, d, s) => at(m, d) !== at(m, s),
  jgt: (m, d, s) => at(m, d) >>> 0 > at(m, s) >>> 0,
  jge: (m, d, s) => at(m, d) >>> 0 >= at(m, s) >>> 0,
  jlt: (m, d, s) => at(m, d) >>> 0 < at(m, s) >>> 0,
  jle: (m, d, s) => at(m, d) >>> 0 <= at(m, s) >>> 0,
  jset: (m, d, s) => (at(m, d) & at(m, s)) !== 0,
  jsgt: (m, d, s) => at(m, d) > at(m, s),
  jsge: (m, d, s) => at(m, d) >= at(m, s),
  jslt: (m, d, s) => at(m, d) < at(m, s),
  jsle: (m, d, s) => at(m, d) <= at(m, s),
};

/** Makes each jump a function of its own, so that V8 can inline its comparison. */
function jumps(tests: Readonly<Record<CompareName, Test>>): Readonly<Record<CompareName, Op>> {
  const made = Object.entries(tests).map(([name, test]): [string, Op] => [
    name,
    (m, { d, s, off }) => {
      if (test(m, d, s)) m.pc = off;
    },
  ]);
  return Object.fromEntries(made) as Record<CompareName, Op>;
}

/** Conditional jumps on 64 bits. */
export const JMP64: Readonly<Record<CompareName, Op>> = jumps(TESTS64);
/** Conditional jumps on the low 32 bits. */
export const JMP32: Readonly<Record<CompareName, Op>> = jumps(TESTS32);

/** `goto` and `gotol`. */
export const jump: Op = (m, { off }) => {
  m.pc = off;
};

/** `may_goto`: falls through until the frame's budget is used up, then jumps. */
export const mayGoto: Op = (m, { off }) => {
  const used = m.loops[m.depth] as number;
  if (used >= MAY_GOTO_BUDGET) m.pc = off;
  else m.loops[m.depth] = used + 1;
};
