import { beforeAll, describe, expect, test } from "vitest";
import { ALU, CLASS, JMP, SRC } from "../../../isa/opcode.ts";
import { resetArena, scratchReg, words } from "../state/arena.ts";
import { REG, type RegPtr } from "../state/layout.ts";
import {
  copyReg,
  s32max,
  s32min,
  smaxBig,
  sminBig,
  u32max,
  u32min,
  umaxBig,
  uminBig,
  varMaskBig,
  varValueBig,
} from "../state/view.ts";
import { add, contains, type Scalar, sub, sync, unknownScalar } from "./oracle.ts";
import {
  aluScalar,
  branchTaken,
  coerceSubregToSizeSigned,
  coerceToSize,
  coerceToSizeSigned,
  configureValues,
  markKnown,
  markUnknown,
  rangeWithin,
  refineBranch,
  syncBounds,
  tnumIn,
  zeroExtend32,
} from "./value.ts";

const seed = Number(process.env.ANYBPF_SEED ?? Date.now() & 0xffffff);
const ROUNDS = Number(process.env.ANYBPF_ROUNDS ?? 2000);
const A = scratchReg(12);
const B = scratchReg(13);
const C = scratchReg(14);
const D = scratchReg(15);

function generator(start: number): () => bigint {
  let s = BigInt(start) * 0x9e3779b97f4a7c15n + 1n;
  return () => {
    s = BigInt.asUintN(64, s * 6364136223846793005n + 1442695040888963407n);
    return BigInt.asUintN(64, (s ^ (s >> 29n)) * 0xbf58476d1ce4e5b9n);
  };
}

function read(r: RegPtr): Scalar {
  return {
    value: varValueBig(r),
    mask: varMaskBig(r),
    umin: uminBig(r),
    umax: umaxBig(r),
    smin: sminBig(r),
    smax: smaxBig(r),
    u32min: BigInt(u32min(r)),
    u32max: BigInt(u32max(r)),
    s32min: BigInt(s32min(r)),
    s32max: BigInt(s32max(r)),
  };
}

function write(r: RegPtr, a: Scalar): void {
  markUnknown(r);
  const put = (at: number, v: bigint): void => {
    words[(r + at) >> 2] = Number(BigInt.asIntN(32, v));
    words[(r + at + 4) >> 2] = Number(BigInt.asIntN(32, v >> 32n));
  };
  put(REG.varValue, a.value);
  put(REG.varMask, a.mask);
  put(REG.smin, a.smin);
  put(REG.smax, a.smax);
  put(REG.umin, a.umin);
  put(REG.umax, a.umax);
  words[(r + REG.s32min) >> 2] = Number(a.s32min);
  words[(r + REG.s32max) >> 2] = Number(a.s32max);
  words[(r + REG.u32min) >> 2] = Number(a.u32min) | 0;
  words[(r + REG.u32max) >> 2] = Number(a.u32max) | 0;
}

/** A random number of any magnitude, and a random record that holds it; not yet synced. */
function sample(rnd: () => bigint): { member: bigint; record: Scalar } {
  const pick = (n: bigint): bigint => rnd() % n;
  let member = rnd() >> pick(64n);
  if (pick(2n) === 0n) member = BigInt.asUintN(64, -member);
  const record = unknownScalar();
  const near = (v: bigint): bigint => (rnd() >> pick(64n)) % (v + 1n);
  const signed = BigInt.asIntN(64, member);
  const low = BigInt.asUintN(32, member);
  const slow = BigInt.asIntN(32, member);
  if (pick(2n) === 0n) {
    record.mask = pick(3n) === 0n ? rnd() & rnd() : rnd() >> pick(64n);
    record.value = member & ~record.mask & ((1n << 64n) - 1n);
  }
  if (pick(3n) === 0n) record.umin = member - near(member);
  if (pick(3n) === 0n) record.umax = member + near((1n << 64n) - 1n - member);
  if (pick(3n) === 0n) record.smin = signed - near(signed + (1n << 63n));
  if (pick(3n) === 0n) record.smax = signed + near((1n << 63n) - 1n - signed);
  if (pick(3n) === 0n) record.u32min = low - near(low);
  if (pick(3n) === 0n) record.u32max = low + near((1n << 32n) - 1n - low);
  if (pick(3n) === 0n) record.s32min = slow - near(slow + (1n << 31n));
  if (pick(3n) === 0n) record.s32max = slow + near((1n << 31n) - 1n - slow);
  return { member, record };
}

