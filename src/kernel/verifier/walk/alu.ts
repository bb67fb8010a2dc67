import type { Insn } from "../../../isa/insn.ts";
import { ALU, CLASS, SRC } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { markChainPrecision } from "../prune/precision.ts";
import { scratchReg } from "../state/arena.ts";
import { ADD_CONST, ADD_CONST32, ADD_CONST64, type RegPtr } from "../state/layout.ts";
import {
  copyReg,
  curReg,
  isConst,
  isPrecise,
  isScalar,
  regId,
  s32max,
  s32min,
  setRegId,
  setRegOff,
  setSubregDef,
  smax,
  smin,
  umax,
  varMaskLo,
  varValueHi,
  varValueLo,
} from "../state/view.ts";
import {
  aluScalar,
  coerceSubregToSizeSigned,
  coerceToSizeSigned,
  markKnown,
  markKnownImm,
  markUnknown,
  setConst32,
  setKnown,
  syncBounds,
  zeroExtend32,
} from "../value/value.ts";
import { ALU_SYMBOL } from "./alu_symbol.ts";
import { type Env, reject } from "./env.ts";
import { pushPath } from "./paths.ts";
import { pointerAlu } from "./pointer_alu.ts";
import { checkReg, isPointer, reg } from "./regs.ts";

/** The immediate as an operand: a scratch register, good until the next operand is made. */
const IMM_OPERAND = 0;

/**
 * Gives a number an id if it has none, so that its copies can be narrowed with it; a number that is itself a linked
 * sum starts a link of its own. Linux: assign_scalar_id_before_mov.
 */
export function linkBeforeCopy(env: Env, r: RegPtr): void {
  if (!isScalar(r)) return;
  if ((regId(r) & ADD_CONST) !== 0) {
    setRegId(r, 0);
    setRegOff(r, 0);
  }
  if (regId(r) === 0 && !isConst(r)) setRegId(r, ++env.idGen);
}

/** Ends a number's links. Linux: clear_scalar_id. */
export function unlink(r: RegPtr): void {
  setRegId(r, 0);
  setRegOff(r, 0);
}

/** Checks an arithmetic instruction and computes its result. */
export function checkAlu(env: Env, insn: Insn): void {
  const op = insn.code & 0xf0;
  if (op === ALU.NEG || op === ALU.END) unary(env, insn, op);
  else if (op === ALU.MOV) move(env, insn);
  else if (op > ALU.END) throw reject(env, E.EINVAL, `invalid BPF_ALU opcode ${op.toString(16)}`);
  else binary(env, insn, op);
}

function unary(env: Env, insn: Insn, op: number): void {
  if (op === ALU.NEG) {
    if ((insn.code & SRC.X) !== 0 || insn.src !== 0 || insn.off !== 0 || insn.imm !== 0) {
      throw reject(env, E.EINVAL, "BPF_NEG uses reserved fields");
    }
  } else {
    const width = insn.imm === 16 || insn.imm === 32 || insn.imm === 64;
    const swap = (insn.code & 7) === CLASS.ALU64;
    if (insn.src !== 0 || insn.off !== 0 || !width || (swap && (insn.code & SRC.X) !== 0)) {
      throw reject(env, E.EINVAL, "BPF_END uses reserved fields");
    }
  }
  checkReg(env, insn.dst, "src");
  const dst = reg(env, insn.dst);
  if (isPointer(env, dst)) throw reject(env, E.EACCES, `R${insn.dst} pointer arithmetic prohibited`);
  if (!isScalar(dst)) {
    checkReg(env, insn.dst, "dst");
    return;
  }
  checkReg(env, insn.dst, "dst_no_mark");
  aluScalar(insn.code, insn.off, insn.imm, dst, dst);
  unlink(dst);
}

function move(env: Env, insn: Insn): void {
  const is64 = (insn.code & 7) === CLASS.ALU64;
  const { off } = insn;
  if ((insn.code & SRC.X) === 0) {
    if (insn.src !== 0 || off !== 0) throw reject(env, E.EINVAL, "BPF_MOV uses reserved fields");
    checkReg(env, insn.dst, "dst_no_mark");
    const dst = reg(env, insn.dst);
    if (is64) markKnownImm(dst, insn.imm);
    else markKnown(dst, insn.imm, 0);
    return;
  }
  if (is64 && off === 1) {
    if (insn.imm !== 1 && insn.imm !== 1 << 16) {
      throw reject(env, E.EINVAL, "addr_space_cast insn can only convert between address space 1 and 0");
    }
    throw reject(
      env,
      E.EINVAL,
      "addr_space_cast insn can only be used in a program that has an associated arena",
    );
  }
  if ((off !== 0 && off !== 8 && off !== 16 && !(is64 && off === 32)) || insn.imm !== 0) {
    throw reject(env, E.EINVAL, "BPF_MOV uses reserved fields");
  }
  checkReg(env, insn.src, "src");
  checkReg(env, insn.dst, "dst_no_mark");
  const src = reg(env, insn.src);
  const dst = reg(env, insn.dst);
  if (is64) move64(env, insn, dst, src);
  else move32(env, insn, dst, src);
}

function move64(env: Env, insn: Insn, dst: RegPtr, src: RegPtr): void {
  const bits = insn.off;
  if (bits === 0) {
    linkBeforeCopy(env, src);
    copyReg(dst, src);
    setSubregDef(dst, 0);
    return;
  }
  if (isPointer(env, src)) {
    throw reject(env, E.EACCES, `R${insn.src} sign-extension part of pointer`);
  }
  if (!isScalar(src)) {
    markUnknown(dst);
    return;
  }
  const same = umax(src) < 2 ** (bits - 1);
  if (same) linkBeforeCopy(env, src);
  copyReg(dst, src);
  if (!same) unlink(dst);
  coerceToSizeSigned(dst, bits >> 3);
  setSubregDef(dst, 0);
}

