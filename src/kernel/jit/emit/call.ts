import type { Insn } from "../../../isa/insn.ts";
import { CALL, MODE, sizeBytes } from "../../../isa/opcode.ts";
import { CPU, CPU_SIZE } from "../../mem/layout.ts";
import { EACH_CURSOR_BYTES } from "../../prog/program.ts";
import { type FunctionContext, refuse } from "./context.ts";
import { formsAfter } from "./forms.ts";
import { emitMapLookup } from "./map_lookup.ts";
import { emitTailCall } from "./tail_call.ts";

/** The helpers that become code of their own, and the number of arguments of each. */
export const INLINE_HELPER_ARGS: Readonly<Record<number, number>> = {
  /** get_smp_processor_id */ 8: 0,
  /** tail_call */ 12: 3,
  /** for_each_map_elem */ 164: 4,
  /** loop */ 181: 4,
};
/** Those of them that call a subprogram back. */
export const CALLING_BACK: ReadonlySet<number> = new Set([164, 181]);
const MAP_LOOKUP = 1;
/** BPF_MAX_LOOPS: bpf_loop refuses more rounds. */
const MAX_LOOPS = 8 * 1024 * 1024;

/** Writes a call of a helper or a subprogram. */
export function emitCall(f: FunctionContext, insn: Insn, at: number): void {
  if (insn.src === CALL.LOCAL) emitLocalCall(f, insn, at);
  else if (insn.src === CALL.HELPER) emitHelperCall(f, insn, at);
  else refuse(f, at, `call of kernel function #${insn.imm}: not supported`);
}

function emitHelperCall(f: FunctionContext, insn: Insn, at: number): void {
  const { code, regs } = f;
  switch (insn.imm) {
    case 8:
      code.get(f.cpu);
      code.memory("i32_load", CPU.id);
      regs.put(0, "i32", false);
      return;
    case 12:
      emitTailCall(f, at);
      return;
    case 164:
      emitForEachMapElem(f);
      return;
    case 181:
      emitLoop(f);
      return;
  }
  const narrow = ((formsAfter(insn, undefined, regs.forms) >> 0) & 1) === 1;
  if (insn.imm === MAP_LOOKUP) {
    const fact = f.program.facts[at];
    const map = fact?.callMap === undefined ? undefined : f.program.maps[fact.callMap];
    if (map !== undefined && emitMapLookup(f, map, fact)) {
      regs.put(0, "i32", narrow);
      return;
    }
  }
  const helper = f.program.helper(insn.imm, at);
  for (let r = 1; r <= helper.args; r++) regs.get64(r);
  code.call(helper.func);
  regs.put(0, "i64", narrow);
}

/** Calls a subprogram, whose frame lies right below this one. */
function emitLocalCall(f: FunctionContext, insn: Insn, at: number): void {
  const { code, regs } = f;
  const callee = f.program.callee(insn, at);
  if (f.inlineCall(callee)) return;
  for (let r = 1; r <= 5; r++) if (((callee.params >> r) & 1) !== 0) regs.get64(r);
  pushCalleeFrame(f);
  code.get(f.cpu);
  code.call(callee.func);
  regs.put(0, "i64", false);
  if (callee.mayTailCall && f.isEntry) restoreEntryFrame(f);
}

/** Pushes R10 of a function called from here. */
export function pushCalleeFrame(f: FunctionContext): void {
  const { code } = f;
  code.get(f.regs.framePointer);
  if (f.stackDepth > 0) {
    code.i32(f.stackDepth);
    code.op("i32_sub");
  }
}

/** A program entered by a subprogram's tail call found another place for its frame; this is ours again. */
function restoreEntryFrame(f: FunctionContext): void {
  const { code } = f;
  code.get(f.cpu);
  code.get(f.cpu);
  code.i32(CPU_SIZE);
  code.op("i32_add");
  code.get(f.regs.framePointer);
  code.op("i32_sub");
  code.memory("i32_store", CPU.entryFrame);
}

/**
 * bpf_loop(nr_loops: u32, callback, ctx, flags): calls back with (index, ctx) until that gives something but 0;
 * returns the rounds made, -EINVAL for flags, -E2BIG for too many rounds. Rounds are a loop right here.
 */
