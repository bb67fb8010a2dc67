import { E } from "../../uapi/errno.ts";
import { PROG_TYPE } from "../../uapi/prog_type.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SysError } from "../error.ts";
import type { Executable } from "../prog/program.ts";
import { testRunSkb } from "./test_run_skb.ts";
import { testRunXdp } from "./test_run_xdp.ts";

/** What BPF_PROG_TEST_RUN is asked to do, its user pointers already copied in. */
export interface TestRunInput {
  /** A BPF_PROG_TYPE_ number: socket_filter, sched_cls, sched_act or xdp. */
  readonly progType: number;
  readonly entry: Executable["entry"];
  /** attr.test.data_in's bytes; undefined if data_in is NULL and data_size_in 0. */
  readonly dataIn?: Uint8Array;
  /** attr.test.ctx_in's bytes; undefined if ctx_in is NULL. */
  readonly ctxIn?: Uint8Array;
  /** attr.test.data_size_out; undefined if 0, which sets no limit. */
  readonly dataOutSize?: number;
  /** attr.test.ctx_size_out; undefined if ctx_out is NULL. */
  readonly ctxOutSize?: number;
  readonly repeat: number;
  readonly flags: number;
  readonly cpu: number;
  readonly batchSize: number;
}

/** What BPF_PROG_TEST_RUN answers. `errno` is ENOSPC if data was cut, the outputs being valid nevertheless, else 0. */
export interface TestRunResult {
  readonly errno: number;
  readonly retval: number;
  /** Nanoseconds of one run on average. */
  readonly duration: number;
  /** The bytes to copy to data_out and ctx_out (no more than there is room for). */
  readonly dataOut: Uint8Array;
  readonly ctxOut: Uint8Array;
  /** What data_size_out and ctx_size_out become. */
  readonly dataSizeOut: number;
  readonly ctxSizeOut: number;
}

type Run = (dataplane: Dataplane, input: TestRunInput) => TestRunResult;

const RUNS: Readonly<Record<number, Run>> = {
  [PROG_TYPE.SOCKET_FILTER]: (dataplane, input) => testRunSkb(dataplane, input, false),
  [PROG_TYPE.SCHED_CLS]: (dataplane, input) => testRunSkb(dataplane, input, true),
  [PROG_TYPE.SCHED_ACT]: (dataplane, input) => testRunSkb(dataplane, input, true),
  [PROG_TYPE.XDP]: testRunXdp,
};

/**
 * Runs a program on the caller's data and context as BPF_PROG_TEST_RUN does (Linux 6.18). Throws SysError with Linux's
 * errno: EINVAL, E2BIG, ENODEV, ENOMEM; ENOTSUPP for program types that have no such run here; EOPNOTSUPP for
 * BPF_F_TEST_XDP_LIVE_FRAMES and BPF_F_TEST_SKB_CHECKSUM_COMPLETE, which are not supported.
 */
export function testRun(dataplane: Dataplane, input: TestRunInput): TestRunResult {
  const { progType, ctxIn, ctxOutSize } = input;
  if (ctxIn?.length === 0 || ctxOutSize === 0) throw new SysError(E.EINVAL);
  const run = RUNS[progType];
  if (run === undefined) throw new SysError(E.ENOTSUPP, `program type ${progType} has no test run`);
  return run(dataplane, input);
}
