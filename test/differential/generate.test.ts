import { describe, expect, it } from "vitest";
import { decodeInsns } from "../../src/isa/insn.ts";
import { encodingError } from "../../src/isa/legality.ts";
import { askLiveKernel, liveKernelAnswers } from "../support/live_kernel.ts";
import { generateTest } from "./generate.ts";

const seed = Number(process.env.ANYBPF_SEED ?? Date.now() & 0xffffff);
const live = liveKernelAnswers();
console.info(`generate: seed ${seed} (ANYBPF_SEED)`);

const many = (count: number, options = {}) =>
  Array.from({ length: count }, (_, i) => generateTest(seed + i, options));

describe("generateTest", () => {
  it("makes the same of a seed each time, and different things of others", () => {
    expect(generateTest(seed)).toEqual(generateTest(seed));
    expect(new Set(many(50).map(({ test }) => test.insns)).size).toBe(50);
  });

  it("makes every program type and valid encodings", () => {
    const generated = many(100, { mutated: 0, wrong: 0 });
    expect(new Set(generated.map(({ test }) => test.prog_type)).size).toBe(4);
    for (const { test } of generated) {
      const insns = decodeInsns(Uint8Array.from(Buffer.from(test.insns, "hex")));
      expect(insns.filter((insn, i) => insn.code !== 0 && encodingError(insn, insns[i + 1]))).toEqual([]);
    }
  });

  it("runs only what is valid: the rest may read anything", () => {
    for (const { test, mutated } of many(100, { wrong: 0 })) expect(test.runs === undefined).toBe(mutated);
  });
});

describe.skipIf(!live)("against the live kernel", () => {
  const lastLine = (log = "") =>
    log
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("processed"))
      .at(-1)
      ?.replace(/0x[0-9a-f]+|-?\d+/g, "N") ?? "";

  it("programs without mistakes are nearly all accepted, and run", () => {
    const results = askLiveKernel(many(150, { mutated: 0, wrong: 0 }).map(({ test }) => test));
    const rejected = results.filter(({ verdict }) => verdict !== "accept");
    expect(rejected.map(({ name, log }) => `${name}: ${lastLine(log)}`).length).toBeLessThan(8);
    const runs = results.flatMap((result) => result.runs ?? []);
    expect(runs.filter(({ errno }) => errno === 0).length).toBeGreaterThan(runs.length * 0.8);
    expect(new Set(runs.map(({ retval }) => retval)).size).toBeGreaterThan(30);
  });

  it("half to four fifths of the others are accepted, and the rest refused for many reasons", () => {
    const results = askLiveKernel(many(400).map(({ test }) => test));
    const accepted = results.filter(({ verdict }) => verdict === "accept").length / results.length;
    expect(accepted).toBeGreaterThan(0.5);
    expect(accepted).toBeLessThan(0.8);
    expect(results.filter(({ verdict }) => verdict === "error")).toEqual([]);
    const reasons = new Set(
      results.filter(({ verdict }) => verdict === "reject").map(({ log }) => lastLine(log)),
    );
    expect(reasons.size).toBeGreaterThan(20);
  });

  it("what runs gives the same each time", () => {
    const tests = many(150, { mutated: 0 }).map(({ test }) => test);
    const outputs = () =>
      askLiveKernel(tests).map(({ runs }) => runs?.map(({ duration_ns: _, ...run }) => run));
    expect(outputs()).toEqual(outputs());
  });
});
