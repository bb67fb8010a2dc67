// Turns BPF object files into TEST lines for ../shared/oracle/kbpf.py and `anybpf check` (docs/testing.md):
//
//   node scripts/obj2test.mjs x.bpf.o | python3 ../shared/oracle/kbpf.py -
//
// The work is in test/support/obj2test.ts; it is bundled into a temporary file first, for Node 20 runs no TypeScript.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dir = mkdtempSync(join(tmpdir(), "anybpf-obj2test-"));
try {
  const bundle = await rolldown({
    input: join(root, "test/support/obj2test.ts"),
    platform: "node",
    logLevel: "silent",
  });
  const file = join(dir, "obj2test.mjs");
  await bundle.write({ file, format: "esm" });
  await import(pathToFileURL(file).href);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
