import { parseArgs } from "node:util";
import { generateTest } from "./generate.ts";
import type { ProgType } from "./writer.ts";

// The body of scripts/generate.mjs.
const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    seed: { type: "string" },
    type: { type: "string" },
    wrong: { type: "string", default: "1" },
    mutated: { type: "string", default: "20" },
    text: { type: "boolean", default: false },
  },
});
const seed = values.seed === undefined ? Date.now() & 0x7fffffff : Number(values.seed);
const options = {
  wrong: Number(values.wrong),
  mutated: Number(values.mutated),
  ...(values.type === undefined ? {} : { type: values.type as ProgType }),
};
for (let i = 0; i < Number(positionals[0] ?? 1); i++) {
  const { test, text } = generateTest(seed + i, options);
  console.log(values.text ? `; ${test.name} ${test.prog_type}\n${text}\n` : JSON.stringify(test));
}
