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
  type RunSpec,
  whyNoLinux,
} from "../../../test/helpers/ask.ts";
import { type Pick, random } from "../../../test/helpers/random.ts";
import { hexBytes, toHex } from "../../../test/helpers/script.ts";
import { assemble } from "../../isa/asm.ts";
import { decodeInsns, encodeInsns } from "../../isa/insn.ts";

const noLinux = whyNoLinux();
if (noLinux !== undefined) {
  if (process.env.ANYBPF_REQUIRE_KERNEL === "1") throw new Error(noLinux);
  console.warn(`test_run.test.ts: comparison with Linux skipped: ${noLinux}`);
}

const SEED = Number(process.env.ANYBPF_SEED ?? Date.now() % 1e9);

const ETHERTYPES = ["0800", "86dd", "0806", "8100", "88a8", "0026", "0600", "05ff", "0000", "ffff"];
const SIZES = [
  0, 13, 14, 15, 16, 20, 33, 34, 35, 53, 54, 60, 100, 1500, 3519, 3520, 3521, 3700, 3712, 3713, 5000,
];

function hex(pick: Pick, bytes: number): string {
  return Array.from({ length: bytes }, () => pick(256).toString(16).padStart(2, "0")).join("");
}

function packet(pick: Pick): string {
  const size = pick(3) === 0 ? (SIZES[pick(SIZES.length)] ?? 0) : 14 + pick(120);
  const macs = [`${"00".repeat(6)}${hex(pick, 6)}`, `${"ff".repeat(6)}${hex(pick, 6)}`, hex(pick, 12)][
    pick(3)
  ];
  const fill = pick(4) === 0 ? "ff".repeat(size) : hex(pick, size);
  return `${macs}${ETHERTYPES[pick(ETHERTYPES.length)]}${fill}`.slice(0, size * 2);
}

