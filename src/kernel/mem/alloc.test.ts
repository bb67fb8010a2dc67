import { describe, expect, it } from "vitest";
import { createDataplane } from "../dataplane/dataplane.ts";
import { CPU } from "./layout.ts";

/** A small generator, so that a printed seed repeats a run. */
function random(seed: number): () => number {
  let x = seed >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x / 0x1_0000_0000;
  };
}

const imports = { now: () => 0 };

describe("alloc", () => {
  it("gives disjoint, aligned blocks that keep their contents, and takes all of them back", async () => {
    const seed = Number(process.env.ANYBPF_SEED ?? Date.now() % 1_000_000);
    console.log(`alloc seed ${seed}`);
    const rand = random(seed);
    const { exports, mem } = await createDataplane({ cpus: 2, imports, maximumPages: 2048 });
    const live: { at: number; size: number; mark: number }[] = [];
    const check = (b: { at: number; size: number; mark: number }) => {
      for (const i of [0, b.size >> 1, b.size - 1]) expect(mem.u8[b.at + i]).toBe(b.mark);
    };
    for (let i = 0; i < 60_000; i++) {
      if (rand() < 0.52 || live.length === 0) {
        const size = 1 + Math.floor(2 ** (rand() * (rand() < 0.02 ? 20 : 11)));
        const zeroed = rand() < 0.5;
        const at = (zeroed ? exports.alloc_zeroed(size) : exports.alloc(size)) >>> 0;
        if (at === 0) continue;
        expect(at % 8).toBe(0);
        expect(exports.alloc_size(at)).toBeGreaterThanOrEqual(size);
        if (zeroed) expect(mem.bytes(at, size).findIndex((b) => b !== 0)).toBe(-1);
        const mark = 1 + Math.floor(rand() * 255);
        mem.bytes(at, size).fill(mark);
        live.push({ at, size, mark });
      } else {
        const k = Math.floor(rand() * live.length);
        const b = live[k];
        const last = live.pop();
        if (b === undefined || last === undefined) continue;
        if (last !== b) live[k] = last;
        check(b);
        exports.free(b.at);
      }
    }
    live.sort((a, b) => a.at - b.at);
    live.forEach((b, i) => {
      check(b);
      const next = live[i + 1];
      if (next !== undefined) expect(b.at + b.size).toBeLessThanOrEqual(next.at);
    });
    expect(exports.alloc_blocks()).toBe(live.length);
    for (const b of live) exports.free(b.at);
    expect(exports.alloc_used()).toBe(0);
    expect(exports.alloc_blocks()).toBe(0);
    // All free memory is one block again: the whole heap can be had at once, without growing.
    const pages = mem.memory.buffer.byteLength;
    const all = exports.alloc(pages - 65536 - pages / 8);
    expect(all).not.toBe(0);
    expect(mem.memory.buffer.byteLength).toBe(pages);
  });

  it("answers 0 when the limit is reached, and works on after that", async () => {
    const { exports } = await createDataplane({ cpus: 1, imports, maximumPages: 16 });
    expect(exports.alloc(17 * 65536)).toBe(0);
    expect(exports.alloc(0xffffffff)).toBe(0);
    const got: number[] = [];
    for (let p = exports.alloc(5000); p !== 0; p = exports.alloc(5000)) got.push(p);
    expect(got.length).toBeGreaterThan(150);
    for (const p of got) exports.free(p);
    expect(exports.alloc_used()).toBe(0);
    expect(exports.alloc(600_000)).not.toBe(0);
  });

  it("gives addresses above 2 GiB", async () => {
    const { exports, mem } = await createDataplane({ cpus: 1, imports });
    const first = exports.alloc(0x7000_0000) >>> 0;
    const second = exports.alloc(0x7000_0000) >>> 0;
    expect(second).toBeGreaterThan(0x6fff_0000);
    const third = exports.alloc_zeroed(100_000) >>> 0;
    expect(third).toBeGreaterThan(0x8000_0000);
    mem.bytes(third, 100_000).fill(7);
    for (const p of [second, first, third]) exports.free(p);
    expect(exports.alloc_used()).toBe(0);
    expect(exports.alloc(0xf000_0001)).toBe(0);
  });
});

describe("cpu", () => {
  it("has its fields where layout.ts says", async () => {
    const { exports } = await createDataplane({ cpus: 1, imports });
    const { tailCalls, id, pid, tgid, uid, gid, comm, prandom, redirectIfindex, redirectFlags, redirectMap } =
      CPU;
    const fields = [
      tailCalls,
      id,
      pid,
      tgid,
      uid,
      gid,
      comm,
      prandom,
      redirectIfindex,
      redirectFlags,
      redirectMap,
    ];
    expect(fields.map((_, i) => exports.cpu_offset(i))).toEqual(fields);
  });
});
