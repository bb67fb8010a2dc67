import type { Cfg } from "./graph.ts";

/** Orders and trees over a graph; all arrays are by node number. */
export interface CfgOrder {
  /** Nodes in reverse postorder. */
  readonly rpo: Int32Array;
  /** A node's place in `rpo`. */
  readonly place: Int32Array;
  /** The immediate dominator; the entry's is itself. */
  readonly idom: Int32Array;
  /** True if every edge that goes back in `rpo` goes to a node that dominates its source. */
  readonly reducible: boolean;
  /** The header of the innermost loop around a node (a header's is itself), or -1. Only if reducible. */
  readonly loop: Int32Array;
  /** For a loop's header: the header of the loop around that loop, or -1. */
  readonly outer: Int32Array;
}

/** Computes orders, dominators and loops without recursion; near linear in the size of the graph. */
export function orderCfg(cfg: Cfg): CfgOrder {
  const count = cfg.nodes.length;
  const { preorder, parent, rpo } = depthFirst(cfg);
  const place = new Int32Array(count).fill(-1);
  rpo.forEach((n, i) => {
    place[n] = i;
  });
  const preds = predecessors(cfg, rpo);
  const idom = dominators(preorder, parent, preds);
  const reducible = isReducible(cfg, rpo, place, idom);
  const loop = new Int32Array(count).fill(-1);
  const outer = new Int32Array(count).fill(-1);
  if (reducible) findLoops(rpo, place, preds, loop, outer);
  return { rpo, place, idom, reducible, loop, outer };
}

/** An element known to be in range. */
function at(array: Int32Array, index: number): number {
  return array[index] as number;
}

/** Each node's predecessors: those of n are `list[start[n]]` up to `list[start[n + 1]]`. */
interface Edges {
  readonly start: Int32Array;
  readonly list: Int32Array;
}

function predecessors(cfg: Cfg, rpo: Int32Array): Edges {
  const start = new Int32Array(cfg.nodes.length + 2);
  for (const n of rpo) for (const s of cfg.nodes[n]?.succs ?? []) start[s + 2] = at(start, s + 2) + 1;
  for (let n = 2; n < start.length; n++) start[n] = at(start, n) + at(start, n - 1);
  // start[n + 1] is where the next predecessor of n goes, and at last where those of n + 1 begin.
  const list = new Int32Array(at(start, start.length - 1));
  for (const n of rpo) {
    for (const s of cfg.nodes[n]?.succs ?? []) {
      list[at(start, s + 1)] = n;
      start[s + 1] = at(start, s + 1) + 1;
    }
  }
  return { start, list };
}

/** Whether every edge that goes back goes to a node that dominates its source. */
function isReducible(cfg: Cfg, rpo: Int32Array, place: Int32Array, idom: Int32Array): boolean {
  const back: [from: number, to: number][] = [];
  for (const n of rpo) {
    for (const s of cfg.nodes[n]?.succs ?? []) if (at(place, s) <= at(place, n)) back.push([n, s]);
  }
  if (back.length === 0) return true;
  const { first, last } = intervals(rpo, idom);
  return back.every(([n, s]) => at(first, s) <= at(first, n) && at(last, n) <= at(last, s));
}

function depthFirst(cfg: Cfg): { preorder: Int32Array; parent: Int32Array; rpo: Int32Array } {
  const count = cfg.nodes.length;
  const preorder: number[] = [cfg.entry];
  const parent = new Int32Array(count).fill(-1);
  const postorder: number[] = [];
  const seen = new Uint8Array(count);
  const nextSucc = new Int32Array(count);
  const stack = [cfg.entry];
  seen[cfg.entry] = 1;
  while (stack.length > 0) {
    const n = stack[stack.length - 1] as number;
    const s = cfg.nodes[n]?.succs[at(nextSucc, n)];
    if (s === undefined) {
      postorder.push(n);
      stack.pop();
      continue;
    }
    nextSucc[n] = at(nextSucc, n) + 1;
    if (seen[s] !== 0) continue;
    seen[s] = 1;
    parent[s] = n;
    preorder.push(s);
    stack.push(s);
  }
  return { preorder: Int32Array.from(preorder), parent, rpo: Int32Array.from(postorder.reverse()) };
}

/**
 * Immediate dominators after Lengauer and Tarjan (1979), the simple form with path compression. The iterative
 * algorithm of Cooper, Harvey and Kennedy is shorter, but quadratic for a hundred thousand early exits to one place.
 */
