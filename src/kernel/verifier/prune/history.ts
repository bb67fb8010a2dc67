import type { StatePtr } from "../state/layout.ts";
import { histCount, histTail, setHistCount, setHistTail } from "../state/view.ts";

/** Flag of a history entry: the destination register of a comparison is a stack pointer. */
export const HIST_DST_STACK = 1 << 10;
/** Flag of a history entry: the source register of a comparison is a stack pointer. */
export const HIST_SRC_STACK = 1 << 11;
const HIST_STACK_ACCESS = 1 << 9;

/** The flags of an instruction that loads from or stores to one known stack slot. */
export function histStackAccess(frame: number, spi: number): number {
  return HIST_STACK_ACCESS | frame | (spi << 3);
}

/** True if the entry is of a load or store of a known stack slot. */
export function isStackAccess(flags: number): boolean {
  return (flags & HIST_STACK_ACCESS) !== 0;
}

/** The frame of a stack access. */
export function accessFrame(flags: number): number {
  return flags & 7;
}

/** The slot of a stack access. */
export function accessSlot(flags: number): number {
  return (flags >> 3) & 63;
}

/** A register or stack slot that shares its number with others: a comparison narrows all of them. */
export interface LinkedReg {
  readonly frame: number;
  readonly isReg: boolean;
  /** The register's or the slot's number. */
  readonly index: number;
}

/** One instruction on a path that backtracking could not find by stepping back, or of which it must know more. */
export interface HistoryEntry {
  readonly insnIdx: number;
  /** The instruction before it on the path. */
  readonly prevInsnIdx: number;
  flags: number;
  linked: readonly LinkedReg[];
  /** The entry before it on the path: paths that part share what came before. */
  readonly before: number;
}

/** All entries of a verification; a state names its newest one and how many are its own. Entry 0 is none. */
export interface History {
  readonly entries: HistoryEntry[];
  /** The entry of the running instruction, 0 if there is none yet; and the count of instructions it belongs to. */
  current: number;
  currentInsn: number;
}

/** Makes a history without entries. */
export function createHistory(): History {
  const none: HistoryEntry = { insnIdx: -1, prevInsnIdx: -1, flags: 0, linked: [], before: 0 };
  return { entries: [none], current: 0, currentInsn: -1 };
}

/** What `pushJumpHistory` reads of Env. */
interface HistoryEnv {
  readonly prune: { readonly history: History };
  readonly insnIdx: number;
  readonly prevInsnIdx: number;
  readonly insnProcessed: number;
}

/**
 * Adds the running instruction to the state's history, or adds the flags and linked registers to the entry that it has
 * already. Linux: push_jmp_history (linked registers replace earlier ones).
 */
export function pushJumpHistory(
  env: HistoryEnv,
  state: StatePtr,
  flags: number,
  linked: readonly LinkedReg[],
): void {
  const history = env.prune.history;
  const current = history.entries[history.current];
  if (history.current !== 0 && history.currentInsn === env.insnProcessed && current !== undefined) {
    current.flags |= flags;
    current.linked = linked;
    return;
  }
  history.entries.push({
    insnIdx: env.insnIdx,
    prevInsnIdx: env.prevInsnIdx,
    flags,
    linked,
    before: histTail(state),
  });
  history.current = history.entries.length - 1;
  history.currentInsn = env.insnProcessed;
  setHistTail(state, history.current);
  setHistCount(state, histCount(state) + 1);
}

/** Walks a state's own entries from the newest back. */
export interface HistoryCursor {
  entry: number;
  count: number;
}

/** The entry under the cursor if it is of this instruction. Linux: get_jmp_hist_entry. */
export function entryFor(history: History, cursor: HistoryCursor, insnIdx: number): HistoryEntry | undefined {
  if (cursor.count === 0) return undefined;
  const entry = history.entries[cursor.entry];
  return entry?.insnIdx === insnIdx ? entry : undefined;
}

/** The instruction before `insnIdx` on the state's path, -1 if it is the state's first. Moves the cursor back. */
export function previousInsn(
  history: History,
  cursor: HistoryCursor,
  insnIdx: number,
  firstInsnIdx: number,
): number {
  const entry = history.entries[cursor.entry];
  if (insnIdx === firstInsnIdx) {
    if (cursor.count === 0) return -1;
    if (cursor.count === 1 && entry?.insnIdx === insnIdx) return -1;
  }
  if (cursor.count > 0 && entry !== undefined && entry.insnIdx === insnIdx) {
    cursor.entry = entry.before;
    cursor.count--;
    return entry.prevInsnIdx;
  }
  return insnIdx - 1;
}
