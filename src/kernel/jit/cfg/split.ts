import type { Cfg, CfgNode } from "./graph.ts";

/**
 * Cuts a graph into parts of at most `limit` instructions (a single block may exceed it), in the order of the
 * program. An edge from one part to another becomes a node that leaves for it; a part with several ways in starts with
 * a dispatch. Each part's graph starts at its `entry`; the first part's selector is 0 at the function's own start.
 */
export function splitCfg(cfg: Cfg, limit: number): Cfg[] {
  const order = cfg.nodes.map((_, n) => n).sort((a, b) => startOf(cfg, a) - startOf(cfg, b));
  const part = new Int32Array(cfg.nodes.length);
  let parts = 0;
  let filled = 0;
  for (const n of order) {
    const size = sizeOf(cfg.nodes[n]);
    if (filled > 0 && filled + size > limit) {
      parts++;
      filled = 0;
    }
    filled += size;
    part[n] = parts;
  }
  const entries = findEntries(cfg, part, parts + 1);
  const out: Cfg[] = [];
  for (let p = 0; p <= parts; p++) out.push(cutPart(cfg, part, p, entries));
  return out;
}

function startOf(cfg: Cfg, n: number): number {
  const node = cfg.nodes[n];
  return node?.kind === "code" ? node.start : 0;
}

function sizeOf(node: CfgNode | undefined): number {
  return node?.kind === "code" ? node.end - node.start : 1;
}

/** For each part the nodes by which it is entered from outside; the function's entry is the first of its part's. */
function findEntries(cfg: Cfg, part: Int32Array, parts: number): Map<number, number>[] {
  const entries: Map<number, number>[] = Array.from({ length: parts }, () => new Map());
  const enter = (n: number): void => {
    const map = entries[part[n] as number];
    if (map !== undefined && !map.has(n)) map.set(n, map.size);
  };
  enter(cfg.entry);
  cfg.nodes.forEach((node, n) => {
    for (const s of node.succs) if (part[s] !== part[n]) enter(s);
  });
  return entries;
}

function cutPart(cfg: Cfg, part: Int32Array, p: number, entries: readonly Map<number, number>[]): Cfg {
  const number = new Map<number, number>();
  const nodes: CfgNode[] = [];
  cfg.nodes.forEach((node, n) => {
    if (part[n] === p) number.set(n, nodes.push({ ...node, succs: [...node.succs] }) - 1);
  });
  const leaves = new Map<number, number>();
  const mapped = (s: number): number => {
    const inside = number.get(s) ?? leaves.get(s);
    if (inside !== undefined) return inside;
    const to = part[s] as number;
    const leave = nodes.push({ kind: "leave", part: to, value: entries[to]?.get(s) ?? 0, succs: [] }) - 1;
    leaves.set(s, leave);
    return leave;
  };
  const own = nodes.length;
  for (let i = 0; i < own; i++) {
    const succs = nodes[i]?.succs ?? [];
    succs.forEach((s, k) => {
      succs[k] = mapped(s);
    });
  }
  const ways = [...(entries[p]?.keys() ?? [])].map(mapped);
  const only = ways[0];
  if (ways.length === 1 && only !== undefined) return { nodes, entry: only };
  return { nodes, entry: nodes.push({ kind: "dispatch", succs: ways }) - 1 };
}
