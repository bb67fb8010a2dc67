import type { LinkedReg } from "../prune/history.ts";
import { frameInsnIdx } from "../prune/scc.ts";
import { ADD_CONST, type RegPtr, type StatePtr } from "../state/layout.ts";
import {
  allocatedStack,
  curframe,
  frameAt,
  frameReg,
  isScalar,
  isSpilled,
  regId,
  setRegId,
  slotAt,
  slotReg,
} from "../state/view.ts";
import { updateLinked } from "../value/value.ts";
import type { Env } from "./env.ts";

/** Linked registers that one comparison can narrow; further ones lose their link. */
const MAX_LINKED = 6;

/**
 * Adds to `found` every number of the state that has this id, whatever constant was added to it. Registers that are
 * not read any more are left out.
 */
export function collectLinked(env: Env, state: StatePtr, id: number, found: LinkedReg[]): void {
  const base = id & ~ADD_CONST;
  const add = (r: RegPtr, frame: number, isReg: boolean, index: number): void => {
    if (!isScalar(r) || (regId(r) & ~ADD_CONST) !== base) return;
    if (found.length < MAX_LINKED) found.push({ frame, isReg, index });
    else setRegId(r, 0);
  };
  for (let n = curframe(state); n >= 0; n--) {
    const f = frameAt(state, n);
    const live = env.aux[frameInsnIdx(state, n)]?.liveRegsBefore ?? -1;
    for (let i = 0; i < 10; i++) if (((live >>> i) & 1) !== 0) add(frameReg(f, i), n, true, i);
    const slots = allocatedStack(f) >> 3;
    for (let i = 0; i < slots; i++) {
      const slot = slotAt(f, i);
      if (isSpilled(slot)) add(slotReg(slot), n, false, i);
    }
  }
}

/** Carries what was learned of `known` over to the collected numbers with the same base. */
export function syncLinked(state: StatePtr, known: RegPtr, linked: readonly LinkedReg[]): void {
  for (const l of linked) {
    const f = frameAt(state, l.frame);
    const r = l.isReg ? frameReg(f, l.index) : slotReg(slotAt(f, l.index));
    if (r === known || !isScalar(r)) continue;
    if ((regId(r) & ~ADD_CONST) !== (regId(known) & ~ADD_CONST)) continue;
    updateLinked(r, known);
  }
}
