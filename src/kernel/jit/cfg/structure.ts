import type { Label } from "../wasm/code.ts";
import type { Cfg } from "./graph.ts";
import type { CfgOrder } from "./order.ts";

/** What the structurer writes to: blocks and branches, and the contents of a node where it belongs. */
export interface StructureSink {
  /** Writes a node's straight code; for a node without successors also its leaving. */
  body(node: number): void;
  /** Pushes an i32 that is not 0 if the first of two successors (`inverted`: the second) is to be taken. */
  condition(node: number, inverted: boolean): void;
  /** Pushes the number of the successor that a dispatch goes to. */
  selector(): void;
  block(): Label;
  loop(): Label;
  if(): Label;
  end(): void;
  br(label: Label): void;
  brIf(label: Label): void;
  brTable(labels: readonly Label[]): void;
}

/** What is still to be written, last first. */
type Task = { readonly kind: "node"; readonly node: number } | { readonly kind: "end" };

/**
 * Writes a reducible graph as nested blocks and loops, after Ramsey, "Beyond Relooper" (ICFP 2022): each node's code
 * is followed by that of the nodes it dominates; a node that several edges go to is placed after a block that they
 * branch out of. Unlike there, the work list is explicit (programs have up to a million instructions), one arm of a
 * conditional goes on at the same nesting depth (the larger one, so depth grows with the logarithm), and a loop's exits
 * are placed behind the loop, so that the loop's text is the loop.
 */
export function structure(cfg: Cfg, order: CfgOrder, sink: StructureSink): void {
  const { rpo, place, idom, loop, outer } = order;
  const count = cfg.nodes.length;
  const at = (array: Int32Array, index: number): number => array[index] as number;
  const isBack = (from: number, to: number): boolean => at(place, to) <= at(place, from);

  const isHeader = (n: number): boolean => at(loop, n) === n;
  /** The loop around a node: for a header the one it heads. */
  const contains = (header: number, n: number): boolean => {
    let l = at(loop, n);
    while (l >= 0 && at(place, l) > at(place, header)) l = at(outer, l);
    return l === header;
  };

  // Which nodes get a label of their own, and behind which node they are placed.
  const labelled = new Uint8Array(count);
  const after = new Map<number, number[]>();
  const weight = new Float64Array(count).fill(1);
  const forward = new Int32Array(count);
  for (const n of rpo) {
    const node = cfg.nodes[n];
    for (const s of node?.succs ?? []) {
      if (isBack(n, s)) continue;
      forward[s] = at(forward, s) + 1;
      if (at(forward, s) > 1 || node?.kind === "dispatch") labelled[s] = 1;
    }
  }
  for (let i = rpo.length - 1; i > 0; i--) {
    const n = at(rpo, i);
    let home = at(idom, n);
    let header = at(loop, home);
    for (; header >= 0 && !contains(header, n); header = at(outer, header)) {
      home = header;
      labelled[n] = 1;
    }
    weight[at(idom, n)] = (weight[at(idom, n)] as number) + (weight[n] as number);
    // Descending order of place: the last is the outermost block.
    if (labelled[n] === 0) continue;
    const placed = after.get(home);
    if (placed === undefined) after.set(home, [n]);
    else placed.push(n);
  }

  const labels = new Int32Array(count);
  const loops = new Int32Array(count);
  const tasks: Task[] = [{ kind: "node", node: cfg.entry }];
  const end: Task = { kind: "end" };

  const openBlock = (n: number): void => {
    labels[n] = sink.block();
    tasks.push({ kind: "node", node: n }, end);
  };
  const isBranch = (from: number, to: number): boolean => isBack(from, to) || labelled[to] !== 0;
  const labelOf = (from: number, to: number): Label => (isBack(from, to) ? at(loops, to) : at(labels, to));
  const go = (from: number, to: number): void => {
    if (isBranch(from, to)) sink.br(labelOf(from, to));
    else tasks.push({ kind: "node", node: to });
  };

  const write = (n: number): void => {
    const placed = after.get(n) ?? [];
    if (isHeader(n)) {
      for (const y of placed) if (!contains(n, y)) openBlock(y);
      loops[n] = sink.loop();
      tasks.push(end);
      for (const y of placed) if (contains(n, y)) openBlock(y);
    } else {
      for (const y of placed) openBlock(y);
    }
    sink.body(n);
    const node = cfg.nodes[n];
    const [first, second] = node?.succs ?? [];
    if (node === undefined || first === undefined) return;
    if (node.kind === "dispatch") {
      sink.selector();
      sink.brTable(node.succs.map((s) => labelOf(n, s)));
    } else if (second === undefined) {
      go(n, first);
    } else if (isBranch(n, first)) {
      sink.condition(n, false);
      sink.brIf(labelOf(n, first));
      go(n, second);
    } else if (isBranch(n, second)) {
      sink.condition(n, true);
      sink.brIf(labelOf(n, second));
      go(n, first);
    } else {
      const inverted = (weight[first] as number) > (weight[second] as number);
      sink.condition(n, inverted);
      sink.if();
      tasks.push({ kind: "node", node: inverted ? first : second }, end);
      tasks.push({ kind: "node", node: inverted ? second : first });
    }
  };

  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    if (task.kind === "end") sink.end();
    else write(task.node);
  }
}
