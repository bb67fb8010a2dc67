// All tests: build, types, formatter and linter, layers, then vitest. The last line is `N passed, N failed`; each step
// before vitest counts as one test.
//
//   npm test [-- vitest arguments]
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STEPS = ["build", "typecheck", "lint", "layers", "unused", "package"];

// Landing asks the same random questions each time, so that a change is judged by itself; `npm run fuzz` asks new ones.
const SEED = "20261121";
const env = { ANYBPF_SEED: SEED, ...process.env, npm_config_update_notifier: "false" };
let passed = 0;
let failed = 0;
const skipped = [];

for (const name of STEPS) {
  console.log(`# ${name}`);
  const { status } = spawnSync("npm", ["run", "-s", name], { stdio: ["ignore", "inherit", "inherit"], env });
  if (status === 0) passed++;
  else {
    failed++;
    console.log(`# ${name} failed`);
    if (name === "build") process.exitCode = 1;
  }
}

const scratch = mkdtempSync(join(tmpdir(), "anybpf-test-"));
const report = join(scratch, "vitest.json");
try {
  console.log("# vitest");
  const { status } = spawnSync(
    "npx",
    [
      "--no-install",
      "vitest",
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...process.argv.slice(2),
    ],
    { stdio: ["ignore", "inherit", "inherit"], env },
  );
  const result = JSON.parse(readFileSync(report, "utf8"));
  passed += result.numPassedTests;
  failed += result.numFailedTests;
  // A file that does not even load has no tests to count.
  for (const file of result.testResults)
    if (file.status === "failed" && file.assertionResults.length === 0) failed++;
  if (result.numPendingTests > 0) skipped.push(result.numPendingTests);
  if (status !== 0 && failed === 0) failed++;
} catch (error) {
  console.error(`# vitest gave no report: ${error.message}`);
  failed++;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

console.log(`\n${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped[0]} skipped` : ""}`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
