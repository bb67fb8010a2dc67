// Writes random programs as TEST lines for ../shared/oracle/kbpf.py and `anybpf check` (docs/testing.md):
//
//   node scripts/generate.mjs [COUNT] [--seed N] [--type xdp] [--wrong PERCENT] [--mutated PERCENT] [--text]
//
// Program i is that of seed N + i; its name says so. --text prints it in the verifier log's syntax instead. The work
// is in test/differential/; it is bundled into a temporary file first, for Node 20 runs no TypeScript.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dir = mkdtempSync(join(tmpdir(), "anybpf-generate-"));
try {
  const bundle = await rolldown({
    input: join(root, "test/differential/main.ts"),
    platform: "node",
    logLevel: "silent",
  });
  const file = join(dir, "generate.mjs");
  await bundle.write({ file, format: "esm" });
  await import(pathToFileURL(file).href);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
