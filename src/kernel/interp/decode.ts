import { type Insn, isLdImm64 } from "../../isa/insn.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, PSEUDO, SIZE, SRC, sizeBytes } from "../../isa/opcode.ts";
import { HELPER } from "../../uapi/helper_id.ts";
import { FRAME_SIZE } from "../mem/layout.ts";
import { EACH_CURSOR_BYTES, type ExecEnv, type LinkedProgram, type Subprog } from "../prog/program.ts";
import { atomicOp, LOADS, type LoadName, STORES, type StoreName } from "./access.ts";
import { ALU32, type Alu32Name } from "./alu32.ts";
import { ALU64, type Alu64Name } from "./alu64.ts";
import { callHelper, callSubprog, forEachMapElem, leaveFrame, loadAbs, loadInd, loop } from "./call.ts";
import { InterpError } from "./error.ts";
import { type CompareName, JMP32, JMP64, jump, mayGoto } from "./jump.ts";
import { CONSTANTS, type Op, type Step } from "./machine.ts";
import { tailCall } from "./tail_call.ts";

/** A program ready for a machine. */
export interface Decoded {
  /** By instruction index; the second slot of a 64-bit load is never run. */
  readonly steps: readonly Step[];
  /** The immediates, as pairs of 32-bit halves. */
  readonly constants: readonly number[];
}

/** Looks each instruction's behaviour up, once. Throws InterpError for what the interpreter has no behaviour for. */
export function decode(linked: LinkedProgram, env: ExecEnv): Decoded {
  const decoder = new Decoder(linked, env);
  const steps = linked.insns.map((insn, i) => decoder.step(insn, i));
  return { steps, constants: decoder.constants };
}

/** Operations that are the same on 32 and 64 bits; the others are told apart by `off` or `imm`. */
const ALU_NAMES: Readonly<Record<number, Alu32Name & Alu64Name>> = {
  [ALU.ADD]: "add",
  [ALU.SUB]: "sub",
  [ALU.MUL]: "mul",
  [ALU.DIV]: "div",
  [ALU.OR]: "or",
  [ALU.AND]: "and",
  [ALU.LSH]: "lsh",
  [ALU.RSH]: "rsh",
  [ALU.NEG]: "neg",
  [ALU.MOD]: "mod",
  [ALU.XOR]: "xor",
  [ALU.MOV]: "mov",
  [ALU.ARSH]: "arsh",
};

const SIGNED_NAMES: Readonly<Record<number, Alu32Name & Alu64Name>> = {
  [ALU.DIV]: "sdiv",
  [ALU.MOD]: "smod",
};

const MOVSX: Readonly<Record<number, Alu64Name>> = { 8: "movsx8", 16: "movsx16", 32: "movsx32" };

/** Byte-order operations by opcode and `imm`. The names of one opcode are in this order. */
const END_BITS = [16, 32, 64];
const END_NAMES: Readonly<Record<number, readonly Alu64Name[]>> = {
  [CLASS.ALU | ALU.END | SRC.K]: ["le16", "le32", "le64"],
  [CLASS.ALU | ALU.END | SRC.X]: ["be16", "be32", "be64"],
  [CLASS.ALU64 | ALU.END]: ["bswap16", "bswap32", "bswap64"],
};

const COMPARES: Readonly<Record<number, CompareName>> = {
  [JMP.JEQ]: "jeq",
  [JMP.JNE]: "jne",
  [JMP.JGT]: "jgt",
  [JMP.JGE]: "jge",
  [JMP.JLT]: "jlt",
  [JMP.JLE]: "jle",
  [JMP.JSET]: "jset",
  [JMP.JSGT]: "jsgt",
  [JMP.JSGE]: "jsge",
  [JMP.JSLT]: "jslt",
  [JMP.JSLE]: "jsle",
};

const LOAD_NAMES: Readonly<Record<number, LoadName>> = {
  [MODE.MEM | SIZE.B]: "u8",
  [MODE.MEM | SIZE.H]: "u16",
  [MODE.MEM | SIZE.W]: "u32",
  [MODE.MEM | SIZE.DW]: "u64",
  [MODE.MEMSX | SIZE.B]: "s8",
  [MODE.MEMSX | SIZE.H]: "s16",
  [MODE.MEMSX | SIZE.W]: "s32",
};

