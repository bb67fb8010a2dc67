import { type Writer } from "./writer.ts";
/** Comparison operators of jumps. */
export declare const COMPARES: readonly ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"];
/** A number's register that may be changed. */
export declare function destination(w: Writer): number;
/** Marks bytes of the stack as written or not; `at` is the distance below R10 of the first. */
export declare function markStack(w: Writer, at: number, size: number, written: 0 | 1): void;
/** An atomic operation on memory of a kind that allows it. */
export declare function atomic(w: Writer, base: number, off: number, size: 4 | 8): void;
