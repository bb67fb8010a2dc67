import type { Cfg } from "./graph.ts";
import { type CfgOrder, orderCfg } from "./order.ts";

/**
 * Makes a graph reducible: a cycle with several entries gets one, a dispatch that goes on to the entry that the
 * selector names. Cycles within cycles are looked at with the outer one's header taken out. Graphs that are reducible
 * already are left alone. Returns the order of the graph as it is then.
 */
export function makeReducible(cfg: Cfg): CfgOrder {
  const order = orderCfg(cfg);
  if (order.reducible) return order;
  const work: number[][] = [cfg.nodes.map((_, i) => i)];
  for (let set = work.pop(); set !== undefined; set = work.pop()) {
    for (const cycle of cycles(cfg, set)) work.push(giveHeader(cfg, cycle));
  }
  return orderCfg(cfg);
}

/** Gives a cycle one entry if it has more; returns its nodes without the header. */
function giveHeader(cfg: Cfg, cycle: readonly number[]): number[] {
  const inside = new Set(cycle);
  const entered = new Set<number>();
  if (inside.has(cfg.entry)) entered.add(cfg.entry);
  cfg.nodes.forEach((node, n) => {
    if (!inside.has(n)) for (const s of node.succs) if (inside.has(s)) entered.add(s);
  });
  const entries = cycle.filter((n) => entered.has(n)).sort((a, b) => a - b);
  const only = entries[0];
  if (entries.length === 1) return cycle.filter((n) => n !== only);

  const before = cfg.nodes.length;
  const dispatch = cfg.nodes.push({ kind: "dispatch", succs: entries }) - 1;
  // Edges from inside and from outside set the selector in nodes of their own, or those would be entries again.
  const select = (value: number): number => cfg.nodes.push({ kind: "select", value, succs: [dispatch] }) - 1;
  const added: number[] = [];
  const fromOutside = new Map<number, number>();
  const fromInside = new Map<number, number>();
  entries.forEach((entry, value) => {
    fromOutside.set(entry, select(value));
    const node = select(value);
    fromInside.set(entry, node);
    added.push(node);
  });
  for (let n = 0; n < before; n++) {
    const succs = cfg.nodes[n]?.succs ?? [];
    const through = inside.has(n) ? fromInside : fromOutside;
    succs.forEach((s, i) => {
      succs[i] = through.get(s) ?? s;
    });
  }
  cfg.entry = fromOutside.get(cfg.entry) ?? cfg.entry;
  return [...cycle, ...added];
}

/** The strongly connected sets of more than one node (or a self-loop) within `set`, after Tarjan, iteratively. */
function cycles(cfg: Cfg, set: readonly number[]): number[][] {
  const found: number[][] = [];
  const member = new Set(set);
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const onStack = new Set<number>();
  const stack: number[] = [];
  const lower = (n: number, value: number | undefined): void => {
    if (value !== undefined && value < (low.get(n) ?? value + 1)) low.set(n, value);
  };
  for (const start of set) {
    if (index.has(start)) continue;
    const frames: { node: number; next: number }[] = [];
    const enter = (node: number): void => {
      low.set(node, index.size);
      index.set(node, index.size);
      stack.push(node);
      onStack.add(node);
      frames.push({ node, next: 0 });
    };
    enter(start);
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const { node } = frame;
      const succ = cfg.nodes[node]?.succs[frame.next++];
      if (succ !== undefined) {
        if (!member.has(succ)) continue;
        if (!index.has(succ)) enter(succ);
        else if (onStack.has(succ)) lower(node, index.get(succ));
        continue;
      }
      frames.pop();
      const above = frames.at(-1);
      if (above !== undefined) lower(above.node, low.get(node));
      if (low.get(node) !== index.get(node)) continue;
      const component: number[] = [];
      for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
        onStack.delete(n);
        component.push(n);
        if (n === node) break;
      }
      if (component.length > 1 || cfg.nodes[node]?.succs.includes(node)) found.push(component);
    }
  }
  return found;
}
