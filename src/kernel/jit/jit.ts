import type { ExecEnv, Executable, LinkedProgram } from "../prog/program.ts";
import { type EmitOptions, type EmittedProgram, emitProgram } from "./emit/program.ts";
import { JitError } from "./error.ts";

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

/** Limits and engine features, to be set in tests alone. */
export type JitOptions = Partial<EmitOptions>;

/** Instructions in one WebAssembly function: at most some 60 bytes each, so 3 MB of V8's limit of 7.6 MB. */
const SPLIT_AT = 50_000;

/** A module with one function whose body is a tail call of itself. */
const TAIL_CALL_PROBE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
  ...[0x03, 0x02, 0x01, 0x00, 0x0a, 0x06, 0x01, 0x04, 0x00, 0x12, 0x00, 0x0b],
);

/** Makes the compiler for one kernel. The programs that it loads keep `env`'s memory and table alive. */
export function createJit(env: ExecEnv, options: JitOptions = {}): Jit {
  const full: EmitOptions = {
    tailCalls: options.tailCalls ?? WebAssembly.validate(TAIL_CALL_PROBE),
    splitAt: options.splitAt ?? SPLIT_AT,
    inline: options.inline ?? true,
  };
  const emit = (linked: LinkedProgram): EmittedProgram => emitProgram(env, linked, full);
  return {
    compile: (linked) => emit(linked).bytes,
    load(linked) {
      const { bytes, imports } = emit(linked);
      try {
        return executable(new WebAssembly.Instance(new WebAssembly.Module(bytes), imports), bytes.length);
      } catch (error) {
        throw asJitError(linked, error);
      }
    },
    async loadAsync(linked) {
      const { bytes, imports } = emit(linked);
      try {
        const { instance } = await WebAssembly.instantiate(bytes, imports);
        return executable(instance, bytes.length);
      } catch (error) {
        throw asJitError(linked, error);
      }
    },
  };
}

function executable(instance: WebAssembly.Instance, codeSize: number): Executable {
  return { entry: instance.exports.entry as Executable["entry"], engine: "jit", codeSize };
}

/** The engine's refusal of a module (too large a function, an import of another type), with the program's name. */
function asJitError(linked: LinkedProgram, error: unknown): unknown {
  if (error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError) {
    return new JitError(linked.name, `the engine refuses the compiled code: ${error.message}`);
  }
  return error;
}
