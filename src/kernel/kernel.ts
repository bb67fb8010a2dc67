import type { Task } from "../transport/task.ts";
import { E } from "../uapi/errno.ts";
import { createDataplane, type Dataplane } from "./dataplane/dataplane.ts";
import { type HelperTable, helperTable } from "./helpers/registry.ts";
import { createInterpreter } from "./interp/interp.ts";
import { JitError } from "./jit/error.ts";
import { createJit } from "./jit/jit.ts";
import { createMapFactory } from "./maps/create.ts";
import { CPU, cpuAddress } from "./mem/layout.ts";
import { type BatchRunner, batchRunner } from "./net/batch.ts";
import { testRun } from "./net/test_run.ts";
import type { ExecEnv, Executable, LinkedProgram } from "./prog/program.ts";
import { bpf } from "./syscall/bpf.ts";
import type { BtfObject } from "./syscall/btf_object.ts";
import { FdTable } from "./syscall/fd_table.ts";
import type { MapObject } from "./syscall/map_object.ts";
import { IdTable } from "./syscall/object.ts";
import type { ProgObject } from "./syscall/prog_object.ts";
import { progOf } from "./syscall/prog_test_run.ts";
import type { Caller, System } from "./syscall/system.ts";
import { TaskMemory } from "./syscall/user_memory.ts";
import type { VerifyCaps } from "./verifier/contract.ts";
import { loadValueUnit } from "./verifier/value/unit.ts";
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
  /**
   * Prepares to run a loaded program over many packets, much faster than one BPF_PROG_TEST_RUN each. Throws SysError:
   * EBADF or EINVAL for a descriptor that is no program's, ENOTSUPP for a type that takes no packets.
   */
  packetRunner(progFd: number, options?: PacketRunnerOptions): PacketRunner;
}

/** Runs one program over packets. */
export interface PacketRunner extends BatchRunner {
  /** What really runs it: a program too large for WebAssembly is interpreted, whatever the kernel was asked for. */
  readonly engine: Executable["engine"];
}

/** How packets are run. */
export interface PacketRunnerOptions {
  /** Times that the program is run over each packet; 1 unless given. */
  readonly repeat?: number;
  /** True to get the packets back as the program left them. */
  readonly wantPackets?: boolean;
}

/** Objects alive in a kernel, and bytes of its memory in use: all 0 when nothing is loaded. */
export interface KernelUsage {
  readonly maps: number;
  readonly progs: number;
  readonly btfs: number;
  /** Bytes of the kernel's memory that these objects take. */
  readonly bytes: number;
}

/** A Linux BPF subsystem in this process: its own memory, objects, clock and CPUs. */
export class Kernel {
  readonly #dataplane: Dataplane;
  readonly #system: System;
  /** What the kernel itself holds of its memory. */
  readonly #ownBytes: number;
  #nextPid = 1000;

  private constructor(dataplane: Dataplane, system: System) {
    this.#dataplane = dataplane;
    this.#system = system;
    this.#ownBytes = dataplane.exports.alloc_used();
  }

  /** Makes a kernel with nothing loaded. */
  static async create(options: KernelOptions = {}): Promise<Kernel> {
    const { cpus = 1, engine = "jit", onTrace } = options;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > 64)
      throw new RangeError(`cpus must be 1 to 64, not ${cpus}`);
    const start = performance.now();
    const now = () => (performance.now() - start) * 1e6;
    const [dataplane] = await Promise.all([createDataplane({ cpus, imports: { now } }), loadValueUnit()]);
    return new Kernel(
      dataplane,
      compose(dataplane, { engine, now, ...(onTrace === undefined ? {} : { onTrace }) }),
    );
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
      possibleCpus: this.#dataplane.cpus,
      bpf: (cmd, attr) => {
        enter();
        return bpf(this.#system, caller, cmd, attr);
      },
      close: (fd) => (fds.close(fd) ? 0 : -E.EBADF),
      exit: () => fds.closeAll(),
      packetRunner: (progFd, options = {}) => {
        enter();
        const { type, executable } = progOf(caller, progFd).parts;
        const { engine, entry } = executable;
        return { ...batchRunner(this.#dataplane, { ...options, progType: type, entry }), engine };
      },
      get openFds() {
        return fds.size;
      },
    };
  }

  /** Objects alive and bytes in use, for leak checks. */
  usage(): KernelUsage {
    const { maps, progs, btfs } = this.#system;
    return {
      maps: maps.size,
      progs: progs.size,
      btfs: btfs.size,
      bytes: this.#dataplane.exports.alloc_used() - this.#ownBytes,
    };
  }
}

/** Tells the CPU whose system call it runs, for helpers that ask. */
function enterTask(
  dataplane: Dataplane,
  task: { uid: number; gid: number; pid: number; comm: string },
): void {
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

/** Puts the rooms together. */
function compose(
  dataplane: Dataplane,
  options: { engine: "jit" | "interp"; now: () => number; onTrace?: (line: string) => void },
): System {
  const helpers = helperTable(dataplane, options.onTrace === undefined ? {} : { onTrace: options.onTrace });
  return {
    maps: new IdTable<MapObject>(),
    progs: new IdTable<ProgObject>(),
    btfs: new IdTable<BtfObject>(),
    createMap: createMapFactory(dataplane),
    verify,
    supportsHelper: (id) => helpers.supports(id),
    install: installer(dataplane, helpers, options.engine),
    testRun: (input) => testRun(dataplane, input),
    cpus: dataplane.cpus,
    now: options.now,
  };
}

/** Makes what compiles programs and gives their entries places in the table. */
function installer(dataplane: Dataplane, helpers: HelperTable, engine: "jit" | "interp"): System["install"] {
  const { table, mem, exports } = dataplane;
  const free: number[] = [];
  const env = (program: LinkedProgram): ExecEnv => ({
    memory: mem.memory,
    table,
    helper: helpers.forType(program.type),
    ldAbs: exports.ld_abs,
    mapEachNext: exports.map_each_next,
  });
  const load = (program: LinkedProgram): Executable => {
    if (engine === "jit") {
      try {
        return createJit(env(program)).load(program);
      } catch (error) {
        // Too large for WebAssembly: slower, but right.
        if (!(error instanceof JitError)) throw error;
      }
    }
    return createInterpreter(env(program)).load(program);
  };
  return (program) => {
    const executable = load(program);
    const tableIndex = free.pop() ?? table.grow(1);
    table.set(tableIndex, executable.entry);
    return {
      executable,
      tableIndex,
      unload: () => {
        table.set(tableIndex, null);
        free.push(tableIndex);
      },
    };
  };
}
