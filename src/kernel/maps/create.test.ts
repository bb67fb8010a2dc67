import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { attempt, spec } from "../../../test/maps/ask.ts";
import { createPlane } from "../../../test/maps/plane.ts";
import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE, MAP_TYPES } from "../../uapi/map_type.ts";
import { supportsMapType } from "./create.ts";
import { MAP } from "./layout.ts";
import type { CreateMap, MapSpec } from "./map.ts";

/** These were recorded without an inner map, which is the system call's to check. */
const NEED_INNER: ReadonlySet<number> = new Set([MAP_TYPE.ARRAY_OF_MAPS, MAP_TYPE.HASH_OF_MAPS]);
const FACTS = "../shared/facts/map-create.tsv";

/** 0, or the errno. */
function outcome(createMap: CreateMap, asked: MapSpec): number {
  const map = attempt(() => createMap(asked));
  if (typeof map === "number") return -map;
  map.free();
  return 0;
}

describe("createMap", async () => {
  const { plane, createMap, used } = await createPlane();

  it("has the header where layout.ts says", () => {
    const offsets = Object.values(MAP);
    expect(offsets.map((_, i) => plane.exports.map_offset(i))).toEqual(offsets);
    const map = createMap(spec({ type: MAP_TYPE.PERCPU_ARRAY, valueSize: 12, maxEntries: 5 }));
    const word = (offset: number) => plane.mem.view.getUint32(map.address + offset, true);
    expect(word(MAP.type)).toBe(MAP_TYPE.PERCPU_ARRAY);
    expect([word(MAP.keySize), word(MAP.valueSize), word(MAP.maxEntries)]).toEqual([4, 12, 5]);
    expect([word(MAP.elemSize), word(MAP.cpuStride)]).toEqual([16, 80]);
    map.free();
    expect(used()).toBe(0);
  });

  const noFacts = existsSync(FACTS) ? undefined : `${FACTS} is not there`;
  if (noFacts !== undefined) console.log(`map creation facts: skipped, ${noFacts}`);
  it.skipIf(noFacts !== undefined)(
    "answers as Linux for every combination of the recorded sizes and flags",
    () => {
      const recorded = new Map<string, number>();
      for (const line of readFileSync(FACTS, "utf8").split("\n")) {
        if (line === "" || line.startsWith("#")) continue;
        const [name, key, value, entries, flags, errno] = line.split("\t");
        recorded.set([name, key, value, entries, Number(flags)].join(), Number(errno));
      }
      const flagBits = [0, 1, 2, 4, 8, 16, 64, 128, 256, 512, 1024, 2048, 1 << 15];
      const sizes = [0, 1, 4, 5, 8, 20, 64];
      const wrong: string[] = [];
      let asked = 0;
      for (const [upper, { value: type }] of Object.entries(MAP_TYPES)) {
        if (!supportsMapType(type) || NEED_INNER.has(type)) continue;
        for (const keySize of sizes)
          for (const valueSize of sizes)
            for (const maxEntries of [0, 1, 3, 4096])
              for (const flags of flagBits) {
                if (valueSize === 5 || valueSize === 20) continue;
                const wide = maxEntries >= 3 && [0, 4, 8].includes(keySize) && [0, 4, 8].includes(valueSize);
                if (flags !== 0 && !wide) continue;
                const row = [upper.toLowerCase(), keySize, valueSize, maxEntries, flags].join();
                const linux = recorded.get(row) ?? E.EINVAL;
                const ours = outcome(createMap, spec({ type, keySize, valueSize, maxEntries, flags }));
                if (ours !== linux) wrong.push(`${row}: ${ours}, Linux ${linux}`);
                asked++;
              }
      }
      expect(wrong).toEqual([]);
      expect(asked).toBeGreaterThan(3000);
      expect(used()).toBe(0);
    },
  );

  // What Linux 6.18 answered to test/maps/kmaps.py.
  it.each<[string, Partial<MapSpec> & Pick<MapSpec, "type">, number]>([
    ["hash: key and value fill a block", { type: MAP_TYPE.HASH, valueSize: 4194248 }, 0],
    ["hash: key and value too large", { type: MAP_TYPE.HASH, valueSize: 4194256 }, E.E2BIG],
    ["hash: too many entries", { type: MAP_TYPE.HASH, maxEntries: (1 << 27) + 1, flags: 1 }, E.E2BIG],
    ["hash: 2^32-1 entries", { type: MAP_TYPE.HASH, maxEntries: 0xffffffff }, E.E2BIG],
    ["percpu_hash: largest value", { type: MAP_TYPE.PERCPU_HASH, valueSize: 32768 }, 0],
    ["percpu_hash: value too large", { type: MAP_TYPE.PERCPU_HASH, valueSize: 32769 }, E.E2BIG],
    ["percpu_hash: a NUMA node", { type: MAP_TYPE.PERCPU_HASH, flags: MAP_FLAG.NUMA_NODE }, E.EINVAL],
    [
      "percpu_hash: no NUMA node",
      { type: MAP_TYPE.PERCPU_HASH, flags: MAP_FLAG.NUMA_NODE, numaNode: 0xffffffff },
      0,
    ],
    ["hash: a node that isn't", { type: MAP_TYPE.HASH, flags: MAP_FLAG.NUMA_NODE, numaNode: 1 }, E.EINVAL],
    ["hash: a node without the flag", { type: MAP_TYPE.HASH, numaNode: 63 }, 0],
    ["hash: map_extra", { type: MAP_TYPE.HASH, mapExtra: 1n }, E.EINVAL],
    ["hash: read-only and write-only", { type: MAP_TYPE.HASH, flags: 0x18 }, E.EINVAL],
    ["hash: the same for programs", { type: MAP_TYPE.HASH, flags: 0x180 }, E.EINVAL],
    ["hash: read-only on both sides", { type: MAP_TYPE.HASH, flags: 0x88 }, 0],
    ["lru_hash: not preallocated", { type: MAP_TYPE.LRU_HASH, flags: 1 }, E.ENOTSUPP],
    ["array: value beyond an int", { type: MAP_TYPE.ARRAY, valueSize: 0x80000000 }, E.E2BIG],
    ["array: no memory", { type: MAP_TYPE.ARRAY, maxEntries: 0xffffffff }, E.ENOMEM],
    ["array: for map in map", { type: MAP_TYPE.ARRAY, flags: MAP_FLAG.INNER_MAP }, 0],
    ["percpu_array: for map in map", { type: MAP_TYPE.PERCPU_ARRAY, flags: MAP_FLAG.INNER_MAP }, E.EINVAL],
    ["percpu_array: value too large", { type: MAP_TYPE.PERCPU_ARRAY, valueSize: 32769 }, E.E2BIG],
    ["prog_array: read-only", { type: MAP_TYPE.PROG_ARRAY, flags: MAP_FLAG.RDONLY }, 0],
    ["prog_array: no memory", { type: MAP_TYPE.PROG_ARRAY, maxEntries: 0xffffffff }, E.ENOMEM],
    ["lpm_trie: no data", { type: MAP_TYPE.LPM_TRIE, keySize: 4, flags: 1 }, E.EINVAL],
    ["lpm_trie: longest key", { type: MAP_TYPE.LPM_TRIE, keySize: 260, flags: 1 }, 0],
    ["lpm_trie: key too long", { type: MAP_TYPE.LPM_TRIE, keySize: 261, flags: 1 }, E.EINVAL],
    ["lpm_trie: largest value", { type: MAP_TYPE.LPM_TRIE, keySize: 8, valueSize: 4194024, flags: 1 }, 0],
    ["lpm_trie: too large", { type: MAP_TYPE.LPM_TRIE, keySize: 8, valueSize: 4194025, flags: 1 }, E.EINVAL],
    ["lpm_trie: any number", { type: MAP_TYPE.LPM_TRIE, keySize: 8, maxEntries: 0xffffffff, flags: 1 }, 0],
    ["queue: largest value", { type: MAP_TYPE.QUEUE, keySize: 0, valueSize: 4194304 }, 0],
    ["queue: value too large", { type: MAP_TYPE.QUEUE, keySize: 0, valueSize: 4194305 }, E.E2BIG],
    ["stack: with a key", { type: MAP_TYPE.STACK, keySize: 4 }, E.EINVAL],
    ["a type that isn't", { type: 77 }, E.EINVAL],
    ["no type", { type: 0 }, E.EINVAL],
    ["a type not supported yet", { type: MAP_TYPE.STRUCT_OPS }, E.EOPNOTSUPP],
  ])("%s", (_name, asked, errno) => {
    expect(outcome(createMap, spec(asked))).toBe(errno);
    expect(used()).toBe(0);
  });

  it("rounds the entries of LRU lists for each CPU up to a multiple of the CPUs", () => {
    for (const [asked, got] of [
      [1, 2],
      [2, 2],
      [5, 6],
    ] as const) {
      const flags = MAP_FLAG.NO_COMMON_LRU;
      const map = createMap(spec({ type: MAP_TYPE.LRU_HASH, maxEntries: asked, flags }));
      expect([map.maxEntries, map.spec.maxEntries]).toEqual([got, got]);
      map.free();
    }
  });

  it("refuses with ENOMEM when memory is full, and leaves nothing behind", async () => {
    const small = await createPlane({ maximumPages: 16 });
    for (const type of [MAP_TYPE.HASH, MAP_TYPE.ARRAY, MAP_TYPE.LRU_HASH, MAP_TYPE.PERCPU_HASH])
      expect(outcome(small.createMap, spec({ type, valueSize: 1000, maxEntries: 4096 }))).toBe(E.ENOMEM);
    expect(small.used()).toBe(0);
    const map = small.createMap(spec({ type: MAP_TYPE.HASH, valueSize: 1000, maxEntries: 4096, flags: 1 }));
    const key = new Uint8Array(4);
    const fill = () => {
      for (let i = 0; ; i++) {
        new DataView(key.buffer).setUint32(0, i, true);
        map.update(key, new Uint8Array(1000), 0n);
      }
    };
    expect(attempt(fill)).toBe(-E.ENOMEM);
    map.delete(Uint8Array.of(1, 0, 0, 0));
    map.update(key, new Uint8Array(1000), 0n);
    map.free();
    expect(small.used()).toBe(0);
  });
});