function dominators(preorder: Int32Array, parent: Int32Array, preds: Edges): Int32Array {
  const size = parent.length;
  const number = new Int32Array(size).fill(-1);
  preorder.forEach((n, i) => {
    number[n] = i;
  });
  // From here on nodes are meant by their preorder number.
  const count = preorder.length;
  const up = new Int32Array(count);
  const semi = new Int32Array(count);
  const label = new Int32Array(count);
  const ancestor = new Int32Array(count).fill(-1);
  const dom = new Int32Array(count);
  // The nodes with one semidominator, as a list: `bucket` has the first, `nextInBucket` the next, -1 ends it.
  const bucket = new Int32Array(count).fill(-1);
  const nextInBucket = new Int32Array(count).fill(-1);
  for (let i = 0; i < count; i++) {
    const p = at(parent, at(preorder, i));
    up[i] = p < 0 ? 0 : at(number, p);
    semi[i] = i;
    label[i] = i;
  }
  const path: number[] = [];
  const evaluate = (v: number): number => {
    if (at(ancestor, v) < 0) return v;
    for (let u = v; at(ancestor, at(ancestor, u)) >= 0; u = at(ancestor, u)) path.push(u);
    for (let u = path.pop(); u !== undefined; u = path.pop()) {
      const a = at(ancestor, u);
      if (at(semi, at(label, a)) < at(semi, at(label, u))) label[u] = at(label, a);
      ancestor[u] = at(ancestor, a);
    }
    return at(label, v);
  };
  for (let w = count - 1; w > 0; w--) {
    const node = at(preorder, w);
    for (let i = at(preds.start, node); i < at(preds.start, node + 1); i++) {
      const u = evaluate(at(number, at(preds.list, i)));
      if (at(semi, u) < at(semi, w)) semi[w] = at(semi, u);
    }
    nextInBucket[w] = at(bucket, at(semi, w));
    bucket[at(semi, w)] = w;
    const p = at(up, w);
    ancestor[w] = p;
    for (let v = at(bucket, p); v >= 0; v = at(nextInBucket, v)) {
      const u = evaluate(v);
      dom[v] = at(semi, u) < at(semi, v) ? u : p;
    }
    bucket[p] = -1;
  }
  const idom = new Int32Array(size).fill(-1);
  for (let w = 0; w < count; w++) {
    if (w > 0 && at(dom, w) !== at(semi, w)) dom[w] = at(dom, at(dom, w));
    idom[at(preorder, w)] = at(preorder, at(dom, w));
  }
  return idom;
}

/** Numbers the dominator tree so that one node dominates another if its interval encloses the other's. */
function intervals(rpo: Int32Array, idom: Int32Array): { first: Int32Array; last: Int32Array } {
  const child = new Int32Array(idom.length).fill(-1);
  const sibling = new Int32Array(idom.length).fill(-1);
  const root = at(rpo, 0);
  for (const n of rpo) {
    if (n === root) continue;
    sibling[n] = at(child, at(idom, n));
    child[at(idom, n)] = n;
  }
  const first = new Int32Array(idom.length);
  const last = new Int32Array(idom.length);
  let clock = 0;
  const stack = [root];
  while (stack.length > 0) {
    const n = stack.pop() as number;
    if (n < 0) {
      last[-n - 1] = clock++;
      continue;
    }
    first[n] = clock++;
    stack.push(-n - 1);
    for (let c = at(child, n); c >= 0; c = at(sibling, c)) stack.push(c);
  }
  return { first, last };
}

/** Finds natural loops, innermost first, collapsing each into its header with union-find. */
function findLoops(
  rpo: Int32Array,
  place: Int32Array,
  preds: Edges,
  loop: Int32Array,
  outer: Int32Array,
): void {
  const into = new Int32Array(loop.length).fill(-1);
  const find = (node: number): number => {
    let root = node;
    while (at(into, root) >= 0) root = at(into, root);
    for (let n = node; n !== root; ) {
      const next = at(into, n);
      into[n] = root;
      n = next;
    }
    return root;
  };
  for (let i = rpo.length - 1; i >= 0; i--) {
    const header = at(rpo, i);
    const work: number[] = [];
    for (let k = at(preds.start, header); k < at(preds.start, header + 1); k++) {
      if (at(place, at(preds.list, k)) >= i) work.push(at(preds.list, k));
    }
    if (work.length === 0) continue;
    for (let p = work.pop(); p !== undefined; p = work.pop()) {
      const n = find(p);
      if (n === header) continue;
      into[n] = header;
      if (at(loop, n) === n) outer[n] = header;
      else loop[n] = header;
      for (let k = at(preds.start, n); k < at(preds.start, n + 1); k++) work.push(at(preds.list, k));
    }
    loop[header] = header;
  }
}
