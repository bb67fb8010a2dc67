import type { Task } from "../transport/task.ts";
import { createDataplane, type Dataplane } from "./dataplane/dataplane.ts";
import { helperTable } from "./helpers/registry.ts";
import { createInterpreter } from "./interp/interp.ts";
import { JitError } from "./jit/error.ts";
import { createJit } from "./jit/jit.ts";
import { createMapFactory } from "./maps/create.ts";
import { CPU, cpuAddress } from "./mem/layout.ts";
import { testRun } from "./net/test_run.ts";
import type { ExecEnv, Executable, LinkedProgram } from "./prog/program.ts";
import { bpf } from "./syscall/bpf.ts";
import type { BtfObject } from "./syscall/btf_object.ts";
import { FdTable } from "./syscall/fd_table.ts";
import type { MapObject } from "./syscall/map_object.ts";
import { IdTable } from "./syscall/object.ts";
import type { ProgObject } from "./syscall/prog_object.ts";
import type { Caller, System } from "./syscall/system.ts";
import { TaskMemory } from "./syscall/user_memory.ts";
import type { VerifyCaps } from "./verifier/contract.ts";
import { verify } from "./verifier/verify.ts";

/** How a kernel is made. */
export interface KernelOptions {
  /** Possible CPUs, 1 to 64: per-CPU maps have a slot for each. 1 unless given. */
  readonly cpus?: number;
  /** What runs programs: compiled code (the default), or the interpreter, for reference and debugging. */
  readonly engine?: "jit" | "interp";
  /** Is given each line that bpf_trace_printk writes. Nothing is kept unless given. */
  readonly onTrace?: (line: string) => void;
}

/** How a task is made. All parts have a privileged default, as root has on Linux. */
export interface TaskOptions {
  /** Capabilities; all unless given. */
  readonly caps?: Partial<VerifyCaps>;
  readonly uid?: number;
  readonly gid?: number;
  readonly pid?: number;
  /** The command name that bpf_get_current_comm gives, at most 15 bytes. */
  readonly comm?: string;
}

/** A task of an in-process kernel. */
export interface KernelTask extends Task {
  /** Ends the task: closes all its descriptors, as a process's exit does. */
  exit(): void;
  /** Open descriptors, for leak checks. */
  readonly openFds: number;
}

/** Objects alive in a kernel, and bytes of its memory in use: all 0 when nothing is loaded. */
export interface KernelUsage {
  readonly maps: number;
  readonly progs: number;
  readonly btfs: number;
  /** Bytes that the allocator has given out. */
  readonly bytes: number;
}

/** A Linux BPF subsystem in this process: its own memory, objects, clock and CPUs. */
export class Kernel {
  readonly #dataplane: Dataplane;
  readonly #system: System;
  #nextPid = 1000;

  private constructor(dataplane: Dataplane, system: System) {
    this.#dataplane = dataplane;
    this.#system = system;
  }

  /** Makes a kernel with nothing loaded. */
  static async create(options: KernelOptions = {}): Promise<Kernel> {
    const { cpus = 1, engine = "jit", onTrace } = options;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > 64) throw new RangeError(`cpus must be 1 to 64, not ${cpus}`);
    const start = performance.now();
    const now = () => (performance.now() - start) * 1e6;
    const dataplane = await createDataplane({ cpus, imports: { now } });
    return new Kernel(dataplane, compose(dataplane, { cpus, engine, onTrace, now }));
  }

  /** Makes a task: uid 0 and all capabilities unless told otherwise. */
  task(options: TaskOptions = {}): KernelTask {
    const { caps = {}, uid = 0, gid = 0, pid = this.#nextPid++, comm = "anybpf" } = options;
    const memory = new TaskMemory();
    const fds = new FdTable();
    const caller: Caller = {
      memory,
      fds,
      uid,
      caps: { bpf: true, perfmon: true, netAdmin: true, sysAdmin: true, ...caps },
    };
    const enter = () => enterTask(this.#dataplane, { uid, gid, pid, comm });
    return {
      memory,
      bpf: (cmd, attr) => {
        enter();
        return bpf(this.#system, caller, cmd, attr);
      },
      close: (fd) => (fds.close(fd) ? 0 : -9),
      exit: () => fds.closeAll(),
      get openFds() {
        return fds.size;
      },
    };
  }

  /** Objects alive and bytes in use, for leak checks. */
  usage(): KernelUsage {
    const { maps, progs, btfs } = this.#system;
    return { maps: maps.size, progs: progs.size, btfs: btfs.size, bytes: this.#dataplane.exports.alloc_in_use() };
  }
}

/** Tells the CPU whose system call it runs, for helpers that ask. */
function enterTask(dataplane: Dataplane, task: { uid: number; gid: number; pid: number; comm: string }): void {
  const block = cpuAddress(0);
  const { view } = dataplane.mem;
  view.setUint32(block + CPU.pid, task.pid, true);
  view.setUint32(block + CPU.tgid, task.pid, true);
  view.setUint32(block + CPU.uid, task.uid, true);
  view.setUint32(block + CPU.gid, task.gid, true);
  const comm = dataplane.mem.bytes(block + CPU.comm, 16);
  comm.fill(0);
  comm.set(new TextEncoder().encode(task.comm).subarray(0, 15));
}
