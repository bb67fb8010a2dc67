import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CaseTest, caseInput, scrub } from "./testing/verify_case.ts";
import { verify } from "./verify.ts";

interface Case {
  readonly name: string;
  readonly source?: readonly string[];
  readonly test: CaseTest;
  readonly verdict: "accept" | "reject";
  readonly errno: number;
  readonly log: readonly string[];
  readonly log_level?: number;
  readonly unpriv?: boolean;
}

/** What is refused by name instead of being understood, with the reason. */
const NOT_YET: Readonly<Record<string, string>> = {
  "call/kfunc": "kernel functions are refused",
};

const dir = join(import.meta.dirname, "cases");

for (const file of readdirSync(dir).filter((name) => name.endsWith(".json"))) {
  const cases = JSON.parse(readFileSync(join(dir, file), "utf8")) as Case[];
  describe(`as Linux 6.18: ${file}`, () => {
    for (const c of cases) {
      it(c.name, () => {
        const result = verify(caseInput(c.test, c.log_level ?? 2, c.unpriv !== true));
        if (NOT_YET[c.name] !== undefined) {
          expect(result.ok).toBe(false);
          return;
        }
        expect(scrub(result.log)).toBe(c.log.join("\n"));
        expect(result.ok ? 0 : result.errno).toBe(c.errno);
      });
    }
  });
}

describe("verify", () => {
  const first: CaseTest = { prog_type: "xdp", insns: "b7000000020000009500000000000000" };

  it("gives the same result for the same input", () => {
    const [a, b] = [verify(caseInput(first, 2)), verify(caseInput(first, 2))];
    expect(a).toEqual(b);
  });

  it("refuses a program type whose context it does not know by name", () => {
    const result = verify(caseInput({ ...first, prog_type: "lsm" }, 1));
    expect(result.ok).toBe(false);
    expect(result.log).toContain("anybpf: program type lsm is not supported yet");
  });

  it("is silent at level 0", () => {
    expect(verify(caseInput(first, 0)).log).toBe("");
  });
});
