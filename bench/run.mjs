// Runs a benchmark of this directory: bundles its TypeScript first, which Node 20 cannot run as it is.
//
//   node bench/run.mjs [jit|maps] [arguments]          (npm run bench)
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const here = dirname(fileURLToPath(import.meta.url));
const name = process.argv[2] ?? "jit";
process.argv.splice(2, 1);
process.chdir(join(here, ".."));
const dir = mkdtempSync(join(tmpdir(), "anybpf-bench-"));
try {
  const bundle = await rolldown({ input: join(here, `${name}.ts`), platform: "node", logLevel: "silent" });
  const file = join(dir, `${name}.mjs`);
  await bundle.write({ file, format: "esm" });
  await import(pathToFileURL(file).href);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
