import type { Dataplane } from "../dataplane/dataplane.ts";
import type { Executable } from "../prog/program.ts";

const SLOTS = new WeakMap<Dataplane, number>();

/**
 * Puts a program's entry where the data plane's loops can call it, and gives its index in the table. One slot of the
 * table is kept for this, so the index holds until the next call.
 */
export function entrySlot(dataplane: Dataplane, entry: Executable["entry"]): number {
  let slot = SLOTS.get(dataplane);
  if (slot === undefined) {
    slot = dataplane.table.grow(1);
    SLOTS.set(dataplane, slot);
  }
  dataplane.table.set(slot, entry);
  return slot;
}
