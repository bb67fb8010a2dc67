import { MAP } from "../../maps/layout.ts";
import { CPU, CPU_SIZE, MAX_ENTRY_FRAME, MAX_TAIL_CALLS } from "../../mem/layout.ts";
import type { FunctionContext } from "./context.ts";

/**
 * Writes bpf_tail_call(ctx, program array, index): goes to the program in the array's slot and does not come back, or
 * falls through if the index is beyond the array, 33 such calls were made, or the slot is empty (asked of Linux 6.18:
 * neither of these counts as a call).
 *
 * In a subprogram it replaces that subprogram only, as on x86: what the other program returns is the subprogram's
 * result. So that program's frame has to lie where the subprogram's is (`CPU.entryFrame`).
 */
export function emitTailCall(f: FunctionContext, at: number): void {
  const { code, regs } = f;
  const fact = f.program.facts[at]?.callMap;
  const map = fact === undefined ? undefined : f.program.maps[fact];
  const constKey = f.program.facts[at]?.constKey;
  const entry = code.scratch("i32");
  const map32 = code.scratch("i32");
  const out = code.block();
  const constant = map?.header !== undefined;
  if (!constant) {
    regs.get32(2);
    code.set(map32);
  }
  // The index, against the size of the array.
  regs.get32(3);
  if (constant) code.i32(map.maxEntries);
  else {
    code.get(map32);
    code.memory("i32_load", MAP.maxEntries);
  }
  code.op("i32_ge_u");
  code.brIf(out);
  code.get(f.cpu);
  code.memory("i32_load", CPU.tailCalls);
  code.i32(MAX_TAIL_CALLS);
  code.op("i32_ge_u");
  code.brIf(out);
  // The slot.
  if (constant && constKey !== undefined) {
    code.i32(map.header.data + (constKey >>> 0) * 4);
  } else {
    regs.get32(3);
    code.i32(2);
    code.op("i32_shl");
    if (constant) code.i32(map.header.data);
    else {
      code.get(map32);
      code.memory("i32_load", MAP.data);
    }
    code.op("i32_add");
  }
  code.memory("i32_load", 0);
  code.tee(entry);
  code.op("i32_eqz");
  code.brIf(out);
  if (!f.isEntry) moveEntryFrame(f, out);
  code.get(f.cpu);
  code.get(f.cpu);
  code.memory("i32_load", CPU.tailCalls);
  code.i32(1);
  code.op("i32_add");
  code.memory("i32_store", CPU.tailCalls);
  regs.get64(1);
  code.get(f.cpu);
  code.get(entry);
  if (f.program.tailCalls) {
    code.returnCallIndirect(f.program.entryType, f.program.entryTable);
  } else {
    // Without tail calls in the engine: at most 33 calls deep.
    code.callIndirect(f.program.entryType, f.program.entryTable);
    code.op("return");
  }
  code.end();
  code.release("i32", entry);
  code.release("i32", map32);
}

/** Has the next program's frame begin where this subprogram's does; gives up if there is no stack left. */
function moveEntryFrame(f: FunctionContext, out: number): void {
  const { code } = f;
  const below = code.scratch("i32");
  code.get(f.cpu);
  code.i32(CPU_SIZE);
  code.op("i32_add");
  code.get(f.regs.framePointer);
  code.op("i32_sub");
  code.tee(below);
  code.i32(MAX_ENTRY_FRAME);
  code.op("i32_gt_u");
  code.brIf(out);
  code.get(f.cpu);
  code.get(below);
  code.memory("i32_store", CPU.entryFrame);
  code.release("i32", below);
}