function move32(env: Env, insn: Insn, dst: RegPtr, src: RegPtr): void {
  const bits = insn.off;
  if (isPointer(env, src)) throw reject(env, E.EACCES, `R${insn.src} partial copy of pointer`);
  if (isScalar(src)) {
    const same = bits === 0 ? umax(src) <= 0xffffffff : umax(src) < 2 ** (bits - 1);
    if (same) linkBeforeCopy(env, src);
    copyReg(dst, src);
    if (!same) unlink(dst);
    setSubregDef(dst, env.insnIdx + 1);
    if (bits !== 0) coerceSubregToSizeSigned(dst, bits >> 3);
  } else {
    markUnknown(dst);
  }
  zeroExtend32(dst);
  syncBounds(dst);
}

function binary(env: Env, insn: Insn, op: number): void {
  const fromReg = (insn.code & SRC.X) !== 0;
  const divides = op === ALU.DIV || op === ALU.MOD;
  const offBad = insn.off !== 0 && !(insn.off === 1 && divides);
  if (offBad || (fromReg ? insn.imm !== 0 : insn.src !== 0)) {
    throw reject(env, E.EINVAL, "BPF_ALU uses reserved fields");
  }
  if (fromReg) checkReg(env, insn.src, "src");
  checkReg(env, insn.dst, "src");
  if (divides && !fromReg && insn.imm === 0) throw reject(env, E.EINVAL, "div by zero");
  if (!fromReg && (op === ALU.LSH || op === ALU.RSH || op === ALU.ARSH)) {
    const width = (insn.code & 7) === CLASS.ALU64 ? 64 : 32;
    if (insn.imm < 0 || insn.imm >= width) throw reject(env, E.EINVAL, `invalid shift ${insn.imm}`);
  }
  checkReg(env, insn.dst, "dst_no_mark");
  const dst = reg(env, insn.dst);
  const src = fromReg ? reg(env, insn.src) : scratchReg(IMM_OPERAND);
  if (!fromReg) markKnownImm(src, insn.imm);

  if (!isScalar(src) && !isScalar(dst)) {
    if (op !== ALU.SUB || !env.allowPtrLeaks) {
      throw reject(env, E.EACCES, `R${insn.dst} pointer ${ALU_SYMBOL[op]} pointer prohibited`);
    }
    markUnknown(dst);
    return;
  }
  if (!isScalar(src)) {
    markChainPrecision(env, insn.dst);
    pointerAlu(env, insn, dst, src, dst);
    return;
  }
  if (!isScalar(dst)) {
    if (fromReg) markChainPrecision(env, insn.src);
    pointerAlu(env, insn, dst, dst, src);
    return;
  }
  if (fromReg && isPrecise(dst) !== 0) markChainPrecision(env, insn.src);
  scalarAlu(env, insn, op, dst, src);
}

function scalarAlu(env: Env, insn: Insn, op: number, dst: RegPtr, src: RegPtr): void {
  if ((op === ALU.AND || op === ALU.OR) && isConst(src)) forkMask(env, insn, dst);
  const added = linkedDifference(env, insn, op, dst, src);
  aluScalar(insn.code, insn.off, insn.imm, dst, src);
  if (added === undefined) {
    // What was known of the number's links no longer holds, its distance from their base included.
    unlink(dst);
  } else if ((regId(dst) & ADD_CONST) !== 0) {
    // Sums of sums are not followed.
    unlink(dst);
  } else {
    setRegId(dst, regId(dst) | ((insn.code & 7) === CLASS.ALU64 ? ADD_CONST64 : ADD_CONST32));
    setRegOff(dst, added);
  }
}

/**
 * A number that is 0 or -1 (a shifted-down sign) is usually a mask that selects a constant: both cases are walked on
 * their own, which says more than the range from the one result to the other. Linux: maybe_fork_scalars.
 */
function forkMask(env: Env, insn: Insn, dst: RegPtr): void {
  const wide = smin(dst) === -1 && smax(dst) === 0;
  if (!wide && (s32min(dst) !== -1 || s32max(dst) !== 0)) return;
  const zero = curReg(pushPath(env, env.insnIdx, env.insnIdx, false), insn.dst);
  if (wide) {
    setKnown(zero, 0, 0);
    setKnown(dst, -1, -1);
  } else {
    setConst32(zero, 0);
    setConst32(dst, -1);
  }
}

/**
 * What is to be added to a linked number, if the instruction adds or subtracts a constant (that fits 32 bits, signed)
 * and so leaves it linked; undefined if not. Called before the operation.
 */
function linkedDifference(env: Env, insn: Insn, op: number, dst: RegPtr, src: RegPtr): number | undefined {
  if (!env.bpfCapable || regId(dst) === 0 || (op !== ALU.ADD && op !== ALU.SUB)) return undefined;
  if ((insn.code & SRC.X) !== 0 && insn.src === insn.dst) return undefined;
  const lo = varValueLo(src);
  if ((insn.code & 7) === CLASS.ALU64) {
    if (!isConst(src) || varValueHi(src) !== lo >> 31) return undefined;
  } else if (varMaskLo(src) !== 0 || umax(dst) > 0xffffffff) {
    return undefined;
  }
  if (op === ALU.ADD) return lo;
  return lo === -0x80000000 ? undefined : -lo;
}
