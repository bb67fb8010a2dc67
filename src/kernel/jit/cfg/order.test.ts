import { describe, expect, it } from "vitest";
import { random } from "../../../../test/support/jit_machine.ts";
import type { Cfg } from "./graph.ts";
import { orderCfg } from "./order.ts";
import { makeReducible } from "./reducible.ts";
import { splitCfg } from "./split.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_007);

/** A graph from lists of successors; only nodes that can be reached may be there. */
function graph(succs: readonly (readonly number[])[]): Cfg {
  return {
    entry: 0,
    nodes: succs.map((s, i) => ({ kind: "code", start: i, end: i + 1, succs: [...s] })),
  };
}

/** The nodes that can be reached from the entry without passing `without`. */
function reach(cfg: Cfg, without = -1): Set<number> {
  const seen = new Set<number>();
  const work = cfg.entry === without ? [] : [cfg.entry];
  for (let n = work.pop(); n !== undefined; n = work.pop()) {
    if (seen.has(n)) continue;
    seen.add(n);
    for (const s of cfg.nodes[n]?.succs ?? []) if (s !== without) work.push(s);
  }
  return seen;
}

/** A random graph of up to 12 nodes, all of which can be reached. */
function randomGraph(next: () => number): Cfg {
  const count = 1 + (next() % 12);
  const full = graph(
    Array.from({ length: count }, () => {
      const to = Array.from({ length: next() % 3 }, () => next() % count);
      return [...new Set(to)];
    }),
  );
  const kept = [...reach(full)].sort((a, b) => a - b);
  return graph(kept.map((n) => (full.nodes[n]?.succs ?? []).map((s) => kept.indexOf(s))));
}

describe(`graphs (SEED=${seed})`, () => {
  it("have the dominators that their definition gives", () => {
    const next = random(seed);
    for (let round = 0; round < 500; round++) {
      const cfg = randomGraph(next);
      const { idom, place } = orderCfg(cfg);
      const dominators = cfg.nodes.map((_, n) => {
        return cfg.nodes.flatMap((_node, d) => (d === n || !reach(cfg, d).has(n) ? [d] : []));
      });
      cfg.nodes.forEach((_, n) => {
        if (n === cfg.entry) return;
        // The nearest strict dominator is the one that all others dominate.
        const strict = (dominators[n] ?? []).filter((d) => d !== n);
        const nearest = strict.find((d) => strict.every((other) => dominators[d]?.includes(other)));
        expect(idom[n], `SEED=${seed}, round ${round}, node ${n}`).toBe(nearest);
        expect(place[nearest ?? 0]).toBeLessThan(place[n] ?? 0);
      });
    }
  });

  it("become reducible, and stay as they are if they were", () => {
    const next = random(seed);
    let changed = 0;
    for (let round = 0; round < 3000; round++) {
      const cfg = randomGraph(next);
      const before = cfg.nodes.length;
      const was = orderCfg(cfg).reducible;
      expect(makeReducible(cfg).reducible, `SEED=${seed}, round ${round}`).toBe(true);
      if (was) expect(cfg.nodes.length).toBe(before);
      else changed++;
    }
    expect(changed).toBeGreaterThan(20);
  });

  it("know their loops", () => {
    // 0 -> 1 (loop: 1 2 3, inner: 2) -> 4
    const { loop, outer, reducible } = orderCfg(graph([[1], [2], [2, 3], [1, 4], []]));
    expect(reducible).toBe(true);
    expect([...loop]).toEqual([-1, 1, 2, 1, -1]);
    expect(outer[2]).toBe(1);
    expect(outer[1]).toBe(-1);
  });

  it("are split so that every edge has its other end somewhere", () => {
    const next = random(seed);
    for (let round = 0; round < 200; round++) {
      const cfg = randomGraph(next);
      const parts = splitCfg(cfg, 3);
      const code = parts.flatMap((p) => p.nodes.filter((n) => n.kind === "code"));
      expect(code.length).toBe(cfg.nodes.length);
      for (const part of parts) {
        expect(reach(part).size).toBe(part.nodes.length);
        for (const node of part.nodes) {
          if (node.kind !== "leave") continue;
          const entry = parts[node.part]?.nodes[parts[node.part]?.entry ?? 0];
          const ways = entry?.kind === "dispatch" ? entry.succs.length : 1;
          expect(node.value).toBeLessThan(ways);
        }
      }
    }
  });
});
