import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, it, vi } from "vitest";
import { PcapError } from "../../src/lib/pcap/error.ts";
import { UserError } from "../../src/tools/anybpf/report_error.ts";
import { run } from "../../src/tools/run/run.ts";
import { chance, mutate } from "../support/mutate.ts";

// Damaged captures through `anybpf run`: packets, or one clear error and no output file. ANYBPF_ROUNDS=N tries more.

const ROUNDS = Number(process.env.ANYBPF_ROUNDS ?? 120);
const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const OBJECT = join(root, "examples/tc_count.bpf.o");
const TRAFFIC = readFileSync(join(root, "examples/traffic.pcap")).subarray(0, 20_000);

it("damaged captures run or fail cleanly", { timeout: 120_000 }, async () => {
  const random = chance("damaged captures");
  const scratch = mkdtempSync(join(tmpdir(), "anybpf-captures-"));
  const pcap = join(scratch, "in.pcap");
  const out = join(scratch, "out.pcap");
  const silent = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  let failed = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const damaged = mutate(TRAFFIC, random);
      writeFileSync(pcap, random.below(4) === 0 ? mutate(gzipSync(damaged), random) : damaged);
      try {
        expect(await run(OBJECT, { pcap, out, repeat: 1, json: true })).toBe(0);
      } catch (error) {
        if (!(error instanceof PcapError || error instanceof UserError)) throw error;
        expect(error.message).not.toContain("\n");
        expect(readdirSync(scratch)).toEqual(["in.pcap"]);
        failed++;
      }
      rmSync(out, { force: true });
    }
  } finally {
    silent.mockRestore();
    rmSync(scratch, { recursive: true, force: true });
  }
  expect(failed).toBeGreaterThan(0);
});
