import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SysError } from "../../src/kernel/error.ts";
import type { BpfMap, MapSpec } from "../../src/kernel/maps/map.ts";

/** An operation on one map; keys and values are hex, null for no key. */
export type Op =
  | readonly ["lookup", string | null, number]
  | readonly ["update", string | null, string, number]
  | readonly ["delete", string]
  | readonly ["next", string | null]
  | readonly ["lad", string | null, number]
  | readonly ["dump"];

/** Its result: 0 or a negative errno, the hex of a key or value, or all pairs of the map. */
export type Result = number | string | readonly (readonly [string, string])[];

const SCRIPT = fileURLToPath(new URL("kmaps.py", import.meta.url));

/** The answers of the running kernel to lines of kmaps.py; undefined if it cannot be asked. */
export function askKernel(lines: readonly unknown[]): unknown[][] | undefined {
  const { stdout, status } = spawnSync("python3", [SCRIPT], {
    input: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (status !== 0) return undefined;
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown[]);
}

/** Why the running kernel cannot be asked about maps, or undefined. Throws if ANYBPF_REQUIRE_KERNEL is set. */
export function whyNoKernel(): string | undefined {
  const answer = askKernel([[["create", 2, 4, 4, 1, 0]]]);
  const made = answer?.[0]?.[0];
  if (typeof made === "number" && made > 0) return undefined;
  const why = `bpf(2) does not make maps here (${made})`;
  if (process.env.ANYBPF_REQUIRE_KERNEL) throw new Error(why);
  return why;
}

/** The operations as kmaps.py takes them, for the map behind descriptor `fd`. */
export function kernelOps(fd: number, map: BpfMap, ops: readonly Op[]): unknown[] {
  const { keySize, syscallValueSize } = map;
  return ops.map((op) => {
    switch (op[0]) {
      case "lookup":
      case "lad":
        return [op[0], fd, syscallValueSize, op[1], op[2]];
      case "next":
        return ["next", fd, keySize, op[1]];
      case "dump":
        return ["dump", fd, keySize, syscallValueSize];
      default:
        return [op[0], fd, ...op.slice(1)];
    }
  });
}

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What our map answers. */
export function answer(map: BpfMap, op: Op): Result {
  const key = typeof op[1] === "string" ? fromHex(op[1]) : undefined;
  const none = new Uint8Array(0);
  return attempt(() => {
    switch (op[0]) {
      case "lookup":
        return toHex(map.lookup(key ?? none, BigInt(op[2])));
      case "lad":
        return toHex(map.lookupAndDelete(key ?? none, BigInt(op[2])));
      case "update":
        map.update(key ?? none, fromHex(op[2]), BigInt(op[3]));
        return 0;
      case "delete":
        map.delete(key ?? none);
        return 0;
      case "next":
        return toHex(map.nextKey(key));
      case "dump":
        return dump(map);
    }
  });
}

/** The result, or the negative errno of a refusal. */
export function attempt<T>(run: () => T): T | number {
  try {
    return run();
  } catch (error) {
    if (error instanceof SysError) return -error.errno;
    throw error;
  }
}

/** All keys and values, in the order of nextKey. */
export function dump(map: BpfMap): [string, string][] {
  const pairs: [string, string][] = [];
  for (let key = attempt(() => map.nextKey(undefined)); typeof key !== "number"; ) {
    const at: Uint8Array = key;
    pairs.push([toHex(at), toHex(map.lookup(at, 0n))]);
    key = attempt(() => map.nextKey(at));
  }
  return pairs;
}

/** A spec with defaults. */
export function spec(fields: Partial<MapSpec> & Pick<MapSpec, "type">): MapSpec {
  return {
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    flags: 0,
    mapExtra: 0n,
    numaNode: 0,
    name: "test",
    ...fields,
  };
}
