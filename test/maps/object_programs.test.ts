import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Kernel } from "../../src/kernel/kernel.ts";
import { Checker } from "../../src/tools/check/checker.ts";
import type { TestJson } from "../../src/tools/check/test_format.ts";
import { askLiveKernel, liveKernelAnswers } from "../support/live_kernel.ts";

// Programs over ring buffers, redirect maps, perf event arrays, maps of maps and maps of sockets, with what they
// returned on Linux 6.18.
interface Recorded {
  readonly test: TestJson;
  readonly retvals: readonly number[];
}

const recorded = readFileSync(new URL("object_programs.recorded.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded);

describe.each(["jit", "interp"] as const)("programs over maps of objects: %s", async (engine) => {
  const kernel = await Kernel.create({ cpus: 2, engine });
  const empty = kernel.usage();

  it.each(recorded.map((one) => [one.test.name ?? "", one] as const))("%s", (_name, { test, retvals }) => {
    const task = kernel.task();
    const checker = new Checker(task, {
      logSize: 1 << 16,
      run: true,
      xlated: false,
      unpriv: false,
      baseDir: ".",
    });
    const result = checker.check(test);
    task.exit();
    expect(result.verdict, result.log).toBe("accept");
    expect(result.runs?.map((run) => run.retval)).toEqual(retvals);
    expect(kernel.usage()).toEqual(empty);
  });
});

it.skipIf(!liveKernelAnswers())("the recorded results are the live kernel's", () => {
  const results = askLiveKernel(recorded.map(({ test }) => test));
  results.forEach((result, i) => {
    // BPF_F_CURRENT_CPU in an array of one slot: on another CPU than the first the slot is not there at all.
    if (/^perf \w+ 1 \w*ffffffff$/.test(result.name ?? "")) return;
    expect(
      result.runs?.map((run) => run.retval),
      result.name ?? "",
    ).toEqual(recorded[i]?.retvals);
  });
});