const STORE_NAMES: Readonly<Record<number, StoreName>> = {
  [SIZE.B]: "u8",
  [SIZE.H]: "u16",
  [SIZE.W]: "u32",
  [SIZE.DW]: "u64",
};

/**
 * Helpers that are the executor's own, because they run code of the program's kind, and the bytes of stack that each
 * needs below the calling frame.
 */
const OWN_HELPERS: Readonly<Record<number, { readonly op: Op; readonly bytes: number }>> = {
  [HELPER.tail_call]: { op: tailCall, bytes: 0 },
  [HELPER.for_each_map_elem]: { op: forEachMapElem, bytes: EACH_CURSOR_BYTES },
  [HELPER.loop]: { op: loop, bytes: 0 },
};

class Decoder {
  readonly constants: number[] = [];
  readonly #linked: LinkedProgram;
  readonly #env: ExecEnv;
  readonly #byValue = new Map<string, number>();
  /**
   * Frames may be as large as they like unless tail calls can pile programs upon a subprogram's callers: those have
   * to fit in the CPU's stack 33 times, which the verifier sees to by the bytes that they really use.
   */
  readonly #tight: boolean;

  constructor(linked: LinkedProgram, env: ExecEnv) {
    this.#linked = linked;
    this.#env = env;
    this.#tight = linked.subprogs.some((subprog, i) => i > 0 && subprog.hasTailCall);
  }

  step(insn: Insn, at: number): Step {
    const plain: Step = {
      op: unknown,
      d: 2 * insn.dst,
      s: 2 * insn.src,
      off: insn.off,
      imm: insn.imm,
      at,
      extra: 0,
    };
    // Only the second slot of a 64-bit load has code 0, and nothing jumps there.
    if (insn.code === 0) return plain;
    const step = BY_CLASS[insn.code & 7]?.(this, insn, plain);
    if (step === undefined) throw this.#error(at, `no behaviour for opcode 0x${insn.code.toString(16)}`);
    return step;
  }

  insn(at: number): Insn | undefined {
    return this.#linked.insns[at];
  }

  /** The index in `Machine.r` of a constant, which is sign-extended unless its high half is given. */
  constant(low: number, high = low >> 31): number {
    const key = `${low} ${high}`;
    let index = this.#byValue.get(key);
    if (index === undefined) {
      index = CONSTANTS + this.constants.length;
      this.constants.push(low | 0, high | 0);
      this.#byValue.set(key, index);
    }
    return index;
  }

  helper(at: number, id: number): Pick<Step, "op" | "extra"> {
    const own = OWN_HELPERS[id];
    if (own !== undefined) return { op: own.op, extra: this.frameBytes(at, own.bytes) };
    const helper = this.#env.helper(id);
    if (helper === undefined) throw this.#error(at, `helper ${id} is not there`);
    return { op: callHelper, extra: helper };
  }

  /** The stack bytes of the frame that the instruction at `at` runs in, and at least `more` below those it uses. */
  frameBytes(at: number, more = 0): number {
    const subprog = this.#linked.subprogs.find((s: Subprog) => at >= s.start && at < s.end);
    const used = ((subprog?.stackDepth ?? FRAME_SIZE) + more + 15) & ~15;
    return this.#tight ? used : Math.max(used, FRAME_SIZE);
  }

