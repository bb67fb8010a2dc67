import { E } from "../../uapi/errno.ts";
import { PROG_TYPE } from "../../uapi/prog_type.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SysError } from "../error.ts";
import type { TestRunInput, TestRunResult } from "./test_io.ts";
import { testRunSkb } from "./test_run_skb.ts";
import { testRunXdp } from "./test_run_xdp.ts";

export type { TestRunInput, TestRunResult };

type Run = (dataplane: Dataplane, input: TestRunInput) => TestRunResult;

const RUNS: Readonly<Record<number, Run>> = {
  [PROG_TYPE.SOCKET_FILTER]: (dataplane, input) => testRunSkb(dataplane, input, false),
  [PROG_TYPE.SCHED_CLS]: (dataplane, input) => testRunSkb(dataplane, input, true),
  [PROG_TYPE.SCHED_ACT]: (dataplane, input) => testRunSkb(dataplane, input, true),
  [PROG_TYPE.XDP]: testRunXdp,
};

/** True for program types (BPF_PROG_TYPE_ numbers) that have a test run here. */
export function hasTestRun(progType: number): boolean {
  return RUNS[progType] !== undefined;
}

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