const hex = (a: Scalar): string =>
  JSON.stringify(a, (_, v: unknown) =>
    typeof v === "bigint" ? `0x${BigInt.asUintN(64, v).toString(16)}` : v,
  );

/** What the instruction gives for concrete operands; RFC 9669 section 4. */
function execute(op: number, is32: boolean, x: bigint, y: bigint): bigint {
  const width = is32 ? 32 : 64;
  const u = (v: bigint): bigint => BigInt.asUintN(width, v);
  const shift = y & BigInt(width - 1);
  const a = u(x);
  const b = u(y);
  switch (op) {
    case ALU.ADD:
      return u(a + b);
    case ALU.SUB:
      return u(a - b);
    case ALU.MUL:
      return u(a * b);
    case ALU.AND:
      return a & b;
    case ALU.OR:
      return a | b;
    case ALU.XOR:
      return a ^ b;
    case ALU.LSH:
      return u(a << shift);
    case ALU.RSH:
      return a >> shift;
    case ALU.ARSH:
      return u(BigInt.asIntN(width, a) >> shift);
    default:
      return u(-a);
  }
}

function holds(op: number, is32: boolean, x: bigint, y: bigint): boolean {
  const width = is32 ? 32 : 64;
  const a = BigInt.asUintN(width, x);
  const b = BigInt.asUintN(width, y);
  const sa = BigInt.asIntN(width, x);
  const sb = BigInt.asIntN(width, y);
  switch (op) {
    case JMP.JEQ:
      return a === b;
    case JMP.JNE:
      return a !== b;
    case JMP.JGT:
      return a > b;
    case JMP.JGE:
      return a >= b;
    case JMP.JLT:
      return a < b;
    case JMP.JLE:
      return a <= b;
    case JMP.JSGT:
      return sa > sb;
    case JMP.JSGE:
      return sa >= sb;
    case JMP.JSLT:
      return sa < sb;
    case JMP.JSLE:
      return sa <= sb;
    default:
      return (a & b) !== 0n;
  }
}

const OPS = [ALU.ADD, ALU.SUB, ALU.MUL, ALU.AND, ALU.OR, ALU.XOR, ALU.LSH, ALU.RSH, ALU.ARSH, ALU.NEG];
const JUMPS = [JMP.JEQ, JMP.JNE, JMP.JGT, JMP.JGE, JMP.JLT, JMP.JLE, JMP.JSGT, JMP.JSGE, JMP.JSLT, JMP.JSLE];

