import type { BpfMap, MapSpec } from "../maps/map.ts";
import type { TestRunInput, TestRunResult } from "../net/test_run.ts";
import type { Executable, LinkedProgram } from "../prog/program.ts";
import type { VerifyCaps, VerifyInput, VerifyResult } from "../verifier/contract.ts";
import type { BtfObject } from "./btf_object.ts";
import type { FdTable, OpenFile } from "./fd_table.ts";
import type { MapObject } from "./map_object.ts";
import type { IdTable, KernelObject } from "./object.ts";
import type { ProgObject } from "./prog_object.ts";
import type { TaskMemory } from "./user_memory.ts";

/** The kernel's rooms as the system call uses them; `kernel.ts` puts them together. */
export interface System {
  readonly maps: IdTable<MapObject>;
  readonly progs: IdTable<ProgObject>;
  readonly btfs: IdTable<BtfObject>;
  readonly createMap: (spec: MapSpec) => BpfMap;
  readonly verify: (input: VerifyInput) => VerifyResult;
  /** True for helpers that executors can call for a program of this type. */
  readonly supportsHelper: (id: number) => boolean;
  /** Compiles a program and gives its entry a place in the table. */
  readonly install: (program: LinkedProgram) => {
    executable: Executable;
    tableIndex: number;
    unload: () => void;
  };
  readonly testRun: (input: TestRunInput) => TestRunResult;
  /** Possible CPUs. */
  readonly cpus: number;
  /** Nanoseconds since the kernel started. */
  readonly now: () => number;
}

/** A process as the system call sees one. */
export interface Caller {
  readonly memory: TaskMemory;
  readonly fds: FdTable;
  readonly caps: VerifyCaps;
  readonly uid: number;
}

/** A command of bpf(2): reads its attr, may write outputs into it, and returns a descriptor or 0. Throws SysError. */
export type Command = (system: System, caller: Caller, attr: Uint8Array) => number;

/** Opens a descriptor of the caller on an object, handing it the reference that the maker of the object holds. */
export function openFd(
  caller: Caller,
  object: KernelObject,
  access: Pick<OpenFile, "readable" | "writable"> = { readable: true, writable: true },
): number {
  try {
    return caller.fds.install({ object, ...access });
  } catch (error) {
    object.put();
    throw error;
  }
}
