import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Btf } from "../../src/btf/btf.ts";
import { parseObject } from "../../src/lib/parse_object.ts";
import type { ObjectSpec } from "../../src/lib/spec.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** The bytes of an object of test/fixtures or examples, by its name without `.bpf.o`. */
export function fixtureBytes(name: string): Uint8Array {
  const dir = readdirSync(join(ROOT, "test/fixtures")).includes(`${name}.bpf.o`)
    ? "test/fixtures"
    : "examples";
  return readFileSync(join(ROOT, dir, `${name}.bpf.o`));
}

/** An object of test/fixtures or examples, parsed. */
export function fixture(name: string): ObjectSpec {
  return parseObject(fixtureBytes(name), { file: `${name}.bpf.o` });
}

/** The BTF of an object of test/fixtures or examples. */
export function fixtureBtf(name: string): Btf {
  const { btf } = fixture(name);
  if (btf === undefined) throw new Error(`${name} has no BTF`);
  return btf;
}

/** The names of all objects of test/fixtures and examples. */
export const FIXTURES: readonly string[] = ["test/fixtures", "examples"].flatMap((dir) =>
  readdirSync(join(ROOT, dir))
    .filter((name) => name.endsWith(".bpf.o"))
    .map((name) => name.replace(/\.bpf\.o$/, "")),
);
