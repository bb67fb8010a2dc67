import { describe, expect, it } from "vitest";
import { checkOne } from "../../src/tools/check/check.ts";
import type { TestJson } from "../../src/tools/check/test_format.ts";
import { createKernel } from "../../src/transport/in_process.ts";
import { generateTest } from "../differential/generate.ts";
import { type Chance, chance } from "../support/mutate.ts";

// Malformed lines for `anybpf check`: each gets one result that says what is wrong with the line, and not that there is
// a bug; nothing stays in the kernel. ANYBPF_LINES=N puts more of them.

const LINES = Number(process.env.ANYBPF_LINES ?? 1500);
const random = chance("malformed lines");
const OPTIONS = { logSize: 1 << 20, run: true, xlated: false, unpriv: false, baseDir: "." };

const MINIMAL = { prog_type: "xdp", insns: "b7000000020000009500000000000000" };
const MAP = { type: "hash", key_size: 4, value_size: 4, max_entries: 4 };
/** What stands where something else should. */
const WRONG: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  4096,
  0x7fffffff,
  0xffffffff,
  -0x80000000,
  2 ** 32,
  2 ** 53,
  1e300,
  "",
  "x",
  "00",
  "7",
  "hash",
  "__proto__",
  [],
  [null],
  [[1, 2]],
  ["00"],
  {},
  { length: 3 },
  { type: "array_of_maps", key_size: 4, value_size: 4, max_entries: 1, inner: MAP },
];
const TEMPLATES: readonly unknown[] = [
  MINIMAL,
  { ...MINIMAL, runs: [{ data_in: "00".repeat(64), repeat: 2, data_out_size: 64, ctx_in: "00".repeat(24) }] },
  {
    ...MINIMAL,
    maps: [{ ...MAP, name: "m", map_flags: 0, entries: [{ key: "00000000", value: "00000000" }] }],
  },
  {
    ...MINIMAL,
    maps: [
      { ...MAP, type: "array_of_maps", max_entries: 1, inner: MAP, entries: [{ key: "00000000", map: MAP }] },
      {
        type: "prog_array",
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        entries: [{ key: "00000000", prog: MINIMAL }],
      },
    ],
    map_refs: [{ insn: 0, map: 0 }],
  },
  {
    ...MINIMAL,
    name: "t",
    license: "GPL",
    prog_flags: 0,
    prog_name: "p",
    log_level: 1,
    btf: { types: "", strings: "00" },
    func_info: [[0, 1]],
    line_info: "00".repeat(16),
    func_info_rec_size: 8,
    attach_btf_id: 0,
    expected_attach_type: 0,
  },
];

/** A copy with one part replaced, somewhere. */
function spoil(value: unknown, { below }: Chance, depth = 0): unknown {
  const parts = typeof value === "object" && value !== null ? Object.keys(value) : [];
  if (parts.length === 0 || (depth > 0 && below(4) === 0)) return WRONG[below(WRONG.length)];
  const key = parts[below(parts.length)] ?? "";
  const part = spoil((value as Record<string, unknown>)[key], { below, seed: 0 }, depth + 1);
  if (Array.isArray(value)) return value.map((old, i) => (String(i) === key ? part : old));
  const copy: Record<string, unknown> = { ...(value as object) };
  if (below(20) === 0) delete copy[key];
  else copy[key] = part;
  return copy;
}

function line(i: number): unknown {
  const { test } = generateTest(random.seed + (i % 50));
  let out: unknown = i % 4 === 0 ? test : TEMPLATES[random.below(TEMPLATES.length)];
  for (let n = random.below(2); n >= 0; n--) out = spoil(out, random);
  return out;
}

describe("malformed lines", () => {
  it("get a result each, and leave nothing", { timeout: 900_000 }, async () => {
    const kernel = await createKernel({ cpus: 2 });
    const start = kernel.usage();
    const bugs = new Map<string, string>();
    const verdicts: Record<string, number> = {};
    let rss = 0;
    for (let i = 0; i < LINES; i++) {
      const text = JSON.stringify(line(i));
      const result = checkOne(kernel, JSON.parse(text) as TestJson, OPTIONS);
      verdicts[result.verdict] = (verdicts[result.verdict] ?? 0) + 1;
      expect(JSON.stringify(result)).not.toContain("\n");
      const said = result.setup_error ?? "";
      if (said.includes("anybpf bug")) bugs.set(said.split("\n").slice(0, 3).join(" "), text.slice(0, 400));
      expect(kernel.usage(), text).toEqual(start);
      if (i === Math.floor(LINES / 4)) rss = process.memoryUsage.rss();
    }
    const grown = (process.memoryUsage.rss() - rss) / 2 ** 20;
    console.log(`verdicts ${JSON.stringify(verdicts)}, resident memory grew by ${Math.round(grown)} MiB`);
    expect([...bugs]).toEqual([]);
    expect(verdicts.error ?? 0).toBeGreaterThan(LINES / 10);
    expect(grown).toBeLessThan(512);
  });
});
