import { describe, expect, it } from "vitest";
import { DATA, machine, random } from "../../../../test/support/jit_machine.ts";
import type { Insn } from "../../../isa/insn.ts";
import { ALU, CLASS, JMP, MODE, SIZE, SRC } from "../../../isa/opcode.ts";

/** What RFC 9669 says, over BigInt: `a` and `b` are unsigned and `bits` wide, and so is the result. */
type Spec = (a: bigint, b: bigint, bits: number) => bigint;
const s = (x: bigint, bits: number): bigint => BigInt.asIntN(bits, x);
const SPEC: Readonly<Record<string, readonly [op: number, off: number, spec: Spec]>> = {
  add: [ALU.ADD, 0, (a, b) => a + b],
  sub: [ALU.SUB, 0, (a, b) => a - b],
  mul: [ALU.MUL, 0, (a, b) => a * b],
  div: [ALU.DIV, 0, (a, b) => (b === 0n ? 0n : a / b)],
  sdiv: [ALU.DIV, 1, (a, b, n) => (b === 0n ? 0n : s(a, n) / s(b, n))],
  mod: [ALU.MOD, 0, (a, b) => (b === 0n ? a : a % b)],
  smod: [ALU.MOD, 1, (a, b, n) => (b === 0n ? a : s(a, n) % s(b, n))],
  or: [ALU.OR, 0, (a, b) => a | b],
  and: [ALU.AND, 0, (a, b) => a & b],
  xor: [ALU.XOR, 0, (a, b) => a ^ b],
  lsh: [ALU.LSH, 0, (a, b, n) => a << (b & BigInt(n - 1))],
  rsh: [ALU.RSH, 0, (a, b, n) => a >> (b & BigInt(n - 1))],
  arsh: [ALU.ARSH, 0, (a, b, n) => s(a, n) >> (b & BigInt(n - 1))],
  mov: [ALU.MOV, 0, (_a, b) => b],
  movsx8: [ALU.MOV, 8, (_a, b) => BigInt.asIntN(8, b)],
  movsx16: [ALU.MOV, 16, (_a, b) => BigInt.asIntN(16, b)],
  movsx32: [ALU.MOV, 32, (_a, b) => BigInt.asIntN(32, b)],
};
const COMPARE: Readonly<
  Record<string, readonly [op: number, spec: (a: bigint, b: bigint, bits: number) => boolean]>
> = {
  jeq: [JMP.JEQ, (a, b) => a === b],
  jne: [JMP.JNE, (a, b) => a !== b],
  jgt: [JMP.JGT, (a, b) => a > b],
  jge: [JMP.JGE, (a, b) => a >= b],
  jlt: [JMP.JLT, (a, b) => a < b],
  jle: [JMP.JLE, (a, b) => a <= b],
  jset: [JMP.JSET, (a, b) => (a & b) !== 0n],
  jsgt: [JMP.JSGT, (a, b, n) => s(a, n) > s(b, n)],
  jsge: [JMP.JSGE, (a, b, n) => s(a, n) >= s(b, n)],
  jslt: [JMP.JSLT, (a, b, n) => s(a, n) < s(b, n)],
  jsle: [JMP.JSLE, (a, b, n) => s(a, n) <= s(b, n)],
};

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_007);
const next = random(seed);
const EDGES = [
  ...[0n, 1n, 2n, 31n, 32n, 33n, 63n, 64n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn],
  ...[0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 0x7fffffffffffffffn, 0x8000000000000000n],
  ...[
    0xffffffffffffffffn,
    0xfffffffffffffffen,
    0xffffffff80000000n,
    0xffffffff00000000n,
    0xdeadbeefcafebaben,
  ],
  ...Array.from({ length: 6 }, () => (BigInt(next()) << 32n) | BigInt(next())),
];
const IMMS = [0, 1, -1, 2, 7, 31, 32, 33, 63, 64, 127, -128, 0x7fffffff, -0x80000000, 0x12345678, next() | 0];

const insn = (code: number, rest: Partial<Insn> = {}): Insn => ({
  code,
  dst: 0,
  src: 0,
  off: 0,
  imm: 0,
  ...rest,
});
const EXIT = insn(CLASS.JMP | JMP.EXIT);
/** Loads a register from the context, as 64 bits or as 32 (then the JIT keeps it as i32). */
const load = (dst: number, off: number, narrow: boolean): Insn =>
  insn(CLASS.LDX | MODE.MEM | (narrow ? SIZE.W : SIZE.DW), { dst, src: 1, off });

const m = machine();

/** Runs a program on every pair of edge values, and compares with the specification. */
function check(
  body: readonly Insn[],
  narrow: readonly [boolean, boolean],
  pairs: readonly (readonly [bigint, bigint])[],
  spec: (a: bigint, b: bigint) => bigint,
): void {
  const program = { insns: [load(2, 0, narrow[0]), load(3, 8, narrow[1]), ...body] };
  m.view.setBigUint64(DATA, 0n, true);
  const entry = m.load(program);
  for (const [x, y] of pairs) {
    m.view.setBigUint64(DATA, x, true);
    m.view.setBigUint64(DATA + 8, y, true);
    const a = narrow[0] ? BigInt.asUintN(32, x) : x;
    const b = narrow[1] ? BigInt.asUintN(32, y) : y;
    const got = BigInt.asUintN(64, entry(BigInt(DATA), m.cpu));
    const want = BigInt.asUintN(64, spec(a, b));
    if (got !== want)
      expect.fail(
        `a=0x${a.toString(16)} b=0x${b.toString(16)}: 0x${got.toString(16)}, not 0x${want.toString(16)} (SEED=${seed})`,
      );
  }
}

