import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { assemble } from "../../../isa/asm.ts";
import { PROG_TYPE } from "../../../uapi/prog_type.ts";
import { prepareEnv } from "../testing/prepare_env.ts";
import { type CaseTest, caseInput, scrub } from "../testing/verify_case.ts";
import { Rejection } from "../walk/env.ts";
import { components, postorder } from "./order.ts";
import { prepare } from "./prepare.ts";

/** A program, and what Linux said of it: the log at level 2, in lines, without addresses. */
interface RecordedCase {
  readonly name: string;
  readonly test: CaseTest;
  readonly errno: number;
  readonly log: readonly string[];
}

const CASES: readonly RecordedCase[] = JSON.parse(
  readFileSync(new URL("../cases/prepare.json", import.meta.url), "utf8"),
);

/** Runs `prepare` alone: its log, and its errno (0 if it found nothing). */
function run(recorded: RecordedCase): { log: string; errno: number } {
  const env = prepareEnv(caseInput(recorded.test, 2));
  try {
    prepare(env);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return { log: scrub(env.log.text()), errno: error.errno };
  }
  return { log: scrub(env.log.text()), errno: 0 };
}

describe("prepare", () => {
  // The walk's first line shows the state at instruction 0; what stands before it is prepare's.
  for (const recorded of CASES) {
    it(recorded.name, () => {
      const text = recorded.log.join("\n");
      const walked = text.indexOf("\n0: R1=ctx()");
      const { log, errno } = run(recorded);
      if (walked >= 0) {
        expect(log).toBe(text.slice(0, walked + 1));
        expect(errno).toBe(0);
      } else {
        expect(log).toBe(text.slice(0, text.indexOf("processed 0 insns")));
        expect(errno).toBe(recorded.errno);
      }
    });
  }

  it("refuses back edges and subprograms to those without CAP_BPF", () => {
    const caps = { bpf: false, perfmon: false, netAdmin: false, sysAdmin: false };
    const refusal = (source: string): string => {
      const insns = assemble(source);
      const input = { ...caseInput({ prog_type: PROG_TYPE.SOCKET_FILTER, insns: "" }, 1), insns, caps };
      const env = prepareEnv(input);
      expect(() => prepare(env)).toThrow(Rejection);
      return env.log.text();
    };
    expect(refusal("r0 = 0\nr0 += 1\nif r0 != 0xa goto pc-2\nexit")).toBe("back-edge from insn 2 to 1\n");
    expect(refusal("call pc+1\nexit\nr0 = 0\nexit")).toBe(
      "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN\n",
    );
  });

  it("marks where states are compared and where jumps are recorded", () => {
    const insns = assemble("if r1 == 0x0 goto pc+1\ngoto pc+1\ncall bpf_get_prandom_u32\nr0 = 0\nexit");
    const env = prepareEnv({ ...caseInput({ prog_type: PROG_TYPE.XDP, insns: "" }, 0), insns });
    prepare(env);
    const marked = (key: "prunePoint" | "jmpPoint"): number[] =>
      env.aux.flatMap((aux, i) => (aux[key] ? [i] : []));
    expect(marked("prunePoint")).toEqual([0, 2, 3]);
    expect(marked("jmpPoint")).toEqual([2, 3]);
  });
});

describe("orders", () => {
  it("walk jump targets first, and count an instruction once it waits", () => {
    const insns = assemble(
      "call bpf_get_prandom_u32\nif r0 != 0x0 goto pc+2\nr1 = 1\ngoto pc+3\nr1 = 2\nr1 = 3\ngoto pc-5\nr0 = 0\nexit",
    );
    expect(postorder(insns, [{ start: 0, end: insns.length }])).toEqual([6, 5, 4, 8, 7, 3, 2, 1, 0]);
  });

  it("number loops as they are completed, the innermost way out first", () => {
    const insns = assemble("r0 = 0\nr0 += 1\nif r0 < 0xa goto pc-2\nr0 += 1\nif r0 < 0x1e goto pc-2\nexit");
    expect([...components(insns, [{ start: 0, end: insns.length }])]).toEqual([0, 2, 2, 1, 1, 0]);
  });
});
