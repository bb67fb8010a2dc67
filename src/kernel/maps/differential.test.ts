import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import {
  answer,
  askKernel,
  kernelOps,
  type Op,
  type Result,
  spec,
  toHex,
  whyNoKernel,
} from "../../../test/maps/ask.ts";
import { createPlane } from "../../../test/maps/plane.ts";
import { createRandom, type Random, testSeed } from "../../../test/maps/random.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import type { BpfMap, MapSpec } from "./map.ts";

/** Operations for each map: ANYBPF_FUZZ_OPS, or a few thousand. */
const OPS = Number(process.env.ANYBPF_FUZZ_OPS ?? 2000);
const LINE = 500;

interface Case {
  readonly name: string;
  readonly spec: MapSpec;
  /** How many different keys there are. */
  readonly keys: number;
  /** False where Linux's order depends on its seed: then contents are compared, and no single next key. */
  readonly ordered: boolean;
}

const NO_PREALLOC = MAP_FLAG.NO_PREALLOC;

const CASES: readonly Case[] = [
  ...hashes("hash", MAP_TYPE.HASH, 20, 0),
  ...hashes("hash, not preallocated", MAP_TYPE.HASH, 20, NO_PREALLOC),
  ...hashes("percpu_hash", MAP_TYPE.PERCPU_HASH, 20, 0),
  // An LRU that never fills: whom Linux evicts depends on its lists for each CPU.
  ...hashes("lru_hash", MAP_TYPE.LRU_HASH, 1000, 0),
  ...hashes("lru_percpu_hash", MAP_TYPE.LRU_PERCPU_HASH, 1000, 0),
  ...[1, 4, 13].flatMap((valueSize) => [
    array("array", MAP_TYPE.ARRAY, valueSize),
    array("percpu_array", MAP_TYPE.PERCPU_ARRAY, valueSize),
    queue("queue", MAP_TYPE.QUEUE, valueSize),
    queue("stack", MAP_TYPE.STACK, valueSize),
  ]),
  ...[5, 6, 8, 12, 20, 44].map((keySize) => trie(keySize, 40)),
];

function hashes(name: string, type: number, maxEntries: number, flags: number): Case[] {
  return [
    [1, 1],
    [4, 4],
    [5, 3],
    [8, 8],
    [12, 20],
    [16, 64],
    [21, 200],
  ].map(([keySize = 0, valueSize = 0]) => ({
    name: `${name} ${keySize}/${valueSize}`,
    spec: spec({ type, keySize, valueSize, maxEntries, flags }),
    keys: 30,
    ordered: false,
  }));
}

function array(name: string, type: number, valueSize: number): Case {
  const maxEntries = 7;
  return {
    name: `${name} ${valueSize}`,
    spec: spec({ type, valueSize, maxEntries }),
    keys: 10,
    ordered: true,
  };
}

function queue(name: string, type: number, valueSize: number): Case {
  const only = spec({ type, keySize: 0, valueSize, maxEntries: 9 });
  return { name: `${name} ${valueSize}`, spec: only, keys: 1, ordered: true };
}

function trie(keySize: number, maxEntries: number): Case {
  const only = spec({ type: MAP_TYPE.LPM_TRIE, keySize, valueSize: 8, maxEntries, flags: NO_PREALLOC });
  return { name: `lpm_trie ${keySize}`, spec: only, keys: 0, ordered: true };
}

/** A maker of keys: one of a few, so that operations meet. */
function keyMaker(random: Random, { spec: { type, keySize }, keys }: Case): () => string | null {
  if (keySize === 0) return () => null;
  if (type === MAP_TYPE.LPM_TRIE) {
    const some = Array.from({ length: 50 }, () => toHex(prefixKey(random, keySize - 4)));
    return () =>
      (random.chance(0.3) ? undefined : some[random.int(50)]) ?? toHex(prefixKey(random, keySize - 4));
  }
  if (type === MAP_TYPE.ARRAY || type === MAP_TYPE.PERCPU_ARRAY)
    return () => toHex(new Uint8Array(Uint32Array.of(random.int(keys)).buffer));
  const all = Array.from({ length: keys }, () => toHex(random.bytes(keySize)));
  return () => all[random.int(keys)] ?? "";
}

