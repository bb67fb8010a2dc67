import { disasmInsn } from "../../../isa/disasm.ts";
import type { Insn } from "../../../isa/insn.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, SIZE, SRC } from "../../../isa/opcode.ts";
import { slotsOf, successors } from "./successors.ts";

/** R0 to R5: what a call destroys. */
const CALLER_SAVED = 0x3f;
const ALL = 0xffff;

/** The argument registers that a call reads, one bit each. */
export type CallArgs = (insn: Insn) => number;

/** The registers that an instruction reads and those that it overwrites. */
function usesAndDefs(insn: Insn, callArgs: CallArgs): { use: number; def: number } {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const op = insn.code & 0xf0;
  const x = (insn.code & 0x08) === SRC.X;
  switch (insn.code & 0x07) {
    case CLASS.LD:
      // Loads from the packet end as calls do: everything may be read.
      return (insn.code & 0xe0) === MODE.IMM ? { use: 0, def: dst } : { use: ALL, def: 0 };
    case CLASS.LDX:
      return { use: src, def: dst };
    case CLASS.ST:
      return { use: dst, def: 0 };
    case CLASS.STX:
      return (insn.code & 0xe0) === MODE.ATOMIC ? atomic(insn, dst, src) : { use: dst | src, def: 0 };
    case CLASS.ALU:
    case CLASS.ALU64:
      if (op === ALU.END || op === ALU.NEG) return { use: dst, def: dst };
      if (op === ALU.MOV) return { use: x ? src : 0, def: dst };
      return { use: x ? dst | src : dst, def: dst };
    default:
      if (op === JMP.JA || op === JMP.JCOND) return { use: 0, def: 0 };
      if (op === JMP.EXIT) return { use: 1, def: 0 };
      if (op === JMP.CALL) return { use: callArgs(insn), def: CALLER_SAVED };
      return { use: x ? dst | src : dst, def: 0 };
  }
}

function atomic(insn: Insn, dst: number, src: number): { use: number; def: number } {
  if (insn.imm === ATOMIC.LOAD_ACQ) return { use: src, def: dst };
  if (insn.imm === ATOMIC.STORE_REL) return { use: dst | src, def: 0 };
  if (insn.imm === ATOMIC.CMPXCHG) return { use: dst | src | 1, def: 1 };
  return { use: dst | src, def: (insn.imm & ATOMIC.FETCH) !== 0 ? src : 0 };
}

/** For each instruction the registers R0 to R9 whose value before it may still be read, one bit each. */
export function liveRegs(insns: readonly Insn[], order: readonly number[], callArgs: CallArgs): Uint16Array {
  const live = new Uint16Array(insns.length);
  const facts = insns.map((insn) => usesAndDefs(insn, callArgs));
  const next: [number, number] = [-1, -1];
  let changed = true;
  while (changed) {
    changed = false;
    for (const i of order) {
      successors(insns, i, next);
      let out = 0;
      for (const s of next) if (s >= 0) out |= live[s] as number;
      const fact = facts[i] as { use: number; def: number };
      const before = ((out & ~fact.def) | fact.use) & 0x3ff;
      if (before !== live[i]) {
        live[i] = before;
        changed = true;
      }
    }
  }
  return live;
}

/** The text of the log's table, at level 2: component, instruction, live registers. */
export function liveRegsText(
  insns: readonly Insn[],
  live: ArrayLike<number>,
  scc: ArrayLike<number>,
  disasm: (i: number) => string = (i) => disasmInsn(insns, i),
): string {
  const lines = ["Live regs before insn:"];
  for (let i = 0; i < insns.length; i += slotsOf(insns[i] as Insn)) {
    const component = scc[i] === 0 ? "    " : `${String(scc[i]).padStart(3)} `;
    let regs = "";
    for (let r = 0; r < 10; r++) regs += (((live[i] as number) >> r) & 1) === 1 ? r : ".";
    lines.push(`${component}${String(i).padStart(3)}: ${regs} ${disasm(i)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The arguments of a call to a subprogram or of one that nothing is known of: R1 to R5. */
export const ALL_ARGS = 0x3e;

/** The registers of the first `count` arguments. */
export function argRegs(count: number): number {
  return ((1 << count) - 1) << 1;
}

/** True for a call of a helper by number. */
export function isHelperCall(insn: Insn): boolean {
  return insn.code === (CLASS.JMP | JMP.CALL) && insn.src === CALL.HELPER;
}

/** True for the first slot of a 64-bit immediate load of what a map descriptor names. */
export const LD_IMM64 = CLASS.LD | MODE.IMM | SIZE.DW;
