import type { Insn } from "../../../isa/insn.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, SRC } from "../../../isa/opcode.ts";

/**
 * What an instruction does to R0 to R10, one bit each: the registers that it reads in the lower 16 bits (`usesOf`),
 * those whose former value is gone after it in the upper ones (`killsOf`). A number, as there are millions of them.
 */
export type Effects = number;

/** The registers that an instruction reads. */
export function usesOf(effects: Effects): number {
  return effects & 0xffff;
}

/** The registers whose former value is gone after it. */
export function killsOf(effects: Effects): number {
  return effects >>> 16;
}

function pack(uses: number, kills: number): Effects {
  return uses | (kills << 16);
}

/** Tells how many registers a call reads. */
export interface CallInfo {
  /** The number of arguments of a helper. */
  helperArgs(id: number): number;
  /** The registers that the subprogram called at an instruction reads, as a mask. */
  calleeParams(at: number, insn: Insn): number;
}

/** R0 to R5: what a call leaves undefined. */
export const CALLER_SAVED = 0x3f;

/** Reads and kills of the instruction at `at`. */
export function effectsOf(insn: Insn, at: number, calls: CallInfo): Effects {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const op = insn.code & 0xf0;
  const operand = (insn.code & SRC.X) !== 0 ? src : 0;
  switch (insn.code & 0x07) {
    case CLASS.ALU:
    case CLASS.ALU64:
      if (op === ALU.MOV) return pack(operand, dst);
      if (op === ALU.NEG || op === ALU.END) return pack(dst, dst);
      return pack(dst | operand, dst);
    case CLASS.LD:
      if ((insn.code & 0xe0) === MODE.IMM) return pack(0, dst);
      return pack((1 << 6) | ((insn.code & 0xe0) === MODE.IND ? src : 0), CALLER_SAVED);
    case CLASS.LDX:
      return pack(src, dst);
    case CLASS.ST:
      return pack(dst, 0);
    case CLASS.STX:
      return (insn.code & 0xe0) === MODE.ATOMIC ? atomicEffects(insn) : pack(dst | src, 0);
    default:
      return jumpEffects(insn, at, calls, dst | operand);
  }
}

function atomicEffects(insn: Insn): Effects {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  if (insn.imm === ATOMIC.LOAD_ACQ) return pack(src, dst);
  if (insn.imm === ATOMIC.CMPXCHG) return pack(dst | src | 1, 1);
  const fetches = (insn.imm & ATOMIC.FETCH) !== 0 && insn.imm !== ATOMIC.STORE_REL;
  return pack(dst | src, fetches ? src : 0);
}

function jumpEffects(insn: Insn, at: number, calls: CallInfo, operands: number): Effects {
  switch (insn.code & 0xf0) {
    case JMP.JA:
    case JMP.JCOND:
      return pack(0, 0);
    case JMP.EXIT:
      return pack(1, 0);
    case JMP.CALL: {
      if (insn.src === CALL.LOCAL) return pack(calls.calleeParams(at, insn), CALLER_SAVED);
      const args = calls.helperArgs(insn.imm);
      return pack((1 << (args + 1)) - 2, CALLER_SAVED);
    }
    default:
      return pack(operands, 0);
  }
}
