import { describe, expect, it } from "vitest";
import { assemble } from "../../src/isa/asm.ts";
import { encodeInsns } from "../../src/isa/insn.ts";
import { Checker } from "../../src/tools/check/checker.ts";
import type { TestJson } from "../../src/tools/check/test_format.ts";
import { createKernel } from "../../src/transport/in_process.ts";
import { generateTest } from "../differential/generate.ts";
import { type Chance, chance, mutate } from "../support/mutate.ts";

// Hostile programs: BPF_PROG_LOAD answers with a descriptor or an errno, in bounded time, and leaves nothing behind.
// ANYBPF_ROUNDS=N puts more of them.

const ROUNDS = Number(process.env.ANYBPF_ROUNDS ?? 1200);
const random = chance("hostile programs");
const TYPES = ["socket_filter", "sched_cls", "sched_act", "xdp"];
const OPTIONS = { logLevel: 1, logSize: 1 << 22, run: true, xlated: true, unpriv: false, baseDir: "." };

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** Instructions whose opcodes are real, and whose fields are anything. */
function noise({ below }: Chance): Uint8Array {
  const bytes = Uint8Array.from({ length: 8 * (1 + below(20)) }, () => below(256));
  for (let i = 0; i < bytes.length; i += 8) {
    if (below(4) === 0) continue;
    bytes[i] = (bytes[i] ?? 0) & (below(2) === 0 ? 0x07 : 0xff);
    bytes[i + 1] = below(11) | (below(11) << 4);
    if (below(2) === 0) bytes.fill(0, i + 2, i + 4);
    if (below(2) === 0) bytes.fill(0, i + 5, i + 8);
  }
  return bytes;
}

function hostile(i: number): TestJson {
  if (i % 3 === 0) {
    const insns = noise(random);
    return { prog_type: TYPES[random.below(4)] ?? "xdp", insns: hex(insns) };
  }
  const { test } = generateTest(random.seed + i, { wrong: 5 });
  let bytes: Uint8Array = Buffer.from(test.insns, "hex");
  if (random.below(4) > 0) bytes = mutate(bytes, random);
  // References keep to what is left.
  const map_refs = (test.map_refs ?? []).filter(({ insn }) => 8 * insn + 8 <= bytes.length);
  return {
    ...test,
    insns: hex(bytes.subarray(0, bytes.length & ~7)),
    map_refs,
    runs: [{ data_in: "00".repeat(64) }],
  };
}

describe("hostile programs", () => {
  it("get a descriptor or an errno, soon, and leave nothing", { timeout: 600_000 }, async () => {
    const kernel = await createKernel({ cpus: 2 });
    const start = kernel.usage();
    const verdicts = new Map<string, number>();
    let slowest = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const test = hostile(i);
      const task = kernel.task(random.below(4) === 0 ? { caps: { bpf: false, perfmon: false } } : {});
      const before = performance.now();
      try {
        const result = new Checker(task, OPTIONS).check(test);
        const kind = result.verdict === "reject" ? result.errname : result.verdict;
        verdicts.set(kind, (verdicts.get(kind) ?? 0) + 1);
      } catch (error) {
        throw new Error(`round ${i}: ${JSON.stringify(test)}`, { cause: error });
      } finally {
        task.exit();
      }
      slowest = Math.max(slowest, performance.now() - before);
      expect(kernel.usage(), `after round ${i}: ${JSON.stringify(test)}`).toEqual(start);
    }
    console.log(`verdicts ${JSON.stringify([...verdicts])}, slowest ${Math.round(slowest)} ms`);
    expect(verdicts.get("accept") ?? 0).toBeGreaterThan(0);
    expect(verdicts.get("EINVAL") ?? 0).toBeGreaterThan(0);
    expect(slowest).toBeLessThan(30_000);
  });

  it("that never end are refused at a million instructions", async () => {
    // Every round of the loop differs from those before, so that none covers another.
    const text = "r0 = 0\nagain:\nr0 += 1\nif r0 != 2000000 goto again\nexit";
    const kernel = await createKernel();
    const test = { prog_type: "xdp", insns: hex(encodeInsns(assemble(text))) };
    const result = new Checker(kernel.task(), { ...OPTIONS, logLevel: 0, run: false, xlated: false }).check(
      test,
    );
    expect(result).toMatchObject({ verdict: "reject", errname: "E2BIG" });
  });
});
