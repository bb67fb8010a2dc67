import type { Task } from "../transport/task.ts";
import type { PROG_INFO } from "../uapi/info.ts";
import type { Struct } from "../uapi/layout.ts";
import type { ProgramSpec } from "./spec.ts";
import { progInfo, progTestRun, type TestRun, type TestRunResult } from "./sys.ts";

/** A program in a kernel, reached through a task's descriptor, which it owns. */
export class BpfProgram {
  readonly fd: number;
  readonly name: string;
  /** A BPF_PROG_TYPE_ number. */
  readonly type: number;
  readonly spec: ProgramSpec;
  /** The verifier's log, "" unless a log level was asked for. */
  readonly log: string;
  readonly #task: Task;

  constructor(task: Task, fd: number, type: number, spec: ProgramSpec, log: string) {
    this.#task = task;
    this.fd = fd;
    this.name = spec.name;
    this.type = type;
    this.spec = spec;
    this.log = log;
  }

  /** Runs it once (or `repeat` times) on a packet; the packet alone may be given. Throws BpfError. */
  run(input: Uint8Array | TestRun): TestRunResult {
    return progTestRun(this.#task, this.fd, input instanceof Uint8Array ? { data: input } : input);
  }

  /** What the kernel says of it. */
  info(): Struct<typeof PROG_INFO> {
    return progInfo(this.#task, this.fd);
  }

  /** Its tag: the first 8 bytes of the hash of its instructions, in hex. */
  get tag(): string {
    return Array.from(this.info().tag, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Closes the descriptor. */
  close(): void {
    this.#task.close(this.fd);
  }
}
