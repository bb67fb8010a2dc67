import type { Insn } from "../../../isa/insn.ts";
import { ALU, CLASS, SRC } from "../../../isa/opcode.ts";
import type { OpName, ValType } from "../wasm/opcode.ts";
import { type FunctionContext, refuse } from "./context.ts";
import { formsAfter } from "./forms.ts";

/** The operations that are one instruction of WebAssembly. Shift counts are taken modulo the width, as in eBPF. */
const SIMPLE: Readonly<Record<number, readonly [w: OpName, x: OpName]>> = {
  [ALU.ADD]: ["i32_add", "i64_add"],
  [ALU.SUB]: ["i32_sub", "i64_sub"],
  [ALU.MUL]: ["i32_mul", "i64_mul"],
  [ALU.OR]: ["i32_or", "i64_or"],
  [ALU.AND]: ["i32_and", "i64_and"],
  [ALU.XOR]: ["i32_xor", "i64_xor"],
  [ALU.LSH]: ["i32_shl", "i64_shl"],
  [ALU.RSH]: ["i32_shr_u", "i64_shr_u"],
  [ALU.ARSH]: ["i32_shr_s", "i64_shr_s"],
};

/** 64-bit operations that give the right result in 32 bits when both operands' upper halves are zero. */
const NARROWABLE: ReadonlySet<number> = new Set([ALU.OR, ALU.AND, ALU.XOR, ALU.DIV, ALU.MOD]);

/** Writes an instruction of class ALU or ALU64; returns how many instructions that covered. */
export function emitAlu(f: FunctionContext, insn: Insn, at: number, limit: number): number {
  const { regs, code } = f;
  const op = insn.code & 0xf0;
  const is64 = (insn.code & 0x07) === CLASS.ALU64;
  const next = f.program.insns[at + 1];
  const done = (type: ValType): number => {
    regs.put(insn.dst, type, ((formsAfter(insn, undefined, regs.forms) >> insn.dst) & 1) === 1);
    return 1;
  };
  if (op === ALU.MOV) return done(emitMove(f, insn, at, is64));
  if (op === ALU.END) return done(emitEndian(f, insn, at, is64));
  if (op === ALU.NEG) {
    if (is64) code.i64(0);
    else code.i32(0);
    pushDst(f, insn, is64);
    code.op(is64 ? "i64_sub" : "i32_sub");
    return done(is64 ? "i64" : "i32");
  }
  if (is64 && op === ALU.LSH && at + 1 < limit && next !== undefined && isWidening(insn, next)) {
    // `r <<= 32; r >>= 32` is how compilers for old CPUs cut a register to its lower half.
    const signed = (next.code & 0xf0) === ALU.ARSH;
    regs.get32(insn.dst);
    if (signed) code.op("i64_extend_i32_s");
    regs.put(insn.dst, signed ? "i64" : "i32", !signed);
    return 2;
  }
  const wide = is64 && !(NARROWABLE.has(op) && fitsNarrow(f, insn, op));
  if (op === ALU.DIV || op === ALU.MOD) return done(emitDivide(f, insn, at, wide));
  const simple = SIMPLE[op];
  if (simple === undefined) return refuse(f, at, `unknown arithmetic opcode 0x${insn.code.toString(16)}`);
  if (is64 && op === ALU.AND && !wide) {
    // One narrow operand is enough: the upper half is zero whatever the other's is.
    regs.get32(insn.dst);
    pushSrc32(f, insn);
    code.op("i32_and");
    return done("i32");
  }
  if (
    is64 &&
    op === ALU.RSH &&
    (insn.code & SRC.X) === 0 &&
    (insn.imm & 63) < 32 &&
    regs.isNarrow(insn.dst)
  ) {
    regs.get32(insn.dst);
    code.i32(insn.imm);
    code.op("i32_shr_u");
    return done("i32");
  }
  pushDst(f, insn, wide);
  if (wide) pushSrc64(f, insn);
  else pushSrc32(f, insn);
  code.op(simple[wide ? 1 : 0]);
  return done(wide ? "i64" : "i32");
}

function isWidening(shift: Insn, next: Insn): boolean {
  const back = next.code === (CLASS.ALU64 | ALU.RSH) || next.code === (CLASS.ALU64 | ALU.ARSH);
  const isImm = (shift.code & SRC.X) === 0;
  return isImm && back && shift.imm === 32 && next.imm === 32 && next.dst === shift.dst;
}

/** Whether a narrowable 64-bit operation may be done in 32 bits. */
function fitsNarrow(f: FunctionContext, insn: Insn, op: number): boolean {
  const dst = f.regs.isNarrow(insn.dst);
  const src = (insn.code & SRC.X) !== 0 ? f.regs.isNarrow(insn.src) : insn.imm >= 0;
  if (op === ALU.AND) return dst || src;
  return dst && src && insn.off === 0;
}

function pushDst(f: FunctionContext, insn: Insn, wide: boolean): void {
  if (wide) f.regs.get64(insn.dst);
  else f.regs.get32(insn.dst);
}

/** Pushes the second operand, the immediate sign-extended to 64 bits. */
export function pushSrc64(f: FunctionContext, insn: Insn): void {
  if ((insn.code & SRC.X) !== 0) f.regs.get64(insn.src);
  else f.code.i64(insn.imm);
}

/** Pushes the second operand's lower half. */
export function pushSrc32(f: FunctionContext, insn: Insn): void {
  if ((insn.code & SRC.X) !== 0) f.regs.get32(insn.src);
  else f.code.i32(insn.imm);
}

