import type { Insn } from "../../../isa/insn.ts";
import type { ExecMap, InsnFacts } from "../../prog/program.ts";
import type { Cfg } from "../cfg/graph.ts";
import type { CfgOrder } from "../cfg/order.ts";
import { JitError } from "../error.ts";
import type { Code } from "../wasm/code.ts";
import type { Registers } from "./registers.ts";
import type { StackSlot } from "./stack_slots.ts";

/** A map with those fields of its header that never change (`maps/layout.ts`); without them nothing is inlined. */
export interface KnownMap extends ExecMap {
  readonly header?: {
    readonly data: number;
    readonly elemSize: number;
    readonly cpuStride: number;
    readonly buckets: number;
    readonly shift: number;
    readonly valueOffset: number;
    readonly seed: readonly [low: number, high: number];
  };
}

/** What the functions of one program share. */
export interface ProgramContext {
  readonly name: string;
  readonly insns: readonly Insn[];
  readonly facts: readonly (InsnFacts | undefined)[];
  readonly maps: readonly (KnownMap | undefined)[];
  /** True if memory is shared between threads: atomics must be the machine's. */
  readonly shared: boolean;
  /** True if the engine has tail calls. */
  readonly tailCalls: boolean;
  /** The type `(ctx: i64, cpu: i32) -> i64`. */
  readonly entryType: number;
  /** The type of subprograms that are called by address: `(r1 … r5: i64, fp: i32, cpu: i32) -> i64`. */
  readonly callbackType: () => number;
  /** The table of all programs' entries, and the module's own table of callbacks. */
  readonly entryTable: number;
  readonly callbackTable: () => number;
  /** A helper's function index and number of arguments; throws `JitError` if there is none. */
  readonly helper: (id: number, at: number) => { readonly func: number; readonly args: number };
  /** The function index of env.ldAbs. */
  readonly ldAbs: () => number;
  /** The function index of env.mapEachNext. */
  readonly mapEachNext: () => number;
  /** True if a subprogram whose address is taken may make a tail call. */
  readonly callbacksTailCall: () => boolean;
  /** What a 64-bit load of a subprogram's address gives: its index in the table of callbacks. */
  readonly callback: (insn: Insn, at: number) => number;
  /** The subprogram that the call at an instruction goes to. */
  readonly callee: (insn: Insn, at: number) => Callee;
}

/** A subprogram as its callers see it. */
export interface Callee {
  readonly func: number;
  /** The registers that it takes, as a mask of R1 to R5. */
  readonly params: number;
  /** True if it, or one that it calls, may make a tail call. */
  readonly mayTailCall: boolean;
  /** What is needed to write it in place of a call, if it is small and calls nothing but helpers. */
  readonly inline?: { readonly cfg: Cfg; readonly order: CfgOrder; readonly stackDepth: number };
}

/** The function being written. */
export interface FunctionContext {
  readonly program: ProgramContext;
  readonly code: Code;
  readonly regs: Registers;
  /** True for the function that the table of programs holds. */
  readonly isEntry: boolean;
  /** The local with the address of the CPU's block. */
  readonly cpu: number;
  /** Pushes R10 - FRAME_SIZE, from which all of the frame has offsets that are not negative. */
  readonly pushFrame: () => void;
  /** Bytes of its frame. */
  readonly stackDepth: number;
  /** Writes a small subprogram in place of a call; false if it is not to be. R1 to R5 are this function's. */
  readonly inlineCall: (callee: Callee) => boolean;
  /** Stack slots that are locals, by the instruction that accesses them. */
  readonly slots: ReadonlyMap<number, StackSlot>;
}

/** Refuses an instruction. */
export function refuse(f: FunctionContext, at: number, message: string): never {
  throw new JitError(f.program.name, message, at);
}
