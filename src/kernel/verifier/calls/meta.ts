import type { RawMemory } from "../access/stack_range.ts";

/** What the arguments of a call told, for the checks after them. */
export interface CallMeta extends RawMemory {
  readonly func: number;
  readonly pktAccess: boolean;
  /** The handle of the map in the call, 0 for none. */
  map: number;
  /** The constant key of a lookup, -1 if it is not known. */
  constKey: number;
  /** The largest size in the call: bounds what some helpers return. */
  maxSize: number;
  /** The size of the memory that is returned. */
  memSize: number;
  /** The register whose reference is given up, 0 for none. */
  releaseRegno: number;
  refObjId: number;
  /** The callback, -1 for none. */
  subprog: number;
}

/** Makes the record of a call of which no argument was looked at. */
export function createCallMeta(func: number, pktAccess: boolean): CallMeta {
  return {
    func,
    pktAccess,
    map: 0,
    constKey: -1,
    maxSize: 0,
    memSize: 0,
    releaseRegno: 0,
    refObjId: 0,
    subprog: -1,
    rawMode: false,
    regno: 0,
    accessSize: 0,
  };
}
