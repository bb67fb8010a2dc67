import { describe, expect, it } from "vitest";
import { attempt, dump, spec } from "../../../test/maps/ask.ts";
import { createPlane } from "../../../test/maps/plane.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { cpuAddress } from "../mem/layout.ts";
import type { BpfMap } from "./map.ts";

const u32 = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
const u64 = (...n: number[]) => new Uint8Array(BigUint64Array.from(n, BigInt).buffer);

describe("hash maps, as programs use them", async () => {
  const { plane, createMap, used } = await createPlane();
  const { exports, mem } = plane;
  const key = exports.alloc(64) >>> 0;
  const value = exports.alloc(64) >>> 0;
  const kept = used();

  /** What bpf_map_lookup_elem gives: an address, or 0. */
  const lookup = (map: BpfMap, at: Uint8Array): number => {
    mem.u8.set(at, key);
    return Number(exports.map_lookup_elem(BigInt(map.address), BigInt(key)));
  };
  const update = (map: BpfMap, at: Uint8Array, to: Uint8Array, flags = 0n): number => {
    mem.u8.set(at, key);
    mem.u8.set(to, value);
    return Number(exports.map_update_elem(BigInt(map.address), BigInt(key), BigInt(value), flags));
  };
  const remove = (map: BpfMap, at: Uint8Array): number => {
    mem.u8.set(at, key);
    return Number(exports.map_delete_elem(BigInt(map.address), BigInt(key)));
  };
  const read = (address: number) => mem.view.getUint32(address, true);
  const done = (map: BpfMap) => {
    map.free();
    expect(used()).toBe(kept);
  };

  it("replaces an element at once, and the old value stays readable", () => {
    const map = createMap(spec({ type: MAP_TYPE.HASH, maxEntries: 1 }));
    expect(update(map, u32(1), u32(10))).toBe(0);
    const before = lookup(map, u32(1));
    expect(update(map, u32(1), u32(11))).toBe(0);
    const after = lookup(map, u32(1));
    expect(after).not.toBe(before);
    expect([read(before), read(after)]).toEqual([10, 11]);
    expect(update(map, u32(2), u32(12))).toBe(-7);
    done(map);
  });

  it("keeps writes through a stale pointer inside the map", () => {
    for (const flags of [0, 1]) {
      const map = createMap(spec({ type: MAP_TYPE.HASH, maxEntries: 8, valueSize: 32, flags }));
      const other = createMap(spec({ type: MAP_TYPE.HASH, maxEntries: 8, valueSize: 32, flags: 1 }));
      for (let i = 0; i < 8; i++) update(map, u32(i), new Uint8Array(32).fill(i));
      const stale = lookup(map, u32(3));
      expect(remove(map, u32(3))).toBe(0);
      mem.bytes(stale, 32).fill(0xff);
      for (let i = 0; i < 8; i++) expect(update(other, u32(i), new Uint8Array(32).fill(0x40 + i))).toBe(0);
      expect(update(map, u32(9), new Uint8Array(32).fill(9))).toBe(0);
      expect(
        dump(other)
          .map(([, v]) => v.slice(0, 2))
          .sort(),
      ).toEqual(["40", "41", "42", "43", "44", "45", "46", "47"]);
      expect(
        dump(map)
          .map(([k]) => k.slice(0, 2))
          .sort(),
      ).toEqual(["00", "01", "02", "04", "05", "06", "07", "09"]);
      other.free();
      done(map);
    }
  });

  it("gives each CPU its own value, and user space all of them", () => {
    for (const type of [MAP_TYPE.PERCPU_HASH, MAP_TYPE.LRU_PERCPU_HASH, MAP_TYPE.PERCPU_ARRAY]) {
      const map = createMap(spec({ type, maxEntries: 3 }));
      exports.cpu_enter(cpuAddress(1));
      expect(update(map, u32(2), u32(7))).toBe(0);
      const mine = lookup(map, u32(2));
      expect(read(mine)).toBe(7);
      exports.cpu_enter(cpuAddress(0));
      const first = lookup(map, u32(2));
      expect([read(first), first === mine]).toEqual([0, false]);
      mem.view.setUint32(first, 5, true);
      expect(map.lookup(u32(2), 0n)).toEqual(u64(5, 7));
      expect(map.syscallValueSize).toBe(16);
      map.update(u32(2), u64(20, 21), 0n);
      expect([read(first), read(mine)]).toEqual([20, 21]);
      const on = (cpu: bigint) => {
        mem.u8.set(u32(2), key);
        return Number(exports.map_lookup_percpu_elem(BigInt(map.address), BigInt(key), cpu));
      };
      expect([on(0n), on(1n), on(2n), on(0xffffffffn)]).toEqual([first, mine, 0, 0]);
      done(map);
    }
  });

  it("evicts from a full LRU what was not used, and keeps what is", () => {
    for (const type of [MAP_TYPE.LRU_HASH, MAP_TYPE.LRU_PERCPU_HASH]) {
      const map = createMap(spec({ type, keySize: 8, maxEntries: 100 }));
      const out = exports.alloc_used();
      for (let i = 0; i < 100; i++) expect(update(map, u64(i), u32(i))).toBe(0);
      for (let i = 100; i < 2000; i++) {
        for (let hot = 0; hot < 50; hot++) expect(lookup(map, u64(hot)), `${hot} after ${i}`).not.toBe(0);
        expect(update(map, u64(i), u32(i))).toBe(0);
        // From user space, as that does not count as a use.
        expect(map.lookup(u64(i), 0n)[0]).toBe(i & 255);
      }
      expect(dump(map).length).toBe(100);
      expect(exports.alloc_used()).toBe(out);
      done(map);
    }
  });

  it("does not count a look from user space as a use", () => {
    const map = createMap(spec({ type: MAP_TYPE.LRU_HASH, maxEntries: 4 }));
    for (let i = 0; i < 4; i++) map.update(u32(i), u32(i), 0n);
    for (const i of [1, 2, 3]) lookup(map, u32(i));
    map.lookup(u32(0), 0n);
    map.update(u32(9), u32(9), 0n);
    expect(attempt(() => map.lookup(u32(0), 0n))).toBe(-2);
    done(map);
  });

  it("replaces in a full LRU without evicting another", () => {
    const map = createMap(spec({ type: MAP_TYPE.LRU_HASH, maxEntries: 5 }));
    for (let i = 0; i < 5; i++) update(map, u32(i), u32(i));
    for (let i = 0; i < 100; i++) expect(update(map, u32(i % 5), u32(i))).toBe(0);
    expect(dump(map).length).toBe(5);
    done(map);
  });

  it("lets a walk visit each element once while it deletes and replaces them", () => {
    const cursor = exports.alloc(24) >>> 0;
    for (const type of [
      MAP_TYPE.HASH,
      MAP_TYPE.PERCPU_HASH,
      MAP_TYPE.LRU_HASH,
      MAP_TYPE.ARRAY,
      MAP_TYPE.PERCPU_ARRAY,
    ]) {
      const map = createMap(spec({ type, maxEntries: 500 }));
      const isArray = type === MAP_TYPE.ARRAY || type === MAP_TYPE.PERCPU_ARRAY;
      for (let i = 0; i < 500; i++) update(map, u32(i), u32(i * 3));
      mem.bytes(cursor, 24).fill(0);
      const seen: number[] = [];
      while (exports.map_each_next(BigInt(map.address), BigInt(cursor)) === 1n) {
        const at = read(read(cursor));
        expect(read(read(cursor + 4))).toBe(at * 3);
        seen.push(at);
        if (!isArray && at % 3 === 0) expect(remove(map, u32(at))).toBe(0);
        else if (at % 3 === 1) update(map, u32(at), u32(at * 3));
      }
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i));
      map.free();
    }
    exports.free(cursor);
    expect(used()).toBe(kept);
  });

  it("spreads keys that differ little over its buckets", () => {
    // A bucket per element and a half: a chain longer than this would be a hash that does not mix.
    for (const step of [1, 256, 65536, 2 ** 32]) {
      const map = createMap(spec({ type: MAP_TYPE.HASH, keySize: 8, maxEntries: 4096 }));
      for (let i = 0; i < 4096; i++) update(map, u64(i * step), u32(i));
      const buckets = read(map.address + 32);
      const count = 2 ** (64 - read(map.address + 36));
      let longest = 0;
      for (let i = 0; i < count; i++) {
        let length = 0;
        for (let e = read(buckets + i * 4); e !== 0; e = read(e)) length++;
        longest = Math.max(longest, length);
      }
      expect(longest).toBeLessThan(12);
      done(map);
    }
  });
});
