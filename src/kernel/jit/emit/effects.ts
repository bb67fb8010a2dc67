import type { Insn } from "../../../isa/insn.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, SRC } from "../../../isa/opcode.ts";

/** What an instruction does to R0 to R10: bit n for Rn. */
export interface Effects {
  /** Registers that it reads. */
  readonly uses: number;
  /** Registers whose former value is gone after it. */
  readonly kills: number;
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
      if (op === ALU.MOV) return { uses: operand, kills: dst };
      if (op === ALU.NEG || op === ALU.END) return { uses: dst, kills: dst };
      return { uses: dst | operand, kills: dst };
    case CLASS.LD:
      if ((insn.code & 0xe0) === MODE.IMM) return { uses: 0, kills: dst };
      return { uses: (1 << 6) | ((insn.code & 0xe0) === MODE.IND ? src : 0), kills: CALLER_SAVED };
    case CLASS.LDX:
      return { uses: src, kills: dst };
    case CLASS.ST:
      return { uses: dst, kills: 0 };
    case CLASS.STX:
      return (insn.code & 0xe0) === MODE.ATOMIC ? atomicEffects(insn) : { uses: dst | src, kills: 0 };
    default:
      return jumpEffects(insn, at, calls, dst | operand);
  }
}

function atomicEffects(insn: Insn): Effects {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  if (insn.imm === ATOMIC.LOAD_ACQ) return { uses: src, kills: dst };
  if (insn.imm === ATOMIC.CMPXCHG) return { uses: dst | src | 1, kills: 1 };
  const fetches = (insn.imm & ATOMIC.FETCH) !== 0 && insn.imm !== ATOMIC.STORE_REL;
  return { uses: dst | src, kills: fetches ? src : 0 };
}

function jumpEffects(insn: Insn, at: number, calls: CallInfo, operands: number): Effects {
  switch (insn.code & 0xf0) {
    case JMP.JA:
    case JMP.JCOND:
      return { uses: 0, kills: 0 };
    case JMP.EXIT:
      return { uses: 1, kills: 0 };
    case JMP.CALL: {
      if (insn.src === CALL.LOCAL) return { uses: calls.calleeParams(at, insn), kills: CALLER_SAVED };
      const args = calls.helperArgs(insn.imm);
      return { uses: (1 << (args + 1)) - 2, kills: CALLER_SAVED };
    }
    default:
      return { uses: operands, kills: 0 };
  }
}
