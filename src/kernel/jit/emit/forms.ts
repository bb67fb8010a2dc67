import type { Insn } from "../../../isa/insn.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, SIZE, SRC } from "../../../isa/opcode.ts";
import type { Cfg } from "../cfg/graph.ts";
import type { CfgOrder } from "../cfg/order.ts";

/**
 * Which registers are kept as i32, bit n for Rn: those whose upper half is known to be zero. All others are i64. So
 * chains of 32-bit arithmetic, narrow loads and pointers need no conversions.
 */
export type Forms = number;

/** Helpers whose result is an address in linear memory or 0: map_lookup_elem, map_lookup_percpu_elem. */
const POINTER_HELPERS: ReadonlySet<number> = new Set([1, 195]);

/** The forms after an instruction. Forms of registers that nobody reads any more have no meaning. */
export function formsAfter(insn: Insn, next: Insn | undefined, forms: Forms): Forms {
  const bit = (r: number): number => (forms >> r) & 1;
  const set = (r: number, narrow: boolean | number): Forms => (narrow ? forms | (1 << r) : forms & ~(1 << r));
  const { code, dst, src } = insn;
  switch (code & 0x07) {
    case CLASS.ALU:
      return set(dst, (code & 0xf0) !== ALU.END || insn.imm !== 64);
    case CLASS.ALU64:
      return set(dst, narrow64(insn, bit(dst) === 1, bit(src) === 1));
    case CLASS.LD:
      if ((code & 0xe0) !== MODE.IMM) return set(0, true);
      return set(dst, next?.imm === 0);
    case CLASS.LDX:
      return set(dst, (code & 0xe0) === MODE.MEM && (code & 0x18) !== SIZE.DW);
    case CLASS.STX: {
      if ((code & 0xe0) !== MODE.ATOMIC) return forms;
      const narrow = (code & 0x18) !== SIZE.DW;
      if (insn.imm === ATOMIC.LOAD_ACQ) return set(dst, narrow);
      if (insn.imm === ATOMIC.STORE_REL) return forms;
      if (insn.imm === ATOMIC.CMPXCHG) return set(0, narrow);
      return (insn.imm & ATOMIC.FETCH) !== 0 ? set(src, narrow) : forms;
    }
    case CLASS.JMP:
      if (code !== (CLASS.JMP | JMP.CALL)) return forms;
      return set(0, insn.src === CALL.HELPER && POINTER_HELPERS.has(insn.imm));
    default:
      return forms;
  }
}

/** Whether a 64-bit operation's result surely fits in 32 bits, given whether its operands do. */
function narrow64(insn: Insn, dst: boolean, srcReg: boolean): boolean {
  const isReg = (insn.code & SRC.X) !== 0;
  const src = isReg ? srcReg : insn.imm >= 0;
  switch (insn.code & 0xf0) {
    case ALU.MOV:
      return insn.off === 0 && src;
    case ALU.AND:
      return dst || src;
    case ALU.OR:
    case ALU.XOR:
      return dst && src;
    case ALU.DIV:
    case ALU.MOD:
      return insn.off === 0 && dst && src;
    case ALU.RSH:
      return dst || (!isReg && (insn.imm & 63) >= 32);
    case ALU.END:
      return insn.imm !== 64;
    default:
      return false;
  }
}

/** The forms at the start of each node, by node number: narrow where every way there leaves it narrow. */
export function computeForms(cfg: Cfg, order: CfgOrder, insns: readonly Insn[], atEntry: Forms): Int32Array {
  const start = new Int32Array(cfg.nodes.length).fill(-1);
  start[cfg.entry] = atEntry;
  for (let changed = true; changed; ) {
    changed = false;
    for (const n of order.rpo) {
      const node = cfg.nodes[n];
      if (node === undefined) continue;
      let forms = start[n] as number;
      if (node.kind === "code") {
        for (let at = node.start; at < node.end; at++) {
          const insn = insns[at] as Insn;
          forms = formsAfter(insn, insns[at + 1], forms);
          if (insn.code === 0x18) at++;
        }
      }
      for (const s of node.succs) {
        const met = (start[s] as number) & forms;
        if (met !== start[s]) {
          start[s] = met;
          changed = true;
        }
      }
    }
  }
  return start;
}
