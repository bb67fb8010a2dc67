import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CheckResult } from "../../src/tools/check/result_format.ts";
import type { TestJson } from "../../src/tools/check/test_format.ts";

/** The material that lies beside a checkout: facts, oracle, conformance suite. */
export const SHARED = join(dirname(fileURLToPath(import.meta.url)), "../../../shared");
const ORACLE = join(SHARED, "oracle/kbpf.py");

/** Programs ask for their CPU: always the first one, where that can be had. */
const ON_FIRST_CPU =
  'if taskset -c 0 true 2>/dev/null; then exec taskset -c 0 python3 "$@"; else exec python3 "$@"; fi';

let answers: boolean | undefined;

/**
 * True where bpf(2) answers and the oracle is there. Elsewhere it says so once; with ANYBPF_REQUIRE_KERNEL=1 it throws
 * instead, so that CI can't skip silently.
 */
export function liveKernelAnswers(): boolean {
  if (answers === undefined) {
    answers = probe();
    if (!answers) {
      const why = "the live kernel's bpf(2) does not answer here: comparisons with it are skipped";
      if (process.env.ANYBPF_REQUIRE_KERNEL === "1") throw new Error(`ANYBPF_REQUIRE_KERNEL=1, but ${why}`);
      console.log(why);
    }
  }
  return answers;
}

function probe(): boolean {
  if (!existsSync(ORACLE)) return false;
  const [result] = run([{ prog_type: "xdp", insns: "b7000000020000009500000000000000" }], []);
  return result?.verdict === "accept";
}

/** Puts tests to the live kernel, in order. Options are kbpf.py's, e.g. `--scrub`, `-l 2`. */
export function askLiveKernel(
  tests: readonly TestJson[],
  options: readonly string[] = ["--scrub"],
): CheckResult[] {
  const results = run(tests, options);
  if (results.length !== tests.length)
    throw new Error(`the oracle answered ${results.length} of ${tests.length} tests`);
  return results;
}

function run(tests: readonly TestJson[], options: readonly string[]): CheckResult[] {
  const { stdout } = spawnSync("/bin/sh", ["-c", ON_FIRST_CPU, "sh", ORACLE, "--no-fork", ...options, "-"], {
    input: tests.map((test) => `${JSON.stringify(test)}\n`).join(""),
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  return (stdout ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as CheckResult);
}
