import type { StatePtr } from "../state/layout.ts";
import { callsite, curFrame, curframe, frameAt } from "../state/view.ts";
import { createHistory, type History } from "./history.ts";
import type { SccVisit } from "./scc.ts";
import { createTracked, type Tracked } from "./tracked.ts";

/** A saved state: paths that come by and are covered by it need not be walked again. */
export interface Explored {
  readonly state: StatePtr;
  missCount: number;
  hitCount: number;
  /** True once it was dropped from its list; it is freed when no path below it is left. */
  dropped: boolean;
}

/** What pruning keeps during one verification. */
export interface PruneState {
  readonly history: History;
  /** What the walk backwards that is under way tracks. */
  readonly tracked: Tracked;
  /**
   * Saved states, oldest first, by a hash of instruction and call site. Linux mixes instructions with the same hash
   * in one list too, and `max_states_per_insn` counts the list.
   */
  readonly lists: Map<number, Explored[]>;
  /** How many lists there may be: the instructions of the program. */
  readonly listCount: number;
  /** The saved state of a record that may be some state's parent. */
  readonly byState: Map<StatePtr, Explored>;
  /** States in `lists`, and dropped ones that are not free yet. */
  listed: number;
  waiting: number;
  /** Walks through loops, by the chain of calls that led to them (scc.ts). */
  readonly visits: Map<string, SccVisit>;
  /** Backedges of all loops that are being walked. */
  backedges: number;
}

/** Makes the record for a program of `insnCount` instructions. */
export function createPruneState(insnCount: number): PruneState {
  return {
    history: createHistory(),
    tracked: createTracked(0),
    lists: new Map(),
    listCount: Math.max(insnCount, 1),
    byState: new Map(),
    listed: 0,
    waiting: 0,
    visits: new Map(),
    backedges: 0,
  };
}

/** The list in which states at an instruction of the running frame are saved. Linux: explored_state. */
export function exploredAt(prune: PruneState, state: StatePtr, insnIdx: number): Explored[] {
  const hash = (insnIdx ^ callsite(curFrame(state))) >>> 0;
  const key = hash % prune.listCount;
  let list = prune.lists.get(key);
  if (list === undefined) {
    list = [];
    prune.lists.set(key, list);
  }
  return list;
}

/** True if two states were reached through the same calls. */
export function sameCallsites(a: StatePtr, b: StatePtr): boolean {
  if (curframe(a) !== curframe(b)) return false;
  for (let i = curframe(a); i >= 0; i--) {
    if (callsite(frameAt(a, i)) !== callsite(frameAt(b, i))) return false;
  }
  return true;
}
