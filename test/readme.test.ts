import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The code blocks of the README in one language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    (m) => m[1] ?? "",
  );
}

test("the example of the library runs and prints what its comments say", () => {
  const scratch = mkdtempSync(join(tmpdir(), "anybpf-readme-"));
  try {
    const [example] = blocks("ts");
    expect(example?.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
    const entry = pathToFileURL(join(root, "dist/index.js")).href;
    const file = join(scratch, "example.mjs");
    writeFileSync(file, (example ?? "").replace('"anybpf"', JSON.stringify(entry)));
    const { stdout, stderr, status } = spawnSync(process.execPath, [file], { cwd: root, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const promised = [...(example ?? "").matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((m) => m[1]);
    expect(promised.length).toBeGreaterThan(1);
    expect(stdout.trimEnd().split("\n")).toEqual(promised);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});

test("the line for `check` answers as it should", () => {
  const line = /^echo '(.*)' \| npx anybpf check -$/m.exec(readme)?.[1] ?? "";
  const { stdout } = spawnSync(process.execPath, [join(root, "dist/tools/anybpf/main.js"), "check", "-"], {
    input: line,
    encoding: "utf8",
  });
  expect(JSON.parse(stdout)).toMatchObject({ verdict: "accept", errno: 0 });
});

test("every option that the README names exists", () => {
  const { stdout } = spawnSync(process.execPath, [join(root, "dist/tools/anybpf/main.js"), "help", "run"], {
    encoding: "utf8",
  });
  const named = [...readme.matchAll(/`(--[a-z-]+)`/g)].map((m) => m[1] ?? "");
  expect(named.length).toBeGreaterThan(4);
  for (const option of named) expect(stdout).toContain(option);
});
