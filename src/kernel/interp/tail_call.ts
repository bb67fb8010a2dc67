import { CPU, CPU_SIZE, MAX_ENTRY_FRAME, MAX_TAIL_CALLS } from "../mem/layout.ts";
import { leaveFrame } from "./call.ts";
import type { Machine, Op } from "./machine.ts";

/**
 * The fields of a `struct bpf_map` that a tail call reads, by offset: `MAP` of `kernel/maps/layout.ts`, which a test
 * compares with these (executors don't import the maps room).
 */
export const PROG_ARRAY = { maxEntries: 12, data: 20 } as const;

/**
 * `bpf_tail_call(R1 ctx, R2 program array, R3 index)`: runs the program of that slot in place of the running frame.
 * It falls through if the index (32 bits) is out of range, 33 tail calls were made, or the slot is empty; only a call
 * that is made counts (asked of Linux 6.18).
 */
export const tailCall: Op = (m) => {
  const { view, cpu } = m;
  const map = (m.r[4] as number) >>> 0;
  const index = (m.r[6] as number) >>> 0;
  if (index >= view.getUint32(map + PROG_ARRAY.maxEntries, true)) return;
  const made = view.getUint32(cpu + CPU.tailCalls, true);
  if (made >= MAX_TAIL_CALLS) return;
  const slot = view.getUint32(view.getUint32(map + PROG_ARRAY.data, true) + 4 * index, true);
  if (slot === 0) return;
  const entry = m.env.table.get(slot) as ((ctx: bigint, cpu: number) => bigint) | null;
  if (entry === null) return;
  // Linux bounds what callers may leave above the next program, so only what no verified program does ends here.
  if (cpu + CPU_SIZE - (m.r[20] as number) > MAX_ENTRY_FRAME) return;
  view.setUint32(cpu + CPU.tailCalls, made + 1, true);
  m.s64[0] = enter(m, entry);
  leaveFrame(m);
};

/** Runs the other program with its frame where the running one is. */
function enter(m: Machine, entry: (ctx: bigint, cpu: number) => bigint): bigint {
  const field = m.cpu + CPU.entryFrame;
  const before = m.view.getUint32(field, true);
  m.view.setUint32(field, m.cpu + CPU_SIZE - (m.r[20] as number), true);
  try {
    return entry(m.s64[1] as bigint, m.cpu);
  } finally {
    m.view = m.mem.view;
    m.view.setUint32(field, before, true);
  }
}
