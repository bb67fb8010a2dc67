import { describe, expect, it } from "vitest";
import { linkForTest } from "../../../test/support/executor.ts";
import { DATA, machine, random } from "../../../test/support/jit_machine.ts";
import { disasmInsn } from "../../isa/disasm.ts";
import type { Insn } from "../../isa/insn.ts";
import { ALU, ATOMIC, CLASS, JMP, MODE, SIZE, SRC } from "../../isa/opcode.ts";
import { createInterpreter } from "../interp/interp.ts";
import type { JitOptions } from "./jit.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_007);
const insn = (code: number, rest: Partial<Insn> = {}): Insn => ({
  code,
  dst: 0,
  src: 0,
  off: 0,
  imm: 0,
  ...rest,
});

/** The bytes of data that programs work on. */
const SIZE_OF_DATA = 64;
const SIZES = [SIZE.B, SIZE.H, SIZE.W, SIZE.DW];
const BYTES: Readonly<Record<number, number>> = { [SIZE.B]: 1, [SIZE.H]: 2, [SIZE.W]: 4, [SIZE.DW]: 8 };
const SUBPROGS = 3;
const JUMPS = [
  JMP.JEQ,
  JMP.JNE,
  JMP.JGT,
  JMP.JGE,
  JMP.JLT,
  JMP.JLE,
  JMP.JSET,
  JMP.JSGT,
  JMP.JSGE,
  JMP.JSLT,
  JMP.JSLE,
];
const OPS = [
  ALU.ADD,
  ALU.SUB,
  ALU.MUL,
  ALU.DIV,
  ALU.OR,
  ALU.AND,
  ALU.LSH,
  ALU.RSH,
  ALU.NEG,
  ALU.MOD,
  ALU.XOR,
  ALU.MOV,
  ALU.ARSH,
  ALU.END,
];

/**
 * Makes a program of blocks that jump anywhere, so most have cycles with several entries; R9 counts the blocks run and
 * ends the program. They call subprograms, which call none. R6 points to data, R7 to the stack; R0 to R5 and R8 are free. At the end they are stored to the
 * data, so that nothing computed goes unseen.
 */
