import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConformanceCase } from "../../src/isa/conformance_case.ts";
import type { Insn } from "../../src/isa/insn.ts";
import { createInterpreter } from "../../src/kernel/interp/interp.ts";
import { createJit } from "../../src/kernel/jit/jit.ts";
import type { ExecEnv, Executable, LinkedProgram } from "../../src/kernel/prog/program.ts";
import { linkForTest, TEST_CPU, TEST_DATA, testEnv } from "../support/executor.ts";

/** The public suite; see ../shared/conformance/README.md. */
const SUITE = new URL("../../../shared/conformance/isa/", import.meta.url).pathname;

/** Tests of what Linux doesn't have. */
const EXCLUDED: Readonly<Record<string, string>> = {
  "callx.data": "opcode 0x8d, a call through a register, does not exist in Linux: 'unknown opcode 8d'",
  "call_unwind_fail.data":
    "calls helper 5 of uBPF's test host, which ends the program; Linux's is bpf_ktime_get_ns",
};

const ENGINES: Readonly<Record<string, (env: ExecEnv) => { load(linked: LinkedProgram): Executable }>> = {
  interpreter: createInterpreter,
  JIT: createJit,
};

const imm = (code: number, rest: Partial<Insn>): Insn => ({ code, dst: 0, src: 0, off: 0, imm: 0, ...rest });

/** R1 is the context, which the tests want to be the memory; R2 its length, set by an instruction before the test's. */
function withLength(insns: readonly Insn[], length: number): Insn[] {
  return [imm(0xb7, { dst: 2, imm: length }), ...insns];
}

if (!existsSync(SUITE)) console.warn(`${SUITE} is not there: the conformance suite is skipped`);

describe.skipIf(!existsSync(SUITE))("the public BPF conformance suite", () => {
  const files = existsSync(SUITE) ? readdirSync(SUITE).filter((name) => name.endsWith(".data")) : [];

  it("is all there", () => {
    expect(files.length).toBeGreaterThan(300);
    for (const name of Object.keys(EXCLUDED)) expect(files).toContain(name);
  });

  describe.each(Object.keys(ENGINES))("in the %s", (engine) => {
    it.each(files.filter((name) => !(name in EXCLUDED)))("%s", (name) => {
      const test = parseConformanceCase(readFileSync(join(SUITE, name), "utf8"));
      const env = testEnv();
      new Uint8Array(env.memory.buffer).set(test.mem, TEST_DATA);
      const program = linkForTest(withLength(test.insns, test.mem.length), name);
      const executable = ENGINES[engine]?.(env).load(program);
      const ctx = test.mem.length === 0 ? 0n : BigInt(TEST_DATA);
      const r0 = BigInt.asUintN(64, executable?.entry(ctx, TEST_CPU) ?? -1n);
      expect(test.error).toBeUndefined();
      expect(`0x${r0.toString(16)}`).toBe(`0x${test.result?.toString(16)}`);
    });
  });
});

if (!existsSync(SUITE)) console.warn(`conformance: skipped, there is no ${SUITE}`);
for (const [name, reason] of Object.entries(EXCLUDED))
  console.info(`conformance: ${name} left out: ${reason}`);
