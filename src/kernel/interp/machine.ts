import { KernelMemory } from "../mem/memory.ts";
import type { ExecEnv } from "../prog/program.ts";

/**
 * What runs a program: registers, the place in the program, the frames below. A 64-bit register is two 32-bit halves,
 * because V8 does those without BigInt; `r64` is the same bytes for the few operations that need all 64 bits at once.
 *
 * ```
 *   r:  [ R0 low, R0 high, R1 low, … R10 high, spare, spare, constants … ]      index 2 * register
 * ```
 *
 * Immediates stand behind the registers, sign-extended, so that an operation reads register and immediate alike.
 */
export interface Machine {
  readonly env: ExecEnv;
  readonly mem: KernelMemory;
  readonly r: Int32Array;
  readonly r64: BigUint64Array;
  readonly s64: BigInt64Array;
  /** Memory as it was when last looked at; helpers may grow it, so they renew this. */
  view: DataView;
  readonly steps: readonly Step[];
  /** Index of the next instruction; DONE when the outermost frame is left. */
  pc: number;
  /** Address of the running CPU's block. */
  cpu: number;
  readonly frames: Frame[];
  /** Frames in use beyond the main program's. */
  depth: number;
  /** What is left of the main program's `may_goto` budget, then that of each frame. */
  readonly loops: Int32Array;
  /** Calls the subprogram that starts at an instruction, with R1 to R5 as they stand, and gives back at its exit. */
  readonly callback: (m: Machine, start: number) => void;
}

/** What a call keeps for the caller. */
export interface Frame {
  returnTo: number;
  /** R6 to R10. */
  readonly saved: Int32Array;
}

/** One instruction, decoded: `op` is called with the machine, whose `pc` is already that of the next instruction. */
export interface Step {
  readonly op: Op;
  /** Index in `r` of the destination's low half. */
  readonly d: number;
  /** Index in `r` of the source's low half, or of the immediate. */
  readonly s: number;
  /** The offset of a memory access, or the instruction that a jump goes to. */
  readonly off: number;
  readonly imm: number;
  /** This instruction's own index. */
  readonly at: number;
  /** For a helper call: the helper. For a call: the stack bytes of the calling frame. */
  readonly extra: unknown;
}

/** The behaviour of an instruction. */
export type Op = (m: Machine, step: Step) => void;

/** `pc` after the end. */
export const DONE = -1;
/** Registers, a spare one, in 32-bit halves: where the constants start. */
export const CONSTANTS = 24;
/** Turns that one frame may take through its `may_goto`s. Linux 6.18 ends them by time, after 250 ms. */
export const MAY_GOTO_BUDGET = 8 * 1024 * 1024;

/** Makes a machine for one program at a time. `constants` are the immediates behind the registers, in halves. */
export function createMachine(
  env: ExecEnv,
  steps: readonly Step[],
  constants: readonly number[],
  callback: Machine["callback"],
): Machine {
  const buffer = new ArrayBuffer(4 * (CONSTANTS + constants.length));
  const r = new Int32Array(buffer);
  r.set(constants, CONSTANTS);
  const mem = new KernelMemory(env.memory);
  return {
    env,
    mem,
    r,
    r64: new BigUint64Array(buffer),
    s64: new BigInt64Array(buffer),
    view: mem.view,
    steps,
    pc: DONE,
    cpu: 0,
    frames: [],
    depth: 0,
    loops: new Int32Array(64),
    callback,
  };
}

/** Writes a 32-bit result: the upper half becomes zero. */
export function setW(m: Machine, d: number, value: number): void {
  m.r[d] = value;
  m.r[d + 1] = 0;
}
