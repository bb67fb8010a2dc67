import { CPU, CPU_SIZE } from "../mem/layout.ts";
import type { ExecEnv, Executable, LinkedProgram } from "../prog/program.ts";
import { decode } from "./decode.ts";
import { InterpError } from "./error.ts";
import { createMachine, DONE, type Machine, type Step } from "./machine.ts";
import { wrapEntry } from "./wrap.ts";

/**
 * Sees each instruction before it runs.
 *
 * @param pc index of the instruction in the linked program
 * @param regs R0 to R10, the machine's own: read them now, writes change the program's
 * @param depth frames below this one, 0 in the main program
 */
export type Trace = (pc: number, regs: BigUint64Array, depth: number) => void;

/** How a program is loaded into the interpreter. */
interface InterpOptions {
  readonly trace?: Trace;
}

/** Executor 1: steps through verified programs, for reference, debugging and soundness checks. */
export interface Interpreter {
  /** Prepares a program. Throws InterpError for what the interpreter doesn't support, naming it. */
  load(linked: LinkedProgram, options?: InterpOptions): Executable;
}

/**
 * Makes the interpreter for one kernel. It runs the helpers `bpf_tail_call`, `bpf_loop` and `bpf_for_each_map_elem`
 * itself and takes all others from `env.helper`; a program that reads outside of linear memory, which no verified one does, ends in an InterpError.
 */
export function createInterpreter(env: ExecEnv): Interpreter {
  return {
    load(linked, options = {}) {
      const { steps, constants } = decode(linked, env);
      const callback = options.trace === undefined ? runFrom : tracedRunFrom(options.trace);
      // A program may be entered while it runs (a tail call to itself), so each run takes a machine of its own.
      const idle: Machine[] = [];
      const entry = wrapEntry((ctx, cpu) => {
        const m = idle.pop() ?? createMachine(env, steps, constants, callback);
        start(m, ctx, cpu);
        try {
          m.callback(m, 0);
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
          throw new InterpError(linked.name, error.message, m.pc - 1);
        }
        idle.push(m);
        return m.s64[0] as bigint;
      });
      return { entry, engine: "interp", codeSize: 0 };
    },
  };
}

function start(m: Machine, ctx: bigint, cpu: number): void {
  m.r.fill(0, 0, 24);
  m.view = m.mem.view;
  m.cpu = cpu;
  m.depth = 0;
  m.loops[0] = 0;
  m.s64[1] = ctx;
  m.r[20] = cpu + CPU_SIZE - m.view.getUint32(cpu + CPU.entryFrame, true);
}

/** Runs until the frame is left that `pc` is the first instruction of. */
function runFrom(m: Machine, pc: number): void {
  const { steps } = m;
  m.pc = pc;
  while (m.pc !== DONE) {
    const step = steps[m.pc] as Step;
    m.pc++;
    step.op(m, step);
  }
}

function tracedRunFrom(trace: Trace): (m: Machine, pc: number) => void {
  return (m, pc) => {
    const regs = m.r64.subarray(0, 11);
    m.pc = pc;
    while (m.pc !== DONE) {
      const step = m.steps[m.pc] as Step;
      trace(m.pc, regs, m.depth);
      m.pc++;
      step.op(m, step);
    }
  };
}
