import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { beforeAll, describe, expect, it } from "vitest";
import {
  askLinux,
  askUs,
  type Bench,
  bench,
  type Question,
  type RunAnswer,
  whyNoLinux,
} from "../../../test/helpers/ask.ts";
import { random } from "../../../test/helpers/random.ts";
import { type Script, scriptInsns } from "../../../test/helpers/script.ts";
import { knownHelpers, randomScript } from "../../../test/helpers/scripts.ts";

const noLinux = whyNoLinux();
if (noLinux !== undefined) {
  if (process.env.ANYBPF_REQUIRE_KERNEL === "1") throw new Error(noLinux);
  console.warn(`helpers.test.ts: comparison with Linux skipped: ${noLinux}`);
}

const SEED = Number(process.env.ANYBPF_SEED ?? Date.now() % 1e9);
const COUNT = Number(process.env.ANYBPF_SCRIPTS ?? 40);
const TYPES: readonly Script["type"][] = ["socket_filter", "sched_cls", "xdp"];
const EVERY = TYPES.flatMap((type) => knownHelpers(type).map((helper) => ({ type, helper })));
const RECORD = new URL("../../../test/helpers/helpers.recorded.jsonl", import.meta.url);

/** What Linux once answered; made anew with ANYBPF_RECORD=1. */
interface Recorded {
  readonly script: Script;
  readonly answer: readonly RunAnswer[];
}

function toJson(value: unknown): string {
  return JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `0x${v.toString(16)}` : v));
}

function fromJson(text: string): Recorded {
  return JSON.parse(text, (_, v) => (typeof v === "string" && v.startsWith("0x") ? BigInt(v) : v));
}

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

/** Asks Linux for a few scripts of each helper, and writes down those with short answers. */
function record(): void {
  const pick = random(1);
  const scripts = EVERY.flatMap(({ type, helper }) =>
    Array.from({ length: 4 }, () => randomScript(pick, type, helper)),
  );
  const cases = askLinux(scripts.map(question)).flatMap((answer, i) => {
    const script = scripts[i];
    const short = (answer?.[0]?.data_out?.length ?? 0) < 600;
    return script !== undefined && answer !== undefined && short ? [toJson({ script, answer })] : [];
  });
  writeFileSync(RECORD, `${JSON.stringify({ kernel: release() })}\n${cases.join("\n")}\n`);
}

/** COUNT scripts that start with one helper. */
function randomScripts({ type, helper }: (typeof EVERY)[number]): Script[] {
  const pick = random(SEED);
  return Array.from({ length: COUNT }, () => randomScript(pick, type, helper));
}

describe("helpers", () => {
  let us: Bench;
  let compiled: Bench;
  const scripts = noLinux === undefined ? EVERY.map(randomScripts) : [];
  const rejected: string[] = [];
  let theirs: ReturnType<typeof askLinux> = [];
  beforeAll(async () => {
    us = await bench();
    compiled = await bench("jit");
    if (noLinux === undefined)
      theirs = askLinux(scripts.flat().map(question), false, (log) => rejected.push(log));
  }, 120_000);

  it("do as Linux was recorded to do", () => {
    if (process.env.ANYBPF_RECORD === "1") record();
    // The first line names the kernel that was asked.
    const [, ...cases] = readFileSync(RECORD, "utf8").trim().split("\n").map(fromJson);
    expect(cases.length).toBeGreaterThan(100);
    for (const { script, answer } of cases) {
      expect(askUs(us, question(script)), toJson(script)).toEqual(answer);
      expect(askUs(compiled, question(script)), `compiled: ${toJson(script)}`).toEqual(answer);
    }
  });

  it.skipIf(noLinux !== undefined)("are put to Linux in programs that it mostly accepts", () => {
    // Sizes that are out of the stack and the like: the verifier's business.
    expect(rejected.length, rejected.join("\n")).toBeLessThan(scripts.flat().length / 10);
  });

  it.skipIf(noLinux !== undefined).each(EVERY.map((one, i) => ({ ...one, i })))(
    "$type: $helper does as Linux does",
    ({ i }) => {
      scripts[i]?.forEach((script, k) => {
        const answer = theirs[i * COUNT + k];
        if (answer === undefined) return;
        expect(askUs(us, question(script)), `seed ${SEED}: ${toJson(script)}`).toEqual(answer);
      });
    },
  );
});
