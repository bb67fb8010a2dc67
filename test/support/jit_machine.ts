import type { Insn } from "../../src/isa/insn.ts";
import { createJit, type JitOptions } from "../../src/kernel/jit/jit.ts";
import { cpuAddress, stackTop } from "../../src/kernel/mem/layout.ts";
import type { ExecEnv, ExecHelper, LinkedProgram, Subprog } from "../../src/kernel/prog/program.ts";
import { arrayWalker } from "./walk_array.ts";

/** Where tests put data that is neither stack nor CPU block: after CPU 0's block. */
export const DATA = cpuAddress(1);

/** Parts of a program that tests fill in. */
export type TestProgram = Partial<LinkedProgram> & { readonly insns: readonly Insn[] };

/** Completes a program for the executor: one subprogram with a whole frame unless said otherwise. */
export function link(program: TestProgram): LinkedProgram {
  return {
    name: "test",
    type: 1,
    facts: [],
    maps: [],
    subprogs: [subprog(0, program.insns.length)],
    ...program,
  };
}

export function subprog(start: number, end: number, stackDepth = 512): Subprog {
  return { start, end, stackDepth, hasTailCall: false, hasLdAbs: false };
}

/** A memory with a CPU block and room for data, and what else an executor is given. */
export interface TestMachine {
  readonly env: ExecEnv;
  readonly view: DataView;
  readonly cpu: number;
  /** Compiles. */
  load(program: TestProgram): (ctx: bigint, cpu: number) => bigint;
  /** Compiles and runs. */
  run(program: TestProgram, ctx?: bigint): bigint;
  /** Compiles into a slot of the table. */
  install(slot: number, program: TestProgram): void;
}

/** Makes a machine; `helpers` by id. */
export function machine(
  helpers: readonly ExecHelper[] = [],
  options: JitOptions & { readonly shared?: boolean } = {},
): TestMachine {
  const { shared = false, ...jitOptions } = options;
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536, shared });
  const view = new DataView(memory.buffer);
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 8 });
  const env: ExecEnv = {
    memory,
    table,
    helper: (id) => helpers.find((h) => h.id === id),
    mapEachNext: arrayWalker(memory),
    ldAbs: (ctx, offset, size) => {
      const at = offset >>> 0;
      if (at + size > 64) return -1n;
      let value = 0n;
      for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(view.getUint8(Number(ctx) + at + i));
      return value;
    },
  };
  const jit = createJit(env, jitOptions);
  const cpu = cpuAddress(0);
  return {
    env,
    view,
    cpu,
    load: (program) => jit.load(link(program)).entry,
    run(program, ctx = BigInt(DATA)) {
      view.setUint32(cpu, 0, true);
      return BigInt.asUintN(64, jit.load(link(program)).entry(ctx, cpu));
    },
    install(slot, program) {
      table.set(slot, jit.load(link(program)).entry);
    },
  };
}

/** R10 of the main program. */
export const FP = stackTop(0);

/** A small generator with a seed (xorshift32), so that a failing test can be repeated. */
export function random(seed: number): () => number {
  let x = seed | 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}
