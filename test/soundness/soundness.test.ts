import { describe, expect, it, vi } from "vitest";
import type { Trace } from "../../src/kernel/interp/interp.ts";
import type { LinkedProgram } from "../../src/kernel/prog/program.ts";
import type { RegisterFacts, VerifyObserver } from "../../src/kernel/verifier/contract.ts";
import { checkOne } from "../../src/tools/check/check.ts";
import { createKernel } from "../../src/transport/in_process.ts";
import { generateTest } from "../differential/generate.ts";
import { type Belief, disbelief } from "./beliefs.ts";

// While a program runs, its registers must be what the verifier believed on at least one path: whatever it proves, it
// proves of that. `ANYBPF_SEED=N ANYBPF_PROGRAMS=1` repeats one program; `node scripts/generate.mjs 1 --seed N --text`
// shows it.

/** Is told of each program that a kernel verifies, and then gives to the interpreter. */
interface Watcher {
  verifying(): VerifyObserver;
  loading(linked: LinkedProgram): Trace;
}

const watching = vi.hoisted((): { watcher?: Watcher } => ({}));

// A kernel has no place where one could look into it, and should have none: so two of its rooms are replaced by ones
// that tell. The real ones do all the work.
vi.mock(import("../../src/kernel/verifier/verify.ts"), async (importOriginal) => {
  const { verify } = await importOriginal();
  return {
    verify: (input) => {
      const observer = watching.watcher?.verifying();
      return verify(observer === undefined ? input : { ...input, observer });
    },
  };
});
vi.mock(import("../../src/kernel/interp/interp.ts"), async (importOriginal) => {
  const { createInterpreter } = await importOriginal();
  return {
    createInterpreter: (env) => {
      const { load } = createInterpreter(env);
      return {
        load: (linked) => {
          const trace = watching.watcher?.loading(linked);
          return load(linked, trace === undefined ? {} : { trace });
        },
      };
    },
  };
});

const seed = Number(process.env.ANYBPF_SEED ?? Date.now() & 0xffffff);
const PROGRAMS = Number(process.env.ANYBPF_PROGRAMS ?? 300);
/** Visits of one program's instructions; the few programs that need more are left out. */
const MOST_VISITS = 5_000;
const TOO_LONG = "too long for this test";
/** Steps of one program that are looked at, over all its runs. */
const MOST_STEPS = 5_000;

console.info(`soundness: seed ${seed} (ANYBPF_SEED), ${PROGRAMS} programs (ANYBPF_PROGRAMS)`);

const OPTIONS = { logLevel: 0, logSize: 1, run: true, xlated: false, unpriv: false, baseDir: "." };

/** All beliefs of one program, by the instruction that it runs. */
interface Believed {
  readonly before: Map<number, Belief[]>;
  origins: readonly number[];
  visits: number;
}

describe("registers of running programs", () => {
  it("are as the verifier believed", { timeout: 600_000 }, async () => {
    const kernel = await createKernel({ cpus: 2, engine: "interp" });
    const counts = { programs: 0, runs: 0, steps: 0, left: 0 };
    const wrong: string[] = [];
    let name = "";
    let last: Believed = { before: new Map(), origins: [], visits: 0 };
    watching.watcher = {
      verifying() {
        const believed: Believed = { before: new Map(), origins: [], visits: 0 };
        last = believed;
        return {
          exact: true,
          visit(insn, _frame, live, register) {
            if (++believed.visits > MOST_VISITS) throw new Error(TOO_LONG);
            const belief = new Map<number, RegisterFacts>();
            for (let n = 0; n < 10; n++) if (((live >> n) & 1) !== 0) belief.set(n, register(n));
            const list = believed.before.get(insn);
            if (list === undefined) believed.before.set(insn, [belief]);
            else list.push(belief);
          },
          rewritten(origins) {
            believed.origins = origins;
          },
        };
      },
      loading(linked) {
        const believed = last;
        const program = name;
        let steps = 0;
        return (pc, regs, depth) => {
          const origin = believed.origins[pc] ?? -1;
          if (origin < 0 || ++steps > MOST_STEPS) return;
          counts.steps++;
          const beliefs = believed.before.get(origin) ?? [];
          const why = disbelief(beliefs, regs, depth);
          if (why !== undefined && wrong.length < 20)
            wrong.push(`${program} (${linked.insns.length} instructions), at ${origin}: ${why}`);
        };
      },
    };
    for (let tried = 0; counts.programs < PROGRAMS && tried < 4 * PROGRAMS; tried++) {
      const { test } = generateTest(seed + tried, { mutated: 0, wrong: 0 });
      name = test.name;
      const result = checkOne(kernel, test, OPTIONS);
      if (result.setup_error?.includes(TOO_LONG) === true) {
        counts.left++;
        continue;
      }
      expect(result.setup_error, name).toBeUndefined();
      if (result.verdict !== "accept") continue;
      counts.programs++;
      counts.runs += result.runs?.length ?? 0;
    }
    console.info(`soundness: ${JSON.stringify(counts)}`);
    expect(wrong).toEqual([]);
    expect(counts.steps).toBeGreaterThan(10 * PROGRAMS);
    expect(counts.left).toBeLessThan(PROGRAMS / 3 + 5);
  });
});