const PAIRS = EDGES.flatMap((a) => EDGES.map((b) => [a, b] as const));
const SINGLES = EDGES.map((a) => [a, 0n] as const);
const FORMS = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

describe(`arithmetic (SEED=${seed})`, () => {
  for (const [name, [op, off, spec]] of Object.entries(SPEC)) {
    for (const bits of [32, 64]) {
      if (name === "movsx32" && bits === 32) continue;
      const cls = bits === 64 ? CLASS.ALU64 : CLASS.ALU;
      const cut = (a: bigint, b: bigint): bigint =>
        BigInt.asUintN(bits, spec(BigInt.asUintN(bits, a), BigInt.asUintN(bits, b), bits));
      it(`${name}${bits} by register`, () => {
        for (const forms of FORMS) {
          check(
            [insn(cls | op | SRC.X, { dst: 2, src: 3, off }), insn(0xbf, { src: 2 }), EXIT],
            forms,
            PAIRS,
            cut,
          );
          check(
            [
              insn(0xbf, { dst: 4, src: 2 }),
              insn(cls | op | SRC.X, { dst: 2, src: 2, off }),
              insn(0xbf, { src: 2 }),
              EXIT,
            ],
            forms,
            SINGLES,
            (a) => cut(a, a),
          );
        }
      });
      if (off > 1) continue;
      it(`${name}${bits} by immediate`, () => {
        for (const imm of IMMS) {
          for (const forms of [
            [false, false],
            [true, false],
          ] as const) {
            check([insn(cls | op, { dst: 2, off, imm }), insn(0xbf, { src: 2 }), EXIT], forms, SINGLES, (a) =>
              cut(a, BigInt(imm)),
            );
          }
        }
      });
    }
  }
  it("neg, byte order and byte swaps", () => {
    const swap = (a: bigint, bits: number): bigint => {
      let out = 0n;
      for (let i = 0n; i < bits; i += 8n) out = (out << 8n) | ((a >> i) & 0xffn);
      return out;
    };
    const one = (body: Insn, spec: (a: bigint) => bigint): void => {
      for (const forms of [
        [false, false],
        [true, false],
      ] as const)
        check([body, insn(0xbf, { src: 2 }), EXIT], forms, SINGLES, spec);
    };
    one(insn(CLASS.ALU64 | ALU.NEG, { dst: 2 }), (a) => -a);
    one(insn(CLASS.ALU | ALU.NEG, { dst: 2 }), (a) => BigInt.asUintN(32, -a));
    for (const imm of [16, 32, 64]) {
      one(insn(CLASS.ALU | ALU.END, { dst: 2, imm }), (a) => BigInt.asUintN(imm, a));
      one(insn(CLASS.ALU | ALU.END | SRC.X, { dst: 2, imm }), (a) => swap(a, imm));
      one(insn(CLASS.ALU64 | ALU.END, { dst: 2, imm }), (a) => swap(a, imm));
    }
  });
  it("shifts up and back by 32", () => {
    const shl = insn(CLASS.ALU64 | ALU.LSH, { dst: 2, imm: 32 });
    const body = (op: number): Insn[] => [
      shl,
      insn(CLASS.ALU64 | op, { dst: 2, imm: 32 }),
      insn(0xbf, { src: 2 }),
      EXIT,
    ];
    for (const forms of [
      [false, false],
      [true, false],
    ] as const) {
      check(body(ALU.RSH), forms, SINGLES, (a) => BigInt.asUintN(32, a));
      check(body(ALU.ARSH), forms, SINGLES, (a) => BigInt.asIntN(32, a));
    }
  });
});

describe(`jumps (SEED=${seed})`, () => {
  for (const [name, [op, spec]] of Object.entries(COMPARE)) {
    for (const bits of [32, 64]) {
      const cls = bits === 64 ? CLASS.JMP : CLASS.JMP32;
      const cut = (a: bigint, b: bigint): bigint =>
        spec(BigInt.asUintN(bits, a), BigInt.asUintN(bits, b), bits) ? 1n : 0n;
      // Once as `if … goto`, and once so that the structurer inverts it.
      const bodies = (jump: Partial<Insn>): Insn[][] => {
        const code = cls | op | (jump.src === undefined ? SRC.K : SRC.X);
        const branch = insn(code, { dst: 2, off: 2, ...jump });
        const set = (imm: number): Insn => insn(0xb7, { imm });
        return [
          [branch, set(0), EXIT, set(1), EXIT],
          [set(1), insn(code, { dst: 2, off: 1, ...jump }), set(0), EXIT],
        ];
      };
      it(`${name}${bits}`, () => {
        for (const forms of FORMS) for (const body of bodies({ src: 3 })) check(body, forms, PAIRS, cut);
        for (const imm of IMMS) {
          for (const forms of [
            [false, false],
            [true, false],
          ] as const) {
            for (const body of bodies({ imm })) check(body, forms, SINGLES, (a) => cut(a, BigInt(imm)));
          }
        }
      });
    }
  }
});
