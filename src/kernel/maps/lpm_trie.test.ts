import { describe, expect, it } from "vitest";
import { attempt, dump, spec } from "../../../test/maps/ask.ts";
import { createPlane } from "../../../test/maps/plane.ts";
import { createRandom, type Random, testSeed } from "../../../test/maps/random.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import type { BpfMap } from "./map.ts";

/** A route: prefix length and address. */
interface Route {
  readonly bits: number;
  readonly address: number;
}

function keyOf({ bits, address }: Route): Uint8Array {
  const key = new Uint8Array(8);
  const view = new DataView(key.buffer);
  view.setUint32(0, bits, true);
  view.setUint32(4, address, false);
  return key;
}

function mask(address: number, bits: number): number {
  return bits === 0 ? 0 : (address & (-1 << (32 - bits))) >>> 0;
}

/** Routes as the internet has them: mostly /24, clustered, some short, some hosts. */
function randomRoute(random: Random): Route {
  const bits = random.chance(0.6) ? 24 : random.chance(0.9) ? 8 + random.int(25) : random.int(9);
  const address = (random.int(40) << 24) | (random.int(8) << 16) | (random.int(256) << 8) | random.int(256);
  return { bits, address: mask(address >>> 0, bits) };
}

/** The longest match by trying all lengths. */
function model(routes: Map<string, number>, address: number, most = 32): number | undefined {
  for (let bits = most; bits >= 0; bits--) {
    const found = routes.get(`${bits}/${mask(address, bits)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function lookup(map: BpfMap, address: number, bits = 32): number | undefined {
  const value = attempt(() => map.lookup(keyOf({ bits, address }), 0n));
  return typeof value === "number" ? undefined : new DataView(value.buffer).getUint32(0, true);
}

describe("lpm_trie", async () => {
  const { plane, createMap, used } = await createPlane();

  it("finds the longest prefix among many routes as they come, change and go", () => {
    const random = createRandom(testSeed("lpm_trie"));
    const map = createMap(
      spec({ type: MAP_TYPE.LPM_TRIE, keySize: 8, maxEntries: 20_000, flags: 1, name: "routes" }),
    );
    const routes = new Map<string, number>();
    const all: Route[] = [];
    const checkSome = (n: number) => {
      for (let i = 0; i < n; i++) {
        const near = all[random.int(all.length)];
        const address =
          random.chance(0.7) && near ? near.address | random.int(256) : randomRoute(random).address;
        expect(lookup(map, address >>> 0), `${address >>> 0}`).toBe(model(routes, address >>> 0));
        const most = random.int(33);
        expect(lookup(map, address >>> 0, most)).toBe(model(routes, address >>> 0, most));
      }
    };
    const value = new Uint8Array(4);
    for (let i = 0; i < 12_000; i++) {
      const route = randomRoute(random);
      new DataView(value.buffer).setUint32(0, i, true);
      map.update(keyOf(route), value, 0n);
      routes.set(`${route.bits}/${route.address}`, i);
      all.push(route);
      if (i % 50 === 0) checkSome(8);
    }
    // Enough for the wide root.
    expect(routes.size).toBeGreaterThan(5000);
    const pairs = dump(map);
    expect(pairs.length).toBe(routes.size);
    expect(new Set(pairs.map(([key]) => key)).size).toBe(routes.size);
    for (let i = 0; all.length > 0; i++) {
      const at = random.int(all.length);
      const route = all[at];
      const last = all.pop();
      if (route === undefined || last === undefined) break;
      if (at < all.length) all[at] = last;
      const known = routes.delete(`${route.bits}/${route.address}`);
      const result = attempt(() => map.delete(keyOf(route)));
      expect(result).toBe(known ? undefined : -2);
      if (i % 50 === 0 && all.length > 0) checkSome(8);
    }
    expect(dump(map)).toEqual([]);
    map.free();
    expect(used()).toBe(0);
  });

  it("states its memory: at most 100 bytes a route of a routing table's shape", () => {
    const random = createRandom(1);
    const map = createMap(
      spec({ type: MAP_TYPE.LPM_TRIE, keySize: 8, valueSize: 8, maxEntries: 200_000, flags: 1 }),
    );
    const before = plane.exports.alloc_used();
    const value = new Uint8Array(8);
    const seen = new Set<number>();
    while (seen.size < 100_000) {
      const address = ((random.int(200) << 24) | (random.int(16) << 16) | (random.int(256) << 8)) >>> 0;
      seen.add(address);
      map.update(keyOf({ bits: 24, address }), value, 0n);
    }
    const bytes = (plane.exports.alloc_used() - before) / seen.size;
    console.log(`lpm_trie: ${bytes.toFixed(1)} bytes a route`);
    expect(bytes).toBeLessThan(100);
    map.free();
    expect(used()).toBe(0);
  });
});
