import type { ExecEnv, Executable, LinkedProgram } from "../prog/program.ts";

/** Executor 2: compiles verified programs to WebAssembly. */
export interface Jit {
  /**
   * Compiles at once. A browser's main thread may refuse large modules this way (use `loadAsync` there). Throws
   * `JitError` for a program that uses something unsupported, naming it.
   */
  load(linked: LinkedProgram): Executable;
  /** Compiles without blocking. */
  loadAsync(linked: LinkedProgram): Promise<Executable>;
  /** The WebAssembly module, for those who want to look at it. */
  compile(linked: LinkedProgram): Uint8Array<ArrayBuffer>;
}

/** Makes the compiler for one kernel. */
export function createJit(env: ExecEnv): Jit {
  throw new Error(`not yet ${env}`);
}
