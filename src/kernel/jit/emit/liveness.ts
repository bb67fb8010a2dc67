import type { Insn } from "../../../isa/insn.ts";
import type { Cfg } from "../cfg/graph.ts";
import type { CfgOrder } from "../cfg/order.ts";
import { type CallInfo, effectsOf, killsOf, usesOf } from "./effects.ts";

/** The registers (bit n for Rn) that may be read after a node's start, and after its end, by node number. */
export interface Liveness {
  readonly before: Int32Array;
  readonly after: Int32Array;
}

/** What a node that leaves for another part of its function hands over: R0 to R9. */
const ALL = 0x3ff;

/** Computes which registers live where; backward, until nothing changes. */
export function computeLiveness(
  cfg: Cfg,
  order: CfgOrder,
  insns: readonly Insn[],
  calls: CallInfo,
): Liveness {
  const count = cfg.nodes.length;
  const uses = new Int32Array(count);
  const kills = new Int32Array(count);
  cfg.nodes.forEach((node, n) => {
    if (node.kind === "leave") uses[n] = ALL;
    if (node.kind !== "code") return;
    let read = 0;
    let killed = 0;
    for (let at = node.start; at < node.end; at++) {
      const insn = insns[at] as Insn;
      const e = effectsOf(insn, at, calls);
      read |= usesOf(e) & ~killed;
      killed |= killsOf(e);
      if (insn.code === 0x18) at++;
    }
    uses[n] = read;
    kills[n] = killed;
  });
  const before = new Int32Array(count);
  const after = new Int32Array(count);
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = order.rpo.length - 1; i >= 0; i--) {
      const n = order.rpo[i] as number;
      let out = 0;
      for (const s of cfg.nodes[n]?.succs ?? []) out |= before[s] as number;
      const live = (uses[n] as number) | (out & ~(kills[n] as number));
      after[n] = out;
      if (live !== before[n]) {
        before[n] = live;
        changed = true;
      }
    }
  }
  return { before, after };
}
