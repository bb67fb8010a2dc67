import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkOne } from "../../src/tools/check/check.ts";
import type { CheckResult } from "../../src/tools/check/result_format.ts";
import { createKernel, type Kernel } from "../../src/transport/in_process.ts";
import { askLiveKernel, liveKernelAnswers } from "../support/live_kernel.ts";
import { type Generated, generateTest } from "./generate.ts";

// Random programs: the interpreter, the JIT and the live kernel must give the same verdict, errno, return values and
// packets. `ANYBPF_SEED=N ANYBPF_PROGRAMS=1` puts one program again; `node scripts/generate.mjs 1 --seed N --text`
// shows it.

const seed = Number(process.env.ANYBPF_SEED ?? Date.now() & 0xffffff);
const PROGRAMS = Number(process.env.ANYBPF_PROGRAMS ?? 2000);
const BATCH = 250;
/** Instructions that the verifier may process: the few programs that take seconds to verify would take half the time. */
const LONGEST = Number(process.env.ANYBPF_LONGEST ?? 50_000);
const live = liveKernelAnswers();

console.info(`differential: seed ${seed} (ANYBPF_SEED), ${PROGRAMS} programs (ANYBPF_PROGRAMS)`);

const OPTIONS = { logLevel: 1, logSize: 1 << 24, run: true, xlated: false, unpriv: false, baseDir: "." };

/** What two kernels must agree on. */
function outcome({ verdict, errname, runs, setup_error }: CheckResult) {
  return { verdict, errname, setup_error, runs: runs?.map(({ duration_ns: _, ...run }) => run) };
}

/** The last thing that a log says before its counts. */
function reason({ log = "", setup_error }: CheckResult): string {
  const lines = log.split("\n").filter((line) => line !== "" && !line.startsWith("processed"));
  return setup_error ?? lines.at(-1) ?? "";
}

interface Difference {
  readonly seed: string;
  readonly left: unknown;
  readonly right: unknown;
  readonly said: readonly [string, string];
}

function differences(
  programs: readonly Generated[],
  left: readonly CheckResult[],
  right: readonly CheckResult[],
): Difference[] {
  return programs.flatMap(({ test }, i) => {
    const [a, b] = [left[i], right[i]];
    if (a === undefined || b === undefined) throw new Error(`no answer for ${test.name}`);
    if (JSON.stringify(outcome(a)) === JSON.stringify(outcome(b))) return [];
    return [{ seed: test.name, left: outcome(a), right: outcome(b), said: [reason(a), reason(b)] as const }];
  });
}

describe("random programs", () => {
  let interp: Kernel;
  let jit: Kernel;
  const counts = { accepted: 0, rejected: 0, runs: 0, tooLong: 0 };

  beforeAll(async () => {
    interp = await createKernel({ cpus: 2, engine: "interp" });
    jit = await createKernel({ cpus: 2, engine: "jit" });
  });

  afterAll(() => console.info(`differential: ${JSON.stringify(counts)}`));

  const batches = Array.from({ length: Math.ceil(PROGRAMS / BATCH) }, (_, i) => i * BATCH);
  it.each(batches)("from the %ith on", { timeout: 300_000 }, (from) => {
    const size = Math.min(BATCH, PROGRAMS - from);
    let programs = Array.from({ length: size }, (_, i) => generateTest(seed + from + i));
    let byLinux: CheckResult[] | undefined;
    if (live) {
      const answers = askLiveKernel(programs.map(({ test }) => test));
      const short = (i: number) => (answers[i]?.stats?.insns_processed ?? 0) <= LONGEST;
      programs = programs.filter((_, i) => short(i));
      byLinux = answers.filter((_, i) => short(i));
      counts.tooLong += size - programs.length;
    }
    const byJit = programs.map(({ test }) => checkOne(jit, test, OPTIONS));
    // Both kernels have the same verifier, so only what it accepts is put to the other engine.
    const byInterp = programs.map(({ test }, i) => {
      const answer = byJit[i];
      return answer?.verdict === "reject" ? answer : checkOne(interp, test, OPTIONS);
    });
    expect(differences(programs, byInterp, byJit)).toEqual([]);
    if (byLinux !== undefined) expect(differences(programs, byLinux, byJit)).toEqual([]);
    for (const { verdict, runs } of byJit) {
      counts[verdict === "accept" ? "accepted" : "rejected"]++;
      counts.runs += runs?.length ?? 0;
    }
  });
});
