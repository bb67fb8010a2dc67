// Prints each program of the given object files as a line of JSON for kbpf.py and `anybpf check`; see docs/testing.md.
import { readFileSync } from "node:fs";
import { Btf } from "../../src/btf/btf.ts";
import { parseObject } from "../../src/lib/parse_object.ts";
import { LINUX_6_18 } from "../../src/lib/resolve.ts";
import { PROG_TYPE } from "../../src/uapi/prog_type.ts";
import { toTests } from "./object_to_test.ts";

const args = process.argv.slice(2);
const options = new Map<string, string | undefined>();
for (const arg of args) {
  const [name = "", value] = arg.split("=");
  if (arg.startsWith("--")) options.set(name, value);
}
const files = args.filter((arg) => !arg.startsWith("--"));
if (files.length === 0) {
  console.error(
    "usage: node scripts/obj2test.mjs [--type=NAME] [--no-btf] [--prog=NAME] [--vmlinux[=FILE]] [--program-arrays] [--runs=HEX,…] FILE.o …",
  );
  process.exit(2);
}
const typeName = options.get("--type");
const type = typeName === undefined ? undefined : PROG_TYPE[typeName.toUpperCase() as keyof typeof PROG_TYPE];
const vmlinux = options.has("--vmlinux")
  ? Btf.parse(readFileSync(options.get("--vmlinux") ?? "/sys/kernel/btf/vmlinux"), { name: "vmlinux" })
  : undefined;
let failed = 0;
for (const file of files) {
  try {
    const object = parseObject(readFileSync(file), { file, legacySections: true });
    const tests = toTests(object, {
      target: vmlinux === undefined ? LINUX_6_18 : { ...LINUX_6_18, btf: vmlinux },
      ...(type === undefined ? {} : { type }),
      noBtf: options.has("--no-btf"),
      programArrays: options.has("--program-arrays"),
    });
    for (const test of tests) {
      if (options.has("--prog") && !test.name.endsWith(`:${options.get("--prog")}`)) continue;
      if ("error" in test) {
        failed++;
        console.error(test.error);
        continue;
      }
      const runs = options.get("--runs");
      if (runs !== undefined) test.runs = runs.split(",").map((data_in) => ({ data_in }));
      console.log(JSON.stringify(test));
    }
  } catch (error) {
    failed++;
    console.error(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}
if (failed > 0) process.exitCode = 1;
