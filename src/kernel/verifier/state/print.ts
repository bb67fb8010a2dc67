import type { FramePtr, RegPtr, StatePtr } from "./layout.ts";

/** What printing needs to know besides the state. */
export interface PrintNames {
  /** A map by its handle (`regMap`). */
  map(handle: number): { readonly name: string; readonly keySize: number; readonly valueSize: number };
  /** The name of a BTF type (`btfHandle`, `btfId`). */
  btfType(handle: number, id: number): string;
}

/** Which registers and slots changed since the last print: bit n for Rn, bit i for slot i. */
export interface Scratched {
  regs: number;
  /** Slots 0 to 31 and 32 to 63. */
  slotsLo: number;
  slotsHi: number;
}

export declare function printState(
  st: StatePtr,
  f: FramePtr,
  names: PrintNames,
  only: Scratched | undefined,
): string;
export declare function printReg(r: RegPtr, names: PrintNames): string;
