import type { Insn } from "../../isa/insn.ts";

/**
 * What the verifier hands to the executors: a program that is known to be safe, and per-instruction facts. Executors
 * see only this; they never see the verifier.
 */
export interface VerifiedProgram {
  /** Free text, for messages and for the names in compiled code. */
  readonly name: string;
  /** A BPF_PROG_TYPE_ number. */
  readonly type: number;
  /**
   * The instructions after the verifier's rewrites. Map references are still symbolic: the slot pair of a 64-bit load
   * is unchanged but for its facts (`InsnFacts.map`), and `resolveAddresses` puts linear-memory addresses in before
   * an executor sees it.
   */
  readonly insns: readonly Insn[];
  /** By instruction index; `undefined` where nothing is known. */
  readonly facts: readonly (InsnFacts | undefined)[];
  /** The subprograms by start, the main program first. */
  readonly subprogs: readonly Subprog[];
}

/** A stretch of instructions with one entry, called by BPF-to-BPF calls (or the main program). */
export interface Subprog {
  /** Index of the first instruction. */
  readonly start: number;
  /** Index after the last instruction. */
  readonly end: number;
  /** Bytes of stack that it uses, 0 to 512, rounded up to 8. */
  readonly stackDepth: number;
  /** True if it makes tail calls. */
  readonly hasTailCall: boolean;
  /** True if it uses LD_ABS or LD_IND. */
  readonly hasLdAbs: boolean;
}

/** What the verifier learned of one instruction, on every path that reaches it. */
export interface InsnFacts {
  /** For a 64-bit load: the map it loads (an index into the program's used maps) or an offset in its one value. */
  readonly map?: { readonly index: number; readonly valueOffset?: number };
  /** For a 64-bit load of a subprogram's address: the subprogram's index. */
  readonly func?: number;
  /** For a helper call: the one map it is called with on every path (an index into the used maps). */
  readonly callMap?: number;
  /** For a map helper call or a tail call: the constant key, where there is one on every path. */
  readonly constKey?: number;
  /** For a call of a subprogram: its index. */
  readonly subprog?: number;
  /** For a load or store: the kind of memory it touches, the same on every path. */
  readonly access?: "stack" | "ctx" | "packet" | "packet_meta" | "map_value" | "other";
  /** For an access to the stack of the running frame at one constant place: its offset from R10 (negative). */
  readonly stackOffset?: number;
}

/** A map as an executor needs to know it, to reach its fast path inline. */
export interface ExecMap {
  /** A BPF_MAP_TYPE_ number. */
  readonly type: number;
  /** The address of its `struct bpf_map` in linear memory: what a program's register holds. */
  readonly address: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** A program ready to be given to an executor. */
export interface LinkedProgram extends VerifiedProgram {
  /** The maps that `InsnFacts` number. */
  readonly maps: readonly ExecMap[];
  /**
   * The instructions with addresses: a load of a map is the address of its `struct bpf_map`, a load of a map's value
   * an address in its contents; `src` is 0 for both. Loads of functions keep `src` PSEUDO.FUNC.
   */
  readonly insns: readonly Insn[];
}

/**
 * A helper as an executor calls it: a WebAssembly function (or, for the few that leave linear memory, a JavaScript
 * one with BigInt arguments) of `nargs` i64 parameters and an i64 result.
 */
export interface ExecHelper {
  readonly id: number;
  readonly name: string;
  readonly nargs: number;
  readonly call: (...args: bigint[]) => bigint;
}

/** Bytes of the cursor that `ExecEnv.mapEachNext` moves. */
export const EACH_CURSOR_BYTES = 24;

/** What executors are given by the composer. */
export interface ExecEnv {
  readonly memory: WebAssembly.Memory;
  /**
   * Entry functions of all loaded programs: `(ctx: i64, cpu: i32) -> i64`, `cpu` being the address of the CPU's
   * block. A program array's slots are indexes into it; index 0 is never a program.
   */
  readonly table: WebAssembly.Table;
  /** The helpers that a program of this type may call, by id. */
  readonly helper: (id: number) => ExecHelper | undefined;
  /** Reads of LD_ABS and LD_IND: `(ctx: i64, offset: i32, size: i32) -> i64`, negative if out of the packet. */
  readonly ldAbs: (ctx: bigint, offset: number, size: number) => bigint;
  /**
   * Moves a cursor of EACH_CURSOR_BYTES in linear memory, zeroed to start, to a map's next element: 1, or 0 after the
   * last. The addresses of key and value are then at the cursor, a u32 each. For bpf_for_each_map_elem.
   */
  readonly mapEachNext: (map: bigint, cursor: bigint) => bigint;
}

/**
 * A program that can run. `entry` is what goes into the table: for compiled code a WebAssembly function, for the
 * interpreter one wrapped so that a table takes it.
 */
export interface Executable {
  /** `(ctx, cpuBlockAddress) -> R0`. */
  readonly entry: (ctx: bigint, cpu: number) => bigint;
  /** "jit" or "interp". */
  readonly engine: "jit" | "interp";
  /** Bytes of generated code (0 for the interpreter). */
  readonly codeSize: number;
}
