// The verifier's arithmetic: pure functions over the records of state/layout.ts, in the verifier's private memory.

import { Frame, Reference, Reg, Slot, State, joinHalves } from "./record.as";
import { constant, constant32, unbound32, unboundWide } from "./range.as";
import { knownValue } from "./alu.as";

export { addOffset, aluScalar, configure, constFitsOffset, markNotInit, markUnknown, subOffset } from "./alu.as";
export { branchTaken, refine, updateLinked } from "./branch.as";
export { liveMasksAddress, rangeWithin, sameFacts, statesEqual, tnumIn } from "./compare.as";
export {
  boundsBroken,
  coerceSubregToSizeSigned,
  coerceToSize,
  coerceToSizeSigned,
  syncBounds,
  zeroExtend32,
} from "./range.as";

export function setKnown(r: Reg, lo: u32, hi: u32): void {
  knownValue(r, joinHalves(lo, hi));
}

export function setConst(r: Reg, lo: u32, hi: u32): void {
  constant(r, joinHalves(lo, hi));
}

export function setConst32(r: Reg, value: u32): void {
  constant32(r, value);
}

export function setUnbounded(r: Reg): void {
  unboundWide(r);
  unbound32(r);
}

export function setSignedRange(r: Reg, min: i32, max: i32): void {
  r.smin = min as i64;
  r.smax = max as i64;
  r.s32min = min;
  r.s32max = max;
}

/** Sizes of the records, and offsets of fields near their ends: layout.test.ts compares them with state/layout.ts. */
export function layoutProbe(which: i32): usize {
  if (which == 0) return offsetof<Reg>();
  if (which == 1) return offsetof<Reg>("value");
  if (which == 2) return offsetof<Reg>("umin");
  if (which == 3) return offsetof<Reg>("u32max");
  if (which == 4) return offsetof<Reg>("id");
  if (which == 5) return offsetof<Reg>("precise");
  if (which == 6) return offsetof<Frame>();
  if (which == 7) return offsetof<Frame>("slots");
  if (which == 8) return offsetof<State>();
  if (which == 9) return offsetof<State>("curframe");
  if (which == 10) return offsetof<State>("activeIrqId");
  if (which == 11) return offsetof<State>("refCount");
  if (which == 12) return offsetof<Reference>();
  if (which == 13) return offsetof<Slot>() + offsetof<Reg>();
  if (which == 14) return offsetof<Frame>("callbackDepth");
  return offsetof<Reference>("ptr");
}
