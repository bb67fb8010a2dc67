import { beforeAll, describe, expect, it } from "vitest";
import { askLinux, askUs, type Bench, bench, type Question, whyNoLinux } from "./testing/ask.ts";
import { random } from "./testing/random.ts";
import { type Script, scriptInsns } from "./testing/script.ts";
import { knownHelpers, randomScript } from "./testing/scripts.ts";

const noLinux = whyNoLinux();
if (noLinux !== undefined) {
  if (process.env.ANYBPF_REQUIRE_KERNEL === "1") throw new Error(noLinux);
  console.warn(`helpers.test.ts: comparison with Linux skipped: ${noLinux}`);
}

const SEED = Number(process.env.ANYBPF_SEED ?? Date.now() % 1e9);
const TYPES: readonly Script["type"][] = ["socket_filter", "sched_cls", "xdp"];

/** A script as a question: with all of the context, where there is one. */
function question(script: Script): Question {
  const run = { data_in: script.packet, data_out_size: 80000 };
  return {
    name: script.name,
    type: script.type,
    insns: scriptInsns(script),
    runs: [script.type === "xdp" ? run : { ...run, ctx_out_size: 192 }],
  };
}

describe("helpers", () => {
  let us: Bench;
  beforeAll(async () => {
    us = await bench();
  });

  const cases = TYPES.flatMap((type) => knownHelpers(type).map((helper) => ({ type, helper })));
  it.skipIf(noLinux !== undefined).each(cases)("$type: $helper does as Linux does", ({ type, helper }) => {
    const pick = random(SEED);
    const scripts = Array.from({ length: Number(process.env.ANYBPF_SCRIPTS ?? 60) }, () =>
      randomScript(pick, type, helper),
    );
    const rejected: string[] = [];
    const theirs = askLinux(scripts.map(question), false, (log) => rejected.push(log));
    // Sizes that are out of the stack and the like: the verifier's business.
    expect(rejected.length, rejected.join("\n")).toBeLessThan(scripts.length / 2);
    scripts.forEach((script, i) => {
      if (theirs[i] === undefined) return;
      const ours = askUs(us, question(script));
      expect(
        ours,
        `seed ${SEED}: ${JSON.stringify(script, (_, v) => (typeof v === "bigint" ? `0x${v.toString(16)}` : v))}`,
      ).toEqual(theirs[i]);
    });
  });
});