function generate(next: () => number, blocks: number): Insn[] {
  const pick = <T>(list: readonly T[]): T => list[next() % list.length] as T;
  const reg = (): number => pick([0, 1, 2, 3, 4, 5, 8]);
  const imm = (): number => pick([0, 1, -1, 32, 31, 63, 0x7fffffff, -0x80000000, next() | 0, next() & 0xff]);
  const alu = (): Insn => {
    const op = pick(OPS);
    const cls = pick([CLASS.ALU, CLASS.ALU64]);
    const dst = reg();
    if (op === ALU.END)
      return insn(cls | op | (cls === CLASS.ALU ? pick([0, SRC.X]) : 0), { dst, imm: pick([16, 32, 64]) });
    if (op === ALU.NEG) return insn(cls | op, { dst });
    if (next() % 2 === 0)
      return insn(cls | op, { dst, imm: imm(), off: op === ALU.DIV || op === ALU.MOD ? next() % 2 : 0 });
    const off = op === ALU.MOV ? pick([0, 0, 8, 16]) : op === ALU.DIV || op === ALU.MOD ? next() % 2 : 0;
    return insn(cls | op | SRC.X, { dst, src: reg(), off });
  };
  const memory = (): Insn => {
    const size = pick(SIZES);
    const bytes = BYTES[size] as number;
    // Half of the time the stack, at few places, through R10 or a copy that stands 64 lower.
    const [base, off] =
      next() % 2 === 0
        ? [6, (next() % (SIZE_OF_DATA / bytes)) * bytes]
        : next() % 2 === 0
          ? [10, -64 + (next() % 6) * 8]
          : [7, (next() % 6) * 8];
    const kind = next() % 5;
    if (kind === 0) return insn(CLASS.LDX | MODE.MEM | size, { dst: reg(), src: base, off });
    if (kind === 1)
      return insn(CLASS.LDX | MODE.MEMSX | (size === SIZE.DW ? SIZE.B : size), {
        dst: reg(),
        src: base,
        off,
      });
    if (kind === 2) return insn(CLASS.ST | MODE.MEM | size, { dst: base, off, imm: imm() });
    if (kind === 3) return insn(CLASS.STX | MODE.MEM | size, { dst: base, src: reg(), off });
    const wide = size === SIZE.DW || size === SIZE.H;
    const atomic = pick([
      0,
      1,
      0x40,
      0x41,
      0x50,
      0x51,
      0xa0,
      0xa1,
      ATOMIC.XCHG,
      ATOMIC.CMPXCHG,
      ATOMIC.LOAD_ACQ,
      ATOMIC.STORE_REL,
    ]);
    const at = off & ~7;
    if (atomic === ATOMIC.LOAD_ACQ)
      return insn(CLASS.STX | MODE.ATOMIC | (wide ? SIZE.DW : SIZE.W), {
        dst: reg(),
        src: base,
        off: at,
        imm: atomic,
      });
    return insn(CLASS.STX | MODE.ATOMIC | (wide ? SIZE.DW : SIZE.W), {
      dst: base,
      src: reg(),
      off: at,
      imm: atomic,
    });
  };
  type Line = Insn | { readonly jump: Insn; readonly to: number };
  const lines: Line[] = [];
  const starts: number[] = [];
  const lastBlock = blocks;
  /** R6 from another register, R7 and the stack set up. */
  const setUp = (data: number): void => {
    lines.push(
      insn(0xbf, { dst: 6, src: data }),
      insn(0xbf, { dst: 7, src: 10 }),
      insn(0x07, { dst: 7, imm: -64 }),
    );
    for (let off = 8; off <= 64; off += 8)
      lines.push(insn(CLASS.ST | MODE.MEM | SIZE.DW, { dst: 10, off: -off, imm: off }));
  };
  const set = (...regs: number[]): void => {
    for (const r of regs) lines.push(insn(0xb7, { dst: r, imm: imm() }));
  };
  const work = (): void => {
    for (let i = next() % 6; i > 0; i--) lines.push(next() % 3 === 0 ? memory() : alu());
  };
  setUp(1);
  set(0, 1, 2, 3, 4, 5, 8);
  lines.push(insn(0xb7, { dst: 9, imm: 50 }));
  for (let b = 0; b < blocks; b++) {
    starts.push(lines.length);
    lines.push(insn(0x07, { dst: 9, imm: -1 }), {
      jump: insn(CLASS.JMP | JMP.JEQ, { dst: 9 }),
      to: lastBlock,
    });
    work();
    if (next() % 4 === 0) {
      // R1 goes as it is, R2 is the data; R1 to R5 come back undefined.
      lines.push(insn(0xbf, { dst: 2, src: 6 }));
      lines.push({ jump: insn(CLASS.JMP | JMP.CALL, { src: 1 }), to: blocks + 1 + (next() % SUBPROGS) });
      set(1, 2, 3, 4, 5);
    }
    const way = next() % 8;
    const to = next() % (blocks + 1);
    if (way < 5) {
      const cls = pick([CLASS.JMP, CLASS.JMP32]);
      const operand = next() % 2 === 0 ? { imm: imm() } : { src: reg() };
      lines.push({
        jump: insn(cls | pick(JUMPS) | ("src" in operand ? SRC.X : 0), { dst: reg(), ...operand }),
        to,
      });
    } else if (way < 7) {
      lines.push({ jump: insn(pick([CLASS.JMP | JMP.JA, CLASS.JMP32 | JMP.JA])), to });
    }
  }
  starts.push(lines.length);
  for (const r of [1, 2, 3, 4, 5, 8])
    lines.push(insn(CLASS.STX | MODE.MEM | SIZE.DW, { dst: 6, src: r, off: SIZE_OF_DATA + r * 8 }));
  lines.push(
    insn(CLASS.LDX | MODE.MEM | SIZE.DW, { dst: 1, src: 10, off: -16 }),
    insn(0x0f, { dst: 0, src: 1 }),
  );
  lines.push(insn(CLASS.JMP | JMP.EXIT));
  for (let n = 0; n < SUBPROGS; n++) {
    starts.push(lines.length);
    setUp(2);
    set(0, 3, 4, 5, 8);
    work();
    lines.push(insn(pick([CLASS.JMP, CLASS.JMP32]) | pick(JUMPS), { dst: reg(), imm: imm(), off: 1 }));
    lines.push(alu());
    // Some are too long to be inlined.
    if (n > 0) for (let i = 0; i < 6; i++) work();
    lines.push(insn(CLASS.JMP | JMP.EXIT));
  }
  return lines.map((line, at) => {
    if (!("jump" in line)) return line;
    const distance = (starts[line.to] as number) - at - 1;
    return line.jump.code === (CLASS.JMP32 | JMP.JA) || line.jump.code === (CLASS.JMP | JMP.CALL)
      ? { ...line.jump, imm: distance }
      : { ...line.jump, off: distance };
  });
}

const VARIANTS: Readonly<Record<string, JitOptions & { shared?: boolean }>> = {
  "as usual": {},
  "split into many functions": { splitAt: 40 },
  "in shared memory": { shared: true },
};

describe.each(Object.keys(VARIANTS))(`random programs %s (SEED=${seed})`, (variant) => {
  it("do what the interpreter does", () => {
    const next = random(seed);
    const m = machine([], VARIANTS[variant]);
    const interp = createInterpreter(m.env);
    const data = new Uint8Array(m.env.memory.buffer, DATA, 256);
    for (let round = 0; round < 400; round++) {
      const insns = generate(next, 2 + (next() % 12));
      const outcome = (entry: (ctx: bigint, cpu: number) => bigint): string => {
        data.fill(0x5a);
        const r0 = BigInt.asUintN(64, entry(BigInt(DATA), m.cpu));
        return `${r0.toString(16)} ${Buffer.from(data).toString("hex")}`;
      };
      const program = linkForTest(insns);
      const want = outcome(interp.load(program).entry);
      const got = outcome(m.load(program));
      if (got !== want)
        expect(
          got,
          `SEED=${seed}, round ${round}:\n${insns.map((_, i) => `${i}: ${disasmInsn(insns, i)}`).join("\n")}`,
        ).toBe(want);
    }
  });
});