function emitLoop(f: FunctionContext): void {
  const { code, regs } = f;
  const { program } = f;
  const index = code.scratch("i64");
  const result = code.scratch("i64");
  code.i64(-22);
  code.set(result);
  const out = code.block();
  regs.get64(4);
  code.op("i64_eqz");
  code.op("i32_eqz");
  code.brIf(out);
  code.i64(-7);
  code.set(result);
  regs.get32(1);
  code.i32(MAX_LOOPS);
  code.op("i32_gt_u");
  code.brIf(out);
  code.i64(0);
  code.set(result);
  const again = code.loop();
  code.get(result);
  code.tee(index);
  regs.get32(1);
  code.op("i64_extend_i32_u");
  code.op("i64_ge_u");
  code.brIf(out);
  code.get(index);
  code.i64(1);
  code.op("i64_add");
  code.set(result);
  code.get(index);
  regs.get64(3);
  for (let r = 3; r <= 5; r++) code.i64(0);
  pushCalleeFrame(f);
  code.get(f.cpu);
  regs.get32(2);
  code.callIndirect(program.callbackType(), program.callbackTable());
  code.op("i64_eqz");
  code.brIf(again);
  code.end();
  code.end();
  if (f.isEntry && program.callbacksTailCall()) restoreEntryFrame(f);
  code.get(result);
  regs.put(0, "i64", false);
  code.release("i64", index);
  code.release("i64", result);
}

/**
 * bpf_for_each_map_elem(map, callback, ctx, flags): calls back with (map, key, value, ctx) for each element until that
 * gives something but 0; returns the elements given, or -EINVAL for flags. Between the frames lies the map's cursor.
 */
function emitForEachMapElem(f: FunctionContext): void {
  const { code, regs } = f;
  const { program } = f;
  const cursor = code.scratch("i32");
  const result = code.scratch("i64");
  code.i64(-22);
  code.set(result);
  const out = code.block();
  regs.get64(4);
  code.op("i64_eqz");
  code.op("i32_eqz");
  code.brIf(out);
  code.i64(0);
  code.set(result);
  code.get(regs.framePointer);
  code.i32(f.stackDepth + EACH_CURSOR_BYTES);
  code.op("i32_sub");
  code.set(cursor);
  for (let offset = 0; offset < EACH_CURSOR_BYTES; offset += 8) {
    code.get(cursor);
    code.i64(0);
    code.memory("i64_store", offset);
  }
  const again = code.loop();
  regs.get64(1);
  code.get(cursor);
  code.op("i64_extend_i32_u");
  code.call(program.mapEachNext());
  code.op("i64_eqz");
  code.brIf(out);
  code.get(result);
  code.i64(1);
  code.op("i64_add");
  code.set(result);
  regs.get64(1);
  for (const offset of [0, 4]) {
    code.get(cursor);
    code.memory("i32_load", offset);
    code.op("i64_extend_i32_u");
  }
  regs.get64(3);
  code.i64(0);
  code.get(cursor);
  code.get(f.cpu);
  regs.get32(2);
  code.callIndirect(program.callbackType(), program.callbackTable());
  code.op("i64_eqz");
  code.brIf(again);
  code.end();
  code.end();
  if (f.isEntry && program.callbacksTailCall()) restoreEntryFrame(f);
  code.get(result);
  regs.put(0, "i64", false);
  code.release("i32", cursor);
  code.release("i64", result);
}

/** LD_ABS and LD_IND: reads from the packet, or ends the function with 0 if that is too short. */
export function emitLdAbs(f: FunctionContext, insn: Insn, at: number): void {
  const { code, regs } = f;
  const mode = insn.code & 0xe0;
  if (mode !== MODE.ABS && mode !== MODE.IND)
    refuse(f, at, `unknown load opcode 0x${insn.code.toString(16)}`);
  const value = code.scratch("i64");
  regs.get64(6);
  code.i32(insn.imm);
  if (mode === MODE.IND) {
    regs.get32(insn.src);
    code.op("i32_add");
  }
  code.i32(sizeBytes(insn.code));
  code.call(f.program.ldAbs());
  code.tee(value);
  code.i64(0);
  code.op("i64_lt_s");
  code.if();
  code.i64(0);
  code.op("return");
  code.end();
  code.get(value);
  regs.put(0, "i64", true);
  code.release("i64", value);
}