/** A prefix whose data has few different bytes, so that prefixes cover each other; sometimes one that is too long. */
function prefixKey(random: Random, size: number): Uint8Array {
  const key = new Uint8Array(4 + size);
  const bits = size * 8;
  const length = random.chance(0.02)
    ? bits + 1 + random.int(9)
    : random.chance(0.3)
      ? bits
      : random.int(bits + 1);
  new DataView(key.buffer).setUint32(0, length, true);
  for (let i = 4; i < key.length; i++)
    key[i] = random.chance(0.8) ? random.pick([0, 0x80, 0x81, 0xff]) : random.int(256);
  // Mostly without bits beyond the prefix, as they should not matter.
  if (random.chance(0.9)) for (let bit = length; bit < bits; bit++) clearBit(key, bit);
  return key;
}

function clearBit(key: Uint8Array, bit: number): void {
  const at = 4 + (bit >> 3);
  key[at] = (key[at] ?? 0) & ~(0x80 >> (bit & 7));
}

function operations(random: Random, test: Case, map: BpfMap): Op[] {
  const key = keyMaker(random, test);
  const ops: Op[] = [];
  const hasKeys = test.spec.keySize !== 0;
  while (ops.length < OPS) {
    const flags = random.chance(0.95) ? random.int(3) : random.int(9);
    const lookupFlags = random.chance(0.98) ? 0 : random.int(9);
    const dice = random.int(100);
    if (dice < 45) ops.push(["update", key(), toHex(random.bytes(map.syscallValueSize)), flags]);
    else if (dice < 70) ops.push(["lookup", key(), lookupFlags]);
    else if (dice < 85) {
      const gone = key();
      if (gone !== null) ops.push(["delete", gone]);
    } else if (dice < 90) ops.push(["lad", key(), lookupFlags]);
    else if (dice < 92 && hasKeys) ops.push(["dump"]);
    else if (test.ordered) ops.push(["next", random.chance(0.2) ? null : key()]);
  }
  if (hasKeys) ops.push(["dump"]);
  return ops;
}

/** Pairs in an order of their own where the map's order says nothing. */
function plain(result: unknown, ordered: boolean): unknown {
  return Array.isArray(result) && !ordered ? [...result].sort() : result;
}

const why = whyNoKernel() ?? (availableParallelism() < 2 ? "per-CPU values need 2 CPUs" : undefined);
if (why !== undefined) console.log(`maps against the live kernel: skipped, ${why}`);

describe.skipIf(why !== undefined)("random operations, as the live kernel answers them", async () => {
  const seed = testSeed("map operations");
  const cpus = availableParallelism();
  const { createMap, used } = await createPlane({ cpus });
  const runs = CASES.map((test, i) => {
    const map = createMap(test.spec);
    return { test, map, ops: operations(createRandom(seed + i * 7919), test, map) };
  });
  // One process for all: each map is closed before the next one, so that it is the first descriptor of its own.
  const answers = why === undefined ? askKernel(runs.flatMap(kernelLines)) : undefined;
  const left = answers?.[Symbol.iterator]();

  it.each(runs.map((run) => [run.test.name, run] as const))("%s", (_name, run) => {
    const { test, map, ops } = run;
    const [made, ...results] = kernelLines(run).map(() => left?.next().value);
    expect(made).toEqual([3]);
    const kernel = results.flat() as Result[];
    expect(kernel.length).toBe(ops.length + 1);
    ops.forEach((op, n) => {
      const ours = plain(answer(map, op), test.ordered);
      const what = `operation ${n} of seed ${seed}: ${JSON.stringify(op)}`;
      expect(ours, what).toEqual(plain(kernel[n], test.ordered));
    });
    map.free();
  });

  it("leaves no memory behind", () => {
    expect(used()).toBe(0);
  });
});

/** What kmaps.py is asked for one map. */
function kernelLines({ test, map, ops }: { test: Case; map: BpfMap; ops: readonly Op[] }): unknown[][] {
  const { type, keySize, valueSize, maxEntries, flags } = test.spec;
  // The map is the first descriptor that the script opens, after the standard ones.
  const asked = kernelOps(3, map, ops);
  const lines: unknown[][] = [[["create", type, keySize, valueSize, maxEntries, flags]]];
  for (let at = 0; at < asked.length; at += LINE) lines.push(asked.slice(at, at + LINE));
  lines.push([["close", 3]]);
  return lines;
}
