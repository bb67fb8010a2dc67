import { memory } from "../state/arena.ts";
import type { RegPtr, StatePtr } from "../state/layout.ts";
import { WASM_BASE64 } from "./value.wasm.ts";

/** What value.as.ts exports: pure functions over register records. 64-bit immediates cross as two halves. */
export interface ValueUnit {
  configure(bpfCapable: number): void;
  markNotInit(r: RegPtr): void;
  markUnknown(r: RegPtr): void;
  setKnown(r: RegPtr, lo: number, hi: number): void;
  setConst(r: RegPtr, lo: number, hi: number): void;
  setConst32(r: RegPtr, value: number): void;
  setUnbounded(r: RegPtr): void;
  setSignedRange(r: RegPtr, min: number, max: number): void;
  syncBounds(r: RegPtr): void;
  boundsBroken(r: RegPtr): number;
  zeroExtend32(r: RegPtr): void;
  coerceToSize(r: RegPtr, size: number): void;
  coerceToSizeSigned(r: RegPtr, size: number): void;
  coerceSubregToSizeSigned(r: RegPtr, size: number): void;
  aluScalar(code: number, off: number, imm: number, dst: RegPtr, src: RegPtr): void;
  addOffset(dst: RegPtr, ptr: RegPtr, scalar: RegPtr): void;
  subOffset(dst: RegPtr, ptr: RegPtr, scalar: RegPtr): void;
  constFitsOffset(ptr: RegPtr, scalar: RegPtr, subtract: number): number;
  branchTaken(a: RegPtr, b: RegPtr, op: number, is32: number): number;
  refine(a: RegPtr, b: RegPtr, op: number, taken: number, is32: number): void;
  updateLinked(r: RegPtr, known: RegPtr): void;
  rangeWithin(old: RegPtr, cur: RegPtr): number;
  tnumIn(old: RegPtr, cur: RegPtr): number;
  sameFacts(a: RegPtr, b: RegPtr): number;
  liveMasksAddress(): number;
  statesEqual(old: StatePtr, cur: StatePtr, level: number, idGen: number, flags: number): number;
  layoutProbe(which: number): number;
}

let unit: ValueUnit | undefined;

function decode(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(WASM_BASE64), (c) => c.charCodeAt(0));
}

const imports = {
  env: {
    memory,
    abort: () => {
      throw new Error("anybpf bug: abort in the verifier's arithmetic");
    },
  },
};

/** Compiles the unit without blocking; for browsers, where large modules may not be compiled synchronously. */
export async function loadValueUnit(): Promise<void> {
  if (unit !== undefined) return;
  const { instance } = await WebAssembly.instantiate(decode(), imports);
  unit = instance.exports as unknown as ValueUnit;
}

/** The unit; compiles it on first use if `loadValueUnit` has not. */
export function valueUnit(): ValueUnit {
  unit ??= new WebAssembly.Instance(new WebAssembly.Module(decode()), imports)
    .exports as unknown as ValueUnit;
  return unit;
}
