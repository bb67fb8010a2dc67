import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { BtfError } from "../../src/btf/btf.ts";
import { ElfError } from "../../src/lib/elf.ts";
import { BpfError } from "../../src/lib/errors.ts";
import { BpfObject } from "../../src/lib/object.ts";
import { ObjectError } from "../../src/lib/spec.ts";
import { createKernel } from "../../src/transport/in_process.ts";
import { chance, mutate } from "../support/mutate.ts";

// Damaged objects, all the way into a kernel: they load, or one clear error says what is wrong, and nothing stays
// behind. ANYBPF_ROUNDS=N tries more.

const ROUNDS = Number(process.env.ANYBPF_ROUNDS ?? 400);
const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const OBJECTS = [
  "examples/xdp_firewall.bpf.o",
  "examples/tc_count.bpf.o",
  "examples/xdp_jump_table.bpf.o",
  "test/fixtures/maps.bpf.o",
  "test/fixtures/calls.bpf.o",
].map((path) => readFileSync(join(root, path)));

const EXPECTED = [ElfError, BtfError, ObjectError, BpfError];

it("damaged objects load or fail cleanly", { timeout: 120_000 }, async () => {
  const random = chance("damaged objects");
  const kernel = await createKernel();
  const before = kernel.usage();
  let loaded = 0;
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mutate(OBJECTS[random.below(OBJECTS.length)] ?? new Uint8Array(0), random);
    const task = kernel.task();
    try {
      BpfObject.load(task, bytes, { file: "damaged.o" }).close();
      loaded++;
    } catch (error) {
      if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
      expect((error as Error).message).not.toContain("\n");
      refused++;
    }
    expect(task.openFds, "every descriptor is closed, loaded or not").toBe(0);
    expect(kernel.usage()).toEqual(before);
  }
  expect(loaded).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
