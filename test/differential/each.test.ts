import { describe, expect, it } from "vitest";
import { LINUX_6_18 } from "../../src/lib/resolve.ts";
import { checkOne } from "../../src/tools/check/check.ts";
import type { TestJson } from "../../src/tools/check/test_format.ts";
import { createKernel } from "../../src/transport/in_process.ts";
import { fixture } from "../support/fixture.ts";
import { askLiveKernel, liveKernelAnswers } from "../support/live_kernel.ts";
import { toTests } from "../support/object_to_test.ts";

// bpf_for_each_map_elem over maps of every type that it walks (fixtures/each.bpf.c): what Linux 6.18 returned for
// packets of 64 and of 65 bytes.
const EXPECTED: Readonly<Record<string, number | readonly [number, number] | RegExp>> = {
  each_array: 2296405,
  each_array_stops: 787251,
  each_refuses_flags: 4294967274,
  each_flags_unknown: [2645, 4294967274],
  each_percpu_array: 1573683,
  each_hash: 3618730,
  each_hash_deletes: 9474322,
  each_empty: 0,
  each_sparse: 1842312,
  each_sparse_cleared: 96,
  each_lru_hash: 7673190,
  each_percpu_hash: 1394022,
  each_lru_percpu_hash: 5969254,
  each_nested: 786629,
  each_in_loop: 1974003,
  each_in_subprogram: 985706,
  each_uses_stack: 12458325,
  refused_trie: /callback function not allowed for map/,
  refused_result: /At callback return the register R0 has smin=2 smax=2 should have been in \[0, 1\]/,
  refused_key_write: /write to change key R2 not allowed/,
  refused_value: /invalid access to map value, value_size=4 off=4 size=4/,
};

const runs = [{ data_in: "00".repeat(64) }, { data_in: "00".repeat(65) }];
const tests = toTests(fixture("each"), { target: LINUX_6_18 }).map((test): TestJson => {
  if ("error" in test) throw new Error(String(test.error));
  return { ...test, runs };
});
const programName = (test: TestJson) => (test.name ?? "").replace(/^.*:/, "");
const OPTIONS = { logLevel: 1, logSize: 1 << 20, run: true, xlated: false, unpriv: false, baseDir: "." };

describe.each(["jit", "interp"] as const)("bpf_for_each_map_elem: %s", async (engine) => {
  const kernel = await createKernel({ cpus: 2, engine });

  it("has an expectation for each program", () => {
    expect(tests.map(programName).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(tests.map((test) => [programName(test), test] as const))("%s", (name, test) => {
    const expected = EXPECTED[name];
    const result = checkOne(kernel, test, OPTIONS);
    if (expected instanceof RegExp) {
      expect(result.verdict).toBe("reject");
      expect(result.log).toMatch(expected);
      return;
    }
    expect(result.verdict, result.log).toBe("accept");
    const both = typeof expected === "number" ? [expected, expected] : expected;
    expect(result.runs?.map((run) => run.retval)).toEqual(both);
  });
});

it.skipIf(!liveKernelAnswers())("Linux still says the same", () => {
  askLiveKernel(tests).forEach((result) => {
    const expected = EXPECTED[(result.name ?? "").replace(/^.*:/, "")];
    if (expected instanceof RegExp) expect(result.log).toMatch(expected);
    else {
      const both = typeof expected === "number" ? [expected, expected] : expected;
      expect(
        result.runs?.map((run) => run.retval),
        result.name ?? "",
      ).toEqual(both);
    }
  });
});
