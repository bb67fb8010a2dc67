import { describe, expect, it } from "vitest";
import { createPlane, type Plane } from "../../../../test/maps/plane.ts";
import { createRandom, testSeed } from "../../../../test/maps/random.ts";
import { link } from "../../../../test/support/jit_machine.ts";
import { assemble } from "../../../isa/asm.ts";
import type { MapExports } from "../../maps/exports.ts";
import type { BpfMap } from "../../maps/map.ts";
import { cpuAddress } from "../../mem/layout.ts";
import type { ExecHelper } from "../../prog/program.ts";
import { createJit } from "../jit.ts";

const seed = testSeed("map lookups");
const TYPES = {
  hash: 1,
  array: 2,
  percpu_hash: 5,
  percpu_array: 6,
  lru_hash: 9,
  lru_percpu_hash: 10,
} as const;

function makeMap(plane: Plane, type: number, keySize: number, maxEntries: number): BpfMap {
  return plane.createMap({
    type,
    keySize,
    valueSize: 12,
    maxEntries,
    flags: 0,
    mapExtra: 0n,
    numaNode: 0,
    name: "m",
  });
}

/** Compiles a program that looks the context up in a map and returns the value's address; counts helper calls. */
function lookup(plane: Plane, map: BpfMap, constKey?: number) {
  const { memory } = plane.plane.mem;
  const exports = plane.plane.exports as unknown as MapExports;
  let calls = 0;
  const helper: ExecHelper = {
    id: 1,
    name: "map_lookup_elem",
    nargs: 2,
    call: (m = 0n, key = 0n) => {
      calls++;
      return exports.map_lookup_elem(m, key);
    },
  };
  const { table } = plane.plane;
  const mapEachNext = exports.map_each_next;
  const env = { memory, table, helper: () => helper, ldAbs: () => -1n, mapEachNext };
  const insns = assemble(`r2 = r1\nr1 = ${map.address} ll\ncall bpf_map_lookup_elem#1\nexit`);
  const fact = { callMap: 0, ...(constKey === undefined ? {} : { constKey }) };
  const facts = insns.map((x) => (x.code === 0x85 ? fact : undefined));
  const { entry } = createJit(env).load(link({ insns, facts, maps: [map] }));
  return {
    run: (key: number, cpu: number): bigint => {
      plane.plane.exports.cpu_enter(cpuAddress(cpu));
      return entry(BigInt(key), cpuAddress(cpu));
    },
    generic: (key: number): bigint => exports.map_lookup_elem(BigInt(map.address), BigInt(key)),
    calls: () => calls,
  };
}

describe.each(Object.entries(TYPES))("lookup in %s", (name, type) => {
  const isArray = name.endsWith("array");
  const sizes = isArray ? [4] : [1, 2, 4, 8, 10, 12, 16, 17, 20, 24, 40];
  it.each(sizes)("finds what the data plane finds, inline, with keys of %i bytes", async (keySize) => {
    const plane = await createPlane();
    const next = createRandom(seed + keySize);
    const map = makeMap(plane, type, keySize, 50);
    const key = plane.plane.exports.alloc(64) >>> 0;
    const keys = Array.from({ length: 100 }, (_, i) => {
      const bytes = isArray
        ? new Uint8Array(Uint32Array.of(next.chance(0.1) ? next.int(2 ** 32) : i).buffer)
        : next.bytes(keySize);
      return bytes;
    });
    const value = new Uint8Array(map.syscallValueSize);
    if (!isArray) for (const k of keys.slice(0, 40)) map.update(k, value, 0n);
    const program = lookup(plane, map);
    let found = 0;
    for (const cpu of [0, 1]) {
      for (const k of keys) {
        plane.plane.mem.u8.set(k, key);
        const got = program.run(key, cpu);
        expect(got).toBe(program.generic(key));
        if (got !== 0n) found++;
      }
    }
    expect(program.calls()).toBe(0);
    expect(found).toBeGreaterThan(isArray ? 60 : 40);
    expect(found).toBeLessThan(200);
  });
});

describe("lookup by a constant key", () => {
  it.each([
    ["array", TYPES.array],
    ["percpu_array", TYPES.percpu_array],
  ])("in %s is an address", async (_name, type) => {
    const plane = await createPlane();
    const map = makeMap(plane, type, 4, 5);
    const key = plane.plane.exports.alloc(8) >>> 0;
    for (const index of [0, 4, 5, 0xffffffff]) {
      plane.plane.mem.view.setUint32(key, index, true);
      for (const cpu of [0, 1]) {
        const program = lookup(plane, map, index);
        // The key in memory is not read.
        expect(program.run(0, cpu)).toBe(program.generic(key));
        expect(program.calls()).toBe(0);
      }
    }
  });
});

describe("lookup in other maps", () => {
  it("calls the helper", async () => {
    const plane = await createPlane();
    const map = makeMap(plane, TYPES.hash, 7, 5);
    const key = plane.plane.exports.alloc(8) >>> 0;
    const program = lookup(plane, map);
    expect(program.run(key, 0)).toBe(0n);
    expect(program.calls()).toBe(1);
  });
});

it("an lru_hash's element counts as used after a lookup", async () => {
  const plane = await createPlane();
  const map = makeMap(plane, TYPES.lru_hash, 4, 2);
  const word = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer);
  const key = plane.plane.exports.alloc(8) >>> 0;
  const fill = (n: number): void => map.update(word(n), new Uint8Array(12), 0n);
  const program = lookup(plane, map);
  for (let n = 0; n < 20; n++) {
    fill(n);
    // Key 0 is looked up all the time, so it is never the one to go.
    plane.plane.mem.view.setUint32(key, 0, true);
    expect(program.run(key, 0), `after key ${n}`).not.toBe(0n);
  }
});