/** Moves, and moves with sign extension (`off` is the width); leaves the value on the stack and tells its type. */
function emitMove(f: FunctionContext, insn: Insn, at: number, is64: boolean): ValType {
  const { regs, code } = f;
  if ((insn.code & SRC.X) === 0) {
    if (is64 && insn.imm < 0) {
      code.i64(insn.imm);
      return "i64";
    }
    code.i32(insn.imm);
    return "i32";
  }
  if (insn.off === 0) {
    if (is64 && !regs.isNarrow(insn.src)) {
      regs.get64(insn.src);
      return "i64";
    }
    regs.get32(insn.src);
    return "i32";
  }
  const extend: Readonly<Record<number, readonly [OpName | undefined, OpName]>> = {
    8: ["i32_extend8_s", "i64_extend8_s"],
    16: ["i32_extend16_s", "i64_extend16_s"],
    32: [undefined, "i64_extend32_s"],
  };
  const name = extend[insn.off]?.[is64 ? 1 : 0];
  if (name === undefined) return refuse(f, at, `a move with offset ${insn.off} (address space cast?)`);
  if (is64) regs.get64(insn.src);
  else regs.get32(insn.src);
  code.op(name);
  return is64 ? "i64" : "i32";
}

/** Byte order: ALU with SRC.K cuts (memory is little endian), ALU with SRC.X and ALU64 swap. */
function emitEndian(f: FunctionContext, insn: Insn, at: number, is64: boolean): ValType {
  const { regs, code } = f;
  const swap = is64 || (insn.code & SRC.X) !== 0;
  if (insn.imm === 64) {
    regs.get64(insn.dst);
    if (swap) emitSwap64(f);
    return "i64";
  }
  if (insn.imm !== 16 && insn.imm !== 32) return refuse(f, at, `a byte swap of ${insn.imm} bits`);
  regs.get32(insn.dst);
  if (insn.imm === 16) {
    if (swap) emitSwap16(f);
    else {
      code.i32(0xffff);
      code.op("i32_and");
    }
  } else if (swap) emitSwap32(f);
  return "i32";
}

/** (x & 0xff) << 8 | (x >>> 8) & 0xff */
function emitSwap16(f: FunctionContext): void {
  const { code } = f;
  const x = code.scratch("i32");
  code.tee(x);
  code.i32(0xff);
  code.op("i32_and");
  code.i32(8);
  code.op("i32_shl");
  code.get(x);
  code.i32(8);
  code.op("i32_shr_u");
  code.i32(0xff);
  code.op("i32_and");
  code.op("i32_or");
  code.release("i32", x);
}

/** rotl(x, 8) & 0x00ff00ff | rotl(x, 24) & 0xff00ff00 */
function emitSwap32(f: FunctionContext): void {
  const { code } = f;
  const x = code.scratch("i32");
  code.tee(x);
  code.i32(8);
  code.op("i32_rotl");
  code.i32(0x00ff00ff);
  code.op("i32_and");
  code.get(x);
  code.i32(24);
  code.op("i32_rotl");
  code.i32(0xff00ff00);
  code.op("i32_and");
  code.op("i32_or");
  code.release("i32", x);
}

/** Swaps neighbouring bytes, then neighbouring pairs, then the halves. */
function emitSwap64(f: FunctionContext): void {
  const { code } = f;
  const x = code.scratch("i64");
  code.set(x);
  const step = (mask: number, shift: number): void => {
    code.get(x);
    code.i64(mask, mask);
    code.op("i64_and");
    code.i64(shift);
    code.op("i64_shl");
    code.get(x);
    code.i64(shift);
    code.op("i64_shr_u");
    code.i64(mask, mask);
    code.op("i64_and");
    code.op("i64_or");
    code.set(x);
  };
  step(0x00ff00ff, 8);
  step(0x0000ffff, 16);
  code.get(x);
  code.i64(32);
  code.op("i64_rotl");
  code.release("i64", x);
}

/**
 * Division and modulo, unsigned, or signed with `off` 1. By zero: 0, and the dividend (RFC 9669 section 4.1). The
 * smallest number divided by -1 is itself; WebAssembly's div_s would trap there, its rem_s gives 0 as wanted.
 */
function emitDivide(f: FunctionContext, insn: Insn, at: number, wide: boolean): ValType {
  const { code } = f;
  const type: ValType = wide ? "i64" : "i32";
  const signed = insn.off === 1;
  if (insn.off !== 0 && !signed) return refuse(f, at, `a division with offset ${insn.off}`);
  const isDiv = (insn.code & 0xf0) === ALU.DIV;
  const name = `${type}_${isDiv ? "div" : "rem"}_${signed ? "s" : "u"}` as const;
  const pushSrc = (): void => (wide ? pushSrc64(f, insn) : pushSrc32(f, insn));
  const constant = (n: number): void => (wide ? code.i64(n) : code.i32(n));
  const minus = (): void => {
    constant(0);
    pushDst(f, insn, wide);
    code.op(`${type}_sub`);
  };
  if ((insn.code & SRC.X) === 0) {
    if (insn.imm === 0) {
      if (isDiv) constant(0);
      else pushDst(f, insn, wide);
    } else if (isDiv && signed && insn.imm === -1) {
      minus();
    } else {
      pushDst(f, insn, wide);
      pushSrc();
      code.op(name);
    }
    return type;
  }
  pushSrc();
  if (isDiv && signed) {
    // For 0 and -1: (0 - dst) & src.
    constant(1);
    code.op(`${type}_add`);
    constant(2);
    code.op(`${type}_lt_u`);
    code.if(type);
    minus();
    pushSrc();
    code.op(`${type}_and`);
  } else {
    code.op(`${type}_eqz`);
    code.if(type);
    if (isDiv) constant(0);
    else pushDst(f, insn, wide);
  }
  code.else();
  pushDst(f, insn, wide);
  pushSrc();
  code.op(name);
  code.end();
  return type;
}
