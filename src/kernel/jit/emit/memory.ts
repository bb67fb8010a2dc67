import type { Insn } from "../../../isa/insn.ts";
import { CLASS, MODE, SIZE } from "../../../isa/opcode.ts";
import { FRAME_SIZE } from "../../mem/layout.ts";
import type { InsnFacts } from "../../prog/program.ts";
import type { OpName } from "../wasm/opcode.ts";
import { type FunctionContext, refuse } from "./context.ts";

const LOAD: Readonly<Record<number, OpName>> = {
  [SIZE.B]: "i32_load8_u",
  [SIZE.H]: "i32_load16_u",
  [SIZE.W]: "i32_load",
  [SIZE.DW]: "i64_load",
};
const LOAD_SIGNED: Readonly<Record<number, OpName>> = {
  [SIZE.B]: "i64_load8_s",
  [SIZE.H]: "i64_load16_s",
  [SIZE.W]: "i64_load32_s",
};
const STORE: Readonly<Record<number, OpName>> = {
  [SIZE.B]: "i32_store8",
  [SIZE.H]: "i32_store16",
  [SIZE.W]: "i32_store",
  [SIZE.DW]: "i64_store",
};

/** Where in the running frame an access goes, if it goes there on every path (elsewhere it may be another's memory). */
export function knownStackOffset(fact: InsnFacts | undefined): number | undefined {
  return fact?.access === "stack" ? fact.stackOffset : undefined;
}

/** Pushes the base of an access at `reg` + `off`; returns the offset to put into the instruction. */
export function pushAddress(f: FunctionContext, reg: number, off: number, at: number): number {
  const stackOffset = reg === 10 ? off : knownStackOffset(f.program.facts[at]);
  if (stackOffset !== undefined && stackOffset >= -FRAME_SIZE && stackOffset < 0) {
    f.pushFrame();
    return FRAME_SIZE + stackOffset;
  }
  f.regs.get32(reg);
  if (off >= 0) return off;
  f.code.i32(off);
  f.code.op("i32_add");
  return 0;
}

/** Writes a load (MEM or MEMSX). */
export function emitLoad(f: FunctionContext, insn: Insn, at: number): void {
  const { code, regs } = f;
  const size = insn.code & 0x18;
  const mode = insn.code & 0xe0;
  const wide = size === SIZE.DW;
  const slot = f.slots.get(at);
  if (slot !== undefined) {
    code.get(slot.local);
    regs.put(insn.dst, slot.size === 8 ? "i64" : "i32", !wide);
    return;
  }
  const name = mode === MODE.MEM ? LOAD[size] : mode === MODE.MEMSX ? LOAD_SIGNED[size] : undefined;
  if (name === undefined) refuse(f, at, `unknown load opcode 0x${insn.code.toString(16)}`);
  const offset = pushAddress(f, insn.src, insn.off, at);
  code.memory(name, offset);
  const signed = mode === MODE.MEMSX;
  regs.put(insn.dst, wide || signed ? "i64" : "i32", !wide && !signed);
}

/** Writes a store of a register or an immediate. */
export function emitStore(f: FunctionContext, insn: Insn, at: number): void {
  const { code, regs } = f;
  const size = insn.code & 0x18;
  const wide = size === SIZE.DW;
  const pushValue = (): void => {
    if ((insn.code & 0x07) === CLASS.STX) {
      if (wide) regs.get64(insn.src);
      else regs.get32(insn.src);
    } else if (wide) code.i64(insn.imm);
    else code.i32(insn.imm);
  };
  const slot = f.slots.get(at);
  if (slot !== undefined) {
    pushValue();
    if (slot.size < 4) {
      code.i32(slot.size === 1 ? 0xff : 0xffff);
      code.op("i32_and");
    }
    code.set(slot.local);
    return;
  }
  const name = (insn.code & 0xe0) === MODE.MEM ? STORE[size] : undefined;
  if (name === undefined) refuse(f, at, `unknown store opcode 0x${insn.code.toString(16)}`);
  const offset = pushAddress(f, insn.dst, insn.off, at);
  pushValue();
  code.memory(name, offset);
}