describe(`numbers (seed ${seed})`, () => {
  beforeAll(() => {
    resetArena();
    configureValues(true);
  });

  /** Puts a random record and a member of it in a register. */
  function place(r: RegPtr, rnd: () => bigint): bigint {
    const { member, record } = sample(rnd);
    write(r, record);
    syncBounds(r);
    return member;
  }

  test("sync as the plain version, and keeps every member", () => {
    const rnd = generator(seed);
    for (let i = 0; i < ROUNDS; i++) {
      const { member, record } = sample(rnd);
      const before = hex(record);
      write(A, record);
      syncBounds(A);
      sync(record);
      expect(hex(read(A)), before).toBe(hex(record));
      expect(contains(record, member), `${member} of ${before}`).toBe(true);
    }
  });

  test("add and subtract as the plain version", () => {
    const rnd = generator(seed + 1);
    for (let i = 0; i < ROUNDS; i++) {
      place(A, rnd);
      place(B, rnd);
      const [a, b] = [read(A), read(B)];
      copyReg(C, A);
      aluScalar(CLASS.ALU64 | ALU.ADD | SRC.X, 0, 0, C, B);
      expect(hex(read(C)), `${hex(a)} + ${hex(b)}`).toBe(hex(add(a, b)));
      copyReg(C, A);
      aluScalar(CLASS.ALU64 | ALU.SUB | SRC.X, 0, 0, C, B);
      expect(hex(read(C)), `${hex(a)} - ${hex(b)}`).toBe(hex(sub(a, b)));
    }
  });

  test("results hold what the operation gives", () => {
    const rnd = generator(seed + 2);
    for (let i = 0; i < ROUNDS; i++) {
      const op = OPS[Number(rnd() % BigInt(OPS.length))] as number;
      const is32 = rnd() % 2n === 0n;
      const x = place(A, rnd);
      let y = place(B, rnd);
      if (op === ALU.LSH || op === ALU.RSH || op === ALU.ARSH) {
        y = rnd() % (is32 ? 32n : 64n);
        markKnown(B, Number(y), 0);
      }
      const [a, b] = [hex(read(A)), hex(read(B))];
      aluScalar((is32 ? CLASS.ALU : CLASS.ALU64) | op | SRC.X, 0, 0, A, B);
      const result = execute(op, is32, x, y);
      expect(contains(read(A), result), `op ${op} ${is32} ${x} ${y}\n${a}\n${b}\n${hex(read(A))}`).toBe(true);
    }
  });

  test("branches hold what comes their way, and outcomes that are told are right", () => {
    const rnd = generator(seed + 3);
    for (let i = 0; i < ROUNDS; i++) {
      const op = JUMPS[Number(rnd() % BigInt(JUMPS.length))] ?? JMP.JSET;
      const is32 = rnd() % 2n === 0n;
      const x = place(A, rnd);
      let y = place(B, rnd);
      if (rnd() % 2n === 0n) {
        y = rnd() % 3n === 0n ? x : rnd() >> (rnd() % 64n);
        markKnown(B, Number(BigInt.asIntN(32, y)), Number(BigInt.asIntN(32, y >> 32n)));
      }
      const [a, b] = [hex(read(A)), hex(read(B))];
      const is = holds(op, is32, x, y);
      const note = `jump ${op} ${is32} ${x} ${y} ${is}\n${a}\n${b}`;
      const told = branchTaken(A, B, op, is32);
      if (told >= 0) {
        expect(told === 1, note).toBe(is);
        continue;
      }
      copyReg(C, A);
      copyReg(D, B);
      refineBranch(C, D, A, B, op, is32);
      expect(contains(read(is ? C : A), x), note).toBe(true);
      expect(contains(read(is ? D : B), y), note).toBe(true);
    }
  });

  test("cuts and extensions hold what they give", () => {
    const rnd = generator(seed + 4);
    for (let i = 0; i < ROUNDS; i++) {
      const size = [1, 2, 4][Number(rnd() % 3n)] as number;
      const x = place(A, rnd);
      copyReg(B, A);
      copyReg(C, A);
      copyReg(D, A);
      coerceToSize(B, size);
      expect(contains(read(B), BigInt.asUintN(size * 8, x))).toBe(true);
      coerceToSizeSigned(C, size);
      expect(contains(read(C), BigInt.asUintN(64, BigInt.asIntN(size * 8, x)))).toBe(true);
      if (size < 4) coerceSubregToSizeSigned(D, size);
      zeroExtend32(D);
      expect(contains(read(D), BigInt.asUintN(32, BigInt.asIntN(size * 8, x)))).toBe(true);
    }
  });

  test("covering is as the members say", () => {
    const rnd = generator(seed + 5);
    for (let i = 0; i < ROUNDS; i++) {
      const x = place(A, rnd);
      place(B, rnd);
      if (rangeWithin(B, A) && tnumIn(B, A)) expect(contains(read(B), x)).toBe(true);
      expect(rangeWithin(A, A) && tnumIn(A, A)).toBe(true);
    }
  });
});
