// Checks who imports whom (.dependency-cruiser.cjs), and that the check saw the project at all.
import { createRequire } from "node:module";
import { cruise } from "dependency-cruiser";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";

const { forbidden, options } = createRequire(import.meta.url)("../.dependency-cruiser.cjs");
const { output } = await cruise(
  ["src"],
  { ...options, ruleSet: { forbidden }, validate: true, outputType: "json" },
  undefined,
  { tsConfig: extractTSConfig("tsconfig.json") },
);
const { modules, summary } = JSON.parse(output);
const own = modules.filter((m) => m.source.startsWith("src/"));
const rooms = new Set(own.map((m) => m.source.split("/").slice(0, 3).join("/")));
for (const v of summary.violations) console.error(`${v.rule.name}: ${v.from} -> ${v.to}`);
if (own.length < 20 || rooms.size < 5) {
  console.error(`layers: saw only ${own.length} modules; the check itself is broken`);
  process.exit(1);
}
console.log(`layers: ${own.length} modules, ${summary.violations.length} violations`);
process.exit(summary.violations.length === 0 ? 0 : 1);
