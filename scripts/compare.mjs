// Puts programs in the TEST format to our kernel and to the live one, and shows where they differ. Run `npm run build`
// first.
//
//   node scripts/compare.mjs TESTS.jsonl [--kernel RESULTS.jsonl] [--log] [--unpriv] [--interp] [--show N] [--save FILE]
//
// --kernel   the live kernel's answers, recorded before (`kbpf.py --scrub -l 2 - < TESTS > RESULTS`)
// --log      compare whole logs at level 2 as well
// --save     write the tests that differ, to look at them again
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kernel: { type: "string" },
    log: { type: "boolean" },
    unpriv: { type: "boolean" },
    interp: { type: "boolean" },
    show: { type: "string", default: "20" },
    save: { type: "string" },
  },
});
const [file] = positionals;
if (file === undefined) {
  console.error(
    "usage: node scripts/compare.mjs TESTS.jsonl [--kernel RESULTS.jsonl] [--log] [--show N] [--save FILE]",
  );
  process.exit(2);
}

const tests = readFileSync(file, "utf8")
  .split("\n")
  .filter((l) => l.trim() !== "");
const level = values.log ? ["-l", "2"] : ["-l", "1"];

function ask(command, args) {
  const { stdout, status } = spawnSync(command, args, {
    input: `${tests.join("\n")}\n`,
    encoding: "utf8",
    maxBuffer: 4 * 1024 ** 3 - 1,
    stdio: ["pipe", "pipe", "inherit"],
  });
  if (status !== 0) console.error(`${command} ${args[0]}: exit ${status}`);
  return stdout
    .split("\n")
    .filter((l) => l !== "")
    .map((l) => JSON.parse(l));
}

const extra = values.unpriv ? ["--unpriv"] : [];
const linux = values.kernel
  ? readFileSync(values.kernel, "utf8")
      .split("\n")
      .filter((l) => l !== "")
      .map((l) => JSON.parse(l))
  : ask("python3", [join(root, "../shared/oracle/kbpf.py"), "--no-fork", "--scrub", ...level, ...extra, "-"]);
const started = performance.now();
const ours = ask(process.execPath, [
  join(root, "dist/tools/anybpf/main.js"),
  "check",
  "--scrub",
  ...level,
  ...extra,
  ...(values.interp ? ["--interp"] : []),
  "-",
]);
const seconds = (performance.now() - started) / 1000;

const last = (log = "") =>
  log
    .split("\n")
    .filter((l) => l !== "" && !/^(processed|verification time|stack depth)/.test(l))
    .slice(-1)[0] ?? "";
const outcome = (r) =>
  r === undefined ? "nothing" : `${r.verdict} ${r.errname}${r.setup_error ? ` ${r.setup_error}` : ""}`;
const runs = (r) => JSON.stringify((r.runs ?? []).map(({ duration_ns: _, ...rest }) => rest));

const counts = { same: 0, verdict: 0, errno: 0, runs: 0, log: 0, setup: 0 };
const differing = [];
tests.forEach((test, i) => {
  const [l, o] = [linux[i], ours[i]];
  if (l?.verdict === "error") {
    counts.setup++;
    return;
  }
  let kind = "same";
  if (l.verdict !== o?.verdict) kind = "verdict";
  else if (l.errno !== o.errno) kind = "errno";
  else if (l.verdict === "accept" && runs(l) !== runs(o)) kind = "runs";
  else if (values.log && l.log !== o.log) kind = "log";
  counts[kind]++;
  if (kind === "same") return;
  differing.push(test);
  if (differing.length > Number(values.show)) return;
  console.log(
    `#${i} ${l.name ?? ""}: ${kind}\n  linux: ${outcome(l)} | ${last(l.log)}\n  ours:  ${outcome(o)} | ${last(o?.log)}`,
  );
  if (kind === "runs") console.log(`  linux: ${runs(l)}\n  ours:  ${runs(o)}`);
  if (kind === "log") {
    const [a, b] = [l.log.split("\n"), (o.log ?? "").split("\n")];
    const at = a.findIndex((line, n) => line !== b[n]);
    console.log(`  line ${at + 1}\n  linux: ${a[at]}\n  ours:  ${b[at]}`);
  }
});
if (values.save) writeFileSync(values.save, differing.map((t) => `${t}\n`).join(""));
console.log(JSON.stringify({ tests: tests.length, ...counts, seconds: Math.round(seconds * 10) / 10 }));
