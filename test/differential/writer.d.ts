import type { MapSpecJson } from "../../src/tools/check/test_format.ts";
import type { Random } from "./random.ts";
/** The program types that are generated. */
export type ProgType = "socket_filter" | "sched_cls" | "sched_act" | "xdp";
/** A map of the program, and what the statements need of it. */
export interface GeneratedMap {
    readonly spec: MapSpecJson;
    readonly kind: "hash" | "array" | "prog_array" | "lpm";
    readonly keySize: number;
    readonly valueSize: number;
    readonly maxEntries: number;
}
/** A subprogram: `args` numbers in R1 and up, R1 being the context instead where `context` says so. */
export interface Callable {
    readonly name: string;
    readonly args: number;
    readonly context: boolean;
}
/**
 * A program being written, as text of the verifier log's syntax with labels, and what is known at this place: which
 * registers hold numbers, which bytes of the stack are written. A map is loaded as `map[fd:INDEX]`.
 */
export interface Writer {
    readonly random: Random;
    readonly type: ProgType;
    readonly maps: readonly GeneratedMap[];
    readonly lines: string[];
    /** Where the context is: R6 all the time, or undefined in a subprogram that doesn't get it. */
    readonly ctx: number | undefined;
    /** True in subprograms. */
    readonly subprogram: boolean;
    /** Registers that hold numbers now. */
    readonly numbers: Set<number>;
    /** Registers that statements must leave alone: the context's, loop counters. */
    readonly reserved: Set<number>;
    /** By distance below R10: bytes that hold a number. */
    readonly stack: Uint8Array;
    /** Names of subprograms that may be called from here, and their argument counts. */
    readonly callable: readonly Callable[];
    /** How deep in branches and loops this place is. */
    depth: number;
    /** True in a loop: statements that could not be repeated are left out. */
    inLoop: boolean;
    /** Statements that may still be written, so that programs end. */
    budget: number;
    /** Shared by the writers of one program: the next label's number, and whether anything is wrong on purpose. */
    readonly shared: {
        nextLabel: number;
        wrong: boolean;
    };
    /** One statement in a hundred times this is wrong on purpose. */
    readonly wrong: number;
}
/** One kind of thing that programs do: writes it, and brings what is known up to date. */
export type Statement = (w: Writer) => void;
/** Bytes of the stack that numbers use; pointers and keys live below. */
export declare const NUMBER_STACK = 128;
/** Where pointers are spilled: distance below R10. */
export declare const POINTER_SLOT = 136;
/** Where keys and values for helpers are made: distance below R10 of the start. */
export declare const KEY_AT = 160;
/** The same for values. */
export declare const VALUE_AT = 232;
export declare function emit(w: Writer, ...lines: string[]): void;
export declare function newLabel(w: Writer): string;
/** True where this statement is to be wrong on purpose. */
export declare function goWrong(w: Writer): boolean;
/** A register with a number, or a new one made here; `undefined` never. */
export declare function anyNumber(w: Writer): number;
/** A register that may be overwritten. */
export declare function freeRegister(w: Writer, from?: readonly number[]): number;
/** Takes a register out of use while it holds a pointer. */
export declare function hold(w: Writer, reg: number): void;
/** What a call leaves: nothing in R1 to R5, the result in R0. */
export declare function afterCall(w: Writer, result: "number" | "none"): void;
/** A copy for one side of a branch, which writes to the same program. */
export declare function fork(w: Writer): Writer;
/** Keeps what both this place and another one know. */
export declare function meet(w: Writer, other: Writer): void;
