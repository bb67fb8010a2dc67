import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { CheckResult } from "../../src/tools/check/result_format.ts";
import type { TestJson } from "../../src/tools/check/test_format.ts";

const KBPF = new URL("../../../shared/oracle/kbpf.py", import.meta.url).pathname;

/** How the live kernel is asked. */
export interface OracleOptions {
  /** Of the verifier's log; 0 for none. */
  readonly logLevel?: number;
}

/** Puts tests to the live kernel, a few milliseconds each. Throws if the oracle or bpf(2) isn't there. */
export function askKernel(tests: readonly TestJson[], { logLevel = 1 }: OracleOptions = {}): CheckResult[] {
  const args = [KBPF, "--no-fork", "--scrub", "-l", String(logLevel), "-"];
  const input = tests.map((test) => `${JSON.stringify(test)}\n`).join("");
  const { stdout, stderr, status } = spawnSync("python3", args, {
    input,
    encoding: "utf8",
    maxBuffer: 1024 ** 3,
  });
  if (status !== 0) throw new Error(`kbpf.py: exit ${status}: ${stderr}`);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as CheckResult);
}

/**
 * Why the live kernel cannot be asked here, or undefined if it can. With ANYBPF_REQUIRE_KERNEL=1 in the environment
 * that it cannot is an error.
 */
export function noKernel(): string | undefined {
  const reason = whyNot();
  if (reason !== undefined && process.env.ANYBPF_REQUIRE_KERNEL === "1") throw new Error(reason);
  return reason;
}

function whyNot(): string | undefined {
  if (!existsSync(KBPF)) return `there is no ${KBPF}`;
  try {
    const [result] = askKernel([{ prog_type: "socket_filter", insns: "b7000000000000009500000000000000" }]);
    return result?.verdict === "accept" ? undefined : `bpf(2) says ${result?.errname || result?.setup_error}`;
  } catch (error) {
    return String(error);
  }
}