/** A context of 192 bytes with a few fields set, most of them allowed. */
function skbCtx(pick: Pick): string {
  const bytes = new Uint8Array(pick(6) === 0 ? pick(300) : 192);
  const view = new DataView(bytes.buffer);
  const fields = [8, 32, 36, 40, 48, 52, 56, 60, 64, 152, 156, 160, 164, 176, 184, 188];
  for (let n = pick(4); n > 0; n--) {
    const at = pick(12) === 0 ? pick(48) * 4 : (fields[pick(fields.length)] ?? 8);
    const value = [1, 1, 0, 2000, pick(70000), pick(0x7fffffff)][pick(6)] ?? 0;
    // Which devices there are differs: 2 to 9 may exist on the machine that is asked.
    const device = at === 40 || at === 36;
    if (at + 4 <= bytes.length) view.setUint32(at, device && value < 10 ? 1 : value, true);
  }
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

function xdpCtx(pick: Pick, size: number): string {
  const bytes = new Uint8Array(pick(6) === 0 ? pick(40) : 24);
  const words = [
    [0, 0, 4, 8, 16, 40, 216, 220, 3, size][pick(10)] ?? 0,
    [size, size, size, size - 4, 0, size + 1, 20][pick(7)] ?? 0,
    pick(15) === 0 ? 1 : 0,
    [0, 0, 1, 100][pick(4)] ?? 0,
    pick(10) === 0 ? 1 : 0,
    pick(15) === 0 ? 1 : 0,
  ];
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => {
    if (i * 4 + 4 <= bytes.length) view.setUint32(i * 4, word, true);
  });
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

function run(pick: Pick, type: string): RunSpec {
  const data_in = packet(pick);
  const ctx = pick(3) !== 0 ? (type === "xdp" ? xdpCtx(pick, data_in.length / 2) : skbCtx(pick)) : undefined;
  return {
    ...(pick(20) === 0 ? {} : { data_in }),
    ...(ctx === undefined ? {} : { ctx_in: ctx }),
    ...(pick(8) === 0 ? { data_out_size: pick(60) } : {}),
    ...(pick(8) === 0 ? { ctx_out_size: pick(220) } : {}),
    ...(pick(5) === 0 ? { repeat: pick(5) } : {}),
    // Flags 2 and 4 are the ones that are not supported.
    ...(pick(30) === 0 ? { flags: [1, 8, 0x10][pick(3)] ?? 1 } : {}),
    ...(pick(30) === 0 ? { cpu: 1 } : {}),
    ...(pick(30) === 0 ? { batch_size: 1 } : {}),
  };
}

const READERS: Record<string, string[]> = {
  skb: [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 64, 68, 84, 164, 176].map(
    (at) => `r0 = *(u32 *)(r1 +${at})`,
  ),
  sched_cls: [72, 160].map((at) => `r0 = *(u32 *)(r1 +${at})`),
  xdp: [12, 16].map((at) => `r0 = *(u32 *)(r1 +${at})`),
};

const DISTANCE = (from: number, to: number) =>
  `r0 = *(u32 *)(r1 +${to})\nr2 = *(u32 *)(r1 +${from})\nr0 -= r2`;

/** Programs that show what they were given. */
function programs(type: string): string[] {
  if (type === "xdp") {
    const touch = `r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 14\nr0 = 0\nif r4 > r3 goto pc+3\nr0 = *(u8 *)(r2 +3)\nr0 += 1\n*(u8 *)(r2 +3) = r0`;
    return [...(READERS.xdp ?? []), DISTANCE(0, 4), DISTANCE(8, 0), touch];
  }
  const both = READERS.skb ?? [];
  const count = "r0 = *(u32 *)(r1 +52)\nr0 += 1\n*(u32 *)(r1 +52) = r0";
  const abs = [0, 12, 13, 20, -0x100000, -0x100000 + 9, -0x200000, -0x200000 + 12, -0x300000].flatMap((k) =>
    ["u8", "u16", "u32"].map((t) => `r6 = r1\nr0 = *(${t} *)skb[${k}]`),
  );
  if (type === "socket_filter") return [...both, ...abs, count];
  const mark = "r0 = 7\n*(u32 *)(r1 +8) = r0\n*(u32 *)(r1 +32) = r0\nr0 = 9\n*(u64 *)(r1 +152) = r0";
  return [...both, ...(READERS.sched_cls ?? []), ...abs, count, mark, DISTANCE(76, 80), DISTANCE(140, 76)];
}

const TYPES = ["socket_filter", "sched_cls", "sched_act", "xdp"];
const RECORD = new URL("../../../test/helpers/test_run.recorded.jsonl", import.meta.url);

/** What Linux once answered; made anew with ANYBPF_RECORD=1. */
interface Recorded {
  readonly name: string;
  readonly type: string;
  /** Hex. */
  readonly insns: string;
  readonly run: RunSpec;
  readonly answer: RunAnswer;
}

/** `count` random runs of each program. */
function randomQuestions(pick: Pick, count: number): Question[] {
  return TYPES.flatMap((type) =>
    programs(type).map((text, i) => ({
      name: `${type} ${i}: ${text}`,
      type,
      insns: assemble(`${text}\nexit`),
      runs: Array.from({ length: count }, () => run(pick, type)),
    })),
  );
}

/** Asks Linux for a few runs of each program, and writes down the short ones. */
function record(): void {
  const questions = randomQuestions(random(1), 3);
  const lines = askLinux(questions).flatMap((answers, q) => {
    const { name = "", type = "", insns = [], runs = [] } = questions[q] ?? {};
    return runs.map((run, r) => {
      const recorded = { name, type, insns: toHex(encodeInsns(insns)), run, answer: answers?.[r] };
      return JSON.stringify(recorded);
    });
  });
  const short = lines.filter((line) => line.length < 900);
  writeFileSync(RECORD, `${JSON.stringify({ kernel: release() })}\n${short.join("\n")}\n`);
}

describe("testRun", () => {
  let us: Bench;
  beforeAll(async () => {
    us = await bench();
  });

  it("answers as Linux was recorded to", () => {
    if (process.env.ANYBPF_RECORD === "1") record();
    // The first line names the kernel that was asked.
    const [, ...lines] = readFileSync(RECORD, "utf8").trim().split("\n");
    expect(lines.length).toBeGreaterThan(200);
    for (const line of lines) {
      const { name, type, insns, run, answer }: Recorded = JSON.parse(line);
      const ours = askUs(us, { name, type, insns: decodeInsns(hexBytes(insns)), runs: [run] });
      expect(ours, line).toEqual([answer]);
    }
  });

  it.skipIf(noLinux !== undefined)(
    "answers random runs as Linux does",
    () => {
      console.log(`seed ${SEED}`);
      const questions = randomQuestions(random(SEED), 30);
      const theirs = askLinux(questions);
      let compared = 0;
      questions.forEach((question, q) => {
        askUs(us, question).forEach((answer, r) => {
          const spec = JSON.stringify(question.runs[r]).replace(/((?:[0-9a-f]{60}))[0-9a-f]+/g, "$1…");
          expect(answer, `${question.name}\n${spec}`).toEqual(theirs[q]?.[r]);
          compared++;
        });
      });
      expect(compared).toBeGreaterThan(3000);
    },
    120_000,
  );
});
