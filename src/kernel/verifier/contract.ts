import type { Btf } from "../../btf/btf.ts";
import type { Insn } from "../../isa/insn.ts";
import type { MapFacts } from "../prog/map_facts.ts";
import type { VerifiedProgram } from "../prog/program.ts";

/** What the loading task may do; the verifier's "privileged" is `bpf`, leaking pointers needs `perfmon`. */
export interface VerifyCaps {
  readonly bpf: boolean;
  readonly perfmon: boolean;
  readonly netAdmin: boolean;
  readonly sysAdmin: boolean;
}

/** Records of BPF_PROG_LOAD's func_info or line_info, as the caller passed them. */
export interface InfoRecords {
  /** The caller's record size; bytes past the known size must be zero. */
  readonly recSize: number;
  readonly count: number;
  /** `recSize * count` bytes. */
  readonly bytes: Uint8Array;
}

/** What the verifier believes of one register: `TYPE` of state/layout.ts, and for numbers known bits and ranges. */
export interface RegisterFacts {
  readonly type: number;
  /** For pointers: the fixed part of the offset. */
  readonly off: number;
  /** For pointers to the stack: the frame. */
  readonly frame: number;
  /** Known bits, where `mask` is 0, and the bits that may be anything; for pointers of the offset's other part. */
  readonly value: bigint;
  readonly mask: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
  readonly s32min: number;
  readonly s32max: number;
  readonly u32min: number;
  readonly u32max: number;
}

/** Looks over the verifier's shoulder, to compare what it believes with what happens. */
export interface VerifyObserver {
  /**
   * True to end paths only in states that cover them whole. Otherwise numbers that no check depends on may be any,
   * and a running program has others than the states say.
   */
  readonly exact: boolean;
  /**
   * Called before each instruction on each path: also where a path ends because it is covered. `live` are the
   * registers that are read later, one bit each; `register` is good during the call only.
   */
  visit(insn: number, frame: number, live: number, register: (n: number) => RegisterFacts): void;
  /** Called at the end: for each instruction of the accepted program the one it was, or -1. */
  rewritten(origins: readonly number[]): void;
}

/** All that a verdict depends on: the same input gives the same verdict and log. */
export interface VerifyInput {
  readonly name: string;
  /** BPF_PROG_TYPE_ and BPF_ATTACH_TYPE numbers. */
  readonly progType: number;
  readonly expectedAttachType: number;
  /** BPF_F_STRICT_ALIGNMENT, ANY_ALIGNMENT, TEST_STATE_FREQ, TEST_RND_HI32, SLEEPABLE, TEST_REG_INVARIANTS … */
  readonly progFlags: number;
  readonly insns: readonly Insn[];
  /** True if the licence is GPL compatible. */
  readonly gplCompatible: boolean;
  readonly caps: VerifyCaps;
  /** BPF_LOG_LEVEL1 | LEVEL2 | STATS bits, 0 for none. */
  readonly logLevel: number;
  readonly btf?: Btf;
  readonly funcInfo?: InfoRecords;
  readonly lineInfo?: InfoRecords;
  /** The map behind a descriptor, or a negative errno (-EBADF, -EINVAL). */
  readonly mapByFd: (fd: number) => MapFacts | number;
  /** The descriptor at an index of attr.fd_array, or undefined. */
  readonly fdArray?: (index: number) => number | undefined;
  /** The map types, helpers and so on that the kernel can run; others are refused by name. */
  readonly supports: { helper(id: number): boolean };
  /** For tests. */
  readonly observer?: VerifyObserver;
  /** Possible CPUs, which bounds what bpf_get_smp_processor_id returns; 2 if it is left out. */
  readonly cpus?: number;
  /** The characters of the log that are wanted: its end, or its start. All of it if left out. */
  readonly logKeep?: { readonly size: number; readonly start: boolean };
}

/** Counts as the kernel prints them in the last log line. */
export interface VerifyStats {
  readonly insnsProcessed: number;
  readonly maxStatesPerInsn: number;
  readonly totalStates: number;
  readonly peakStates: number;
  readonly markRead: number;
}

/**
 * The verdict. The log is whole, or what `logKeep` asked for and a little more: cutting it to the caller's buffer is
 * the system call's business. `logSize` are the most characters that the log had at a time: those of paths that it
 * forgot count, as they do in Linux's log_true_size.
 */
export type VerifyResult =
  | {
      readonly ok: true;
      readonly program: VerifiedProgram;
      readonly maps: readonly MapFacts[];
      readonly log: string;
      readonly logSize: number;
      readonly stats: VerifyStats;
    }
  | {
      readonly ok: false;
      readonly errno: number;
      readonly log: string;
      readonly logSize: number;
      readonly stats: VerifyStats;
    };