  /** The first instruction of the subprogram that a 64-bit load names. */
  funcStart(at: number, insn: Insn): number {
    const index = this.#linked.facts[at]?.func;
    return (index === undefined ? undefined : this.#linked.subprogs[index]?.start) ?? at + 1 + insn.imm;
  }

  #error(at: number, message: string): InterpError {
    return new InterpError(this.#linked.name, message, at);
  }
}

const unknown: Op = () => {
  throw new RangeError("the second slot of a 64-bit load was reached");
};

type DecodeClass = (decoder: Decoder, insn: Insn, plain: Step) => Step | undefined;

const alu: DecodeClass = (decoder, insn, plain) => {
  const { code, off, imm } = insn;
  const is64 = (code & 7) === CLASS.ALU64;
  const op = code & 0xf0;
  if (op === ALU.END) {
    const name = END_NAMES[code]?.[END_BITS.indexOf(imm)];
    return name && { ...plain, op: ALU64[name] };
  }
  const fromReg = (code & SRC.X) !== 0;
  const s = fromReg ? plain.s : decoder.constant(imm);
  let name: Alu64Name | undefined = ALU_NAMES[op];
  if (off !== 0) {
    const signed = off === 1 ? SIGNED_NAMES[op] : undefined;
    name = op === ALU.MOV && fromReg ? MOVSX[off] : signed;
  }
  if (name === undefined) return undefined;
  const found = is64 ? ALU64[name] : (ALU32 as Partial<Record<Alu64Name, Op>>)[name];
  return found && { ...plain, op: found, s };
};

const jmp: DecodeClass = (decoder, insn, plain) => {
  const { code, imm, off } = insn;
  const is64 = (code & 7) === CLASS.JMP;
  const target = plain.at + 1 + off;
  switch (code) {
    case CLASS.JMP | JMP.JA:
      return { ...plain, op: jump, off: target };
    case CLASS.JMP32 | JMP.JA:
      return { ...plain, op: jump, off: plain.at + 1 + imm };
    case CLASS.JMP | JMP.JCOND:
      return { ...plain, op: mayGoto, off: target };
    case CLASS.JMP | JMP.EXIT:
      return { ...plain, op: leaveFrame };
    case CLASS.JMP | JMP.CALL:
      if (insn.src === CALL.HELPER) return { ...plain, ...decoder.helper(plain.at, imm) };
      if (insn.src !== CALL.LOCAL) return undefined;
      return { ...plain, op: callSubprog, off: plain.at + 1 + imm, extra: decoder.frameBytes(plain.at) };
    default: {
      const name = COMPARES[code & 0xf0];
      const s = (code & SRC.X) !== 0 ? plain.s : decoder.constant(imm);
      return name && { ...plain, op: (is64 ? JMP64 : JMP32)[name], off: target, s };
    }
  }
};

/** A 64-bit load moves a constant, then steps over its second slot. */
const loadImm64: Op = (m, { d, s, off }) => {
  m.r[d] = m.r[s] as number;
  m.r[d + 1] = m.r[s + 1] as number;
  m.pc = off;
};

const ld: DecodeClass = (decoder, insn, plain) => {
  const extra = sizeBytes(insn.code);
  switch (insn.code & 0xe0) {
    case MODE.ABS:
      return { ...plain, op: loadAbs, extra };
    case MODE.IND:
      return { ...plain, op: loadInd, extra };
    default: {
      const next = decoder.insn(plain.at + 1);
      if (!isLdImm64(insn) || next === undefined) return undefined;
      if (insn.src !== 0 && insn.src !== PSEUDO.FUNC) return undefined;
      // A function's address is the index of its first instruction: only helpers that call back ever look at it.
      const start = insn.src === PSEUDO.FUNC ? decoder.funcStart(plain.at, insn) : undefined;
      const s = start === undefined ? decoder.constant(insn.imm, next.imm) : decoder.constant(start, 0);
      return { ...plain, op: loadImm64, s, off: plain.at + 2 };
    }
  }
};

const ldx: DecodeClass = (_decoder, insn, plain) => {
  const name = LOAD_NAMES[insn.code & 0xf8];
  return name && { ...plain, op: LOADS[name] };
};

const st: DecodeClass = (decoder, insn, plain) => {
  const name = STORE_NAMES[insn.code & 0x18];
  if ((insn.code & 0xe0) !== MODE.MEM || name === undefined) return undefined;
  return { ...plain, op: STORES[name], s: decoder.constant(insn.imm) };
};

const stx: DecodeClass = (_decoder, insn, plain) => {
  const name = STORE_NAMES[insn.code & 0x18];
  if (name === undefined) return undefined;
  const mode = insn.code & 0xe0;
  if (mode === MODE.MEM || (mode === MODE.ATOMIC && insn.imm === ATOMIC.STORE_REL)) {
    return { ...plain, op: STORES[name] };
  }
  if (mode !== MODE.ATOMIC) return undefined;
  if (insn.imm === ATOMIC.LOAD_ACQ) return { ...plain, op: LOADS[name] };
  const bytes = sizeBytes(insn.code);
  const op = bytes === 4 || bytes === 8 ? atomicOp(insn.imm, bytes) : undefined;
  return op && { ...plain, op };
};

const BY_CLASS: Readonly<Record<number, DecodeClass>> = {
  [CLASS.LD]: ld,
  [CLASS.LDX]: ldx,
  [CLASS.ST]: st,
  [CLASS.STX]: stx,
  [CLASS.ALU]: alu,
  [CLASS.JMP]: jmp,
  [CLASS.JMP32]: jmp,
  [CLASS.ALU64]: alu,
};
