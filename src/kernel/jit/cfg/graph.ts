import type { Insn } from "../../../isa/insn.ts";
import { CLASS, JMP, SRC } from "../../../isa/opcode.ts";
import { JitError } from "../error.ts";

/**
 * A node of a control-flow graph. `succs` holds node numbers: none for a node that leaves the function, one for a
 * plain edge, two for a conditional jump (taken, then not taken), any number for a dispatch.
 */
export type CfgNode =
  /** Instructions `start` to `end` (exclusive), straight through. */
  | { readonly kind: "code"; readonly start: number; readonly end: number; readonly succs: number[] }
  /** Goes to the successor that the selector names. */
  | { readonly kind: "dispatch"; readonly succs: number[] }
  /** Sets the selector for the dispatch that follows. */
  | { readonly kind: "select"; readonly value: number; readonly succs: number[] }
  /** Goes on in another part of a function that was split. */
  | { readonly kind: "leave"; readonly part: number; readonly value: number; readonly succs: number[] };

/** The control flow of one function. Every node can be reached from `entry`. */
export interface Cfg {
  readonly nodes: CfgNode[];
  entry: number;
}

/** True for a jump of either class that is neither a call nor an exit. */
export function isJump(insn: Insn): boolean {
  const cls = insn.code & 0x07;
  if (cls !== CLASS.JMP && cls !== CLASS.JMP32) return false;
  const op = insn.code & 0xf0;
  return op !== JMP.CALL && op !== JMP.EXIT;
}

/** True for `goto` and `gotol`. */
export function isGoto(insn: Insn): boolean {
  return isJump(insn) && (insn.code & 0xf0) === JMP.JA;
}

/** True for the end of a function. */
export function isExit(insn: Insn): boolean {
  return insn.code === (CLASS.JMP | JMP.EXIT);
}

/** Where a jump at `at` goes: `gotol` keeps its offset in the immediate. */
export function jumpTarget(insn: Insn, at: number): number {
  return at + 1 + (insn.code === (CLASS.JMP32 | JMP.JA | SRC.K) ? insn.imm : insn.off);
}

/** Builds the graph of the instructions from `start` to `end` (exclusive) that can be reached from `start`. */
export function buildCfg(program: string, insns: readonly Insn[], start: number, end: number): Cfg {
  const leaders = findLeaders(program, insns, start, end);
  const nodes: CfgNode[] = [];
  const nodeAt = new Int32Array(end - start).fill(-1);
  leaders.forEach((isLeader, i) => {
    if (isLeader !== 0) nodeAt[i] = nodes.push({ kind: "code", start: start + i, end: 0, succs: [] }) - 1;
  });
  const target = (at: number): number => nodeAt[at - start] ?? -1;
  for (let n = 0; n < nodes.length; n++) {
    const node = nodes[n];
    if (node?.kind !== "code") continue;
    let at = node.start;
    for (;;) {
      const insn = insns[at] as Insn;
      const next = at + (insn.code === 0x18 ? 2 : 1);
      const succs: number[] = [];
      let last = true;
      if (isJump(insn)) {
        succs.push(target(jumpTarget(insn, at)));
        if (!isGoto(insn) && target(next) !== succs[0]) succs.push(target(next));
      } else if (!isExit(insn)) {
        last = leaders[next - start] !== 0;
        if (last) succs.push(target(next));
      }
      at = next;
      if (last) {
        nodes[n] = { kind: "code", start: node.start, end: at, succs };
        break;
      }
    }
  }
  return { nodes, entry: 0 };
}

/** Marks the first instruction of every block that can be reached; 1 for a leader. */
function findLeaders(program: string, insns: readonly Insn[], start: number, end: number): Uint8Array {
  const leaders = new Uint8Array(end - start);
  const seen = new Uint8Array(end - start);
  const work = [start];
  const enter = (to: number, from: number): void => {
    if (to < start || to >= end) throw new JitError(program, `a jump to ${to} leaves the function`, from);
    if (leaders[to - start] !== 0) return;
    leaders[to - start] = 1;
    work.push(to);
  };
  leaders[0] = 1;
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    while (seen[at - start] === 0) {
      seen[at - start] = 1;
      const insn = insns[at] as Insn;
      if (isExit(insn)) break;
      const next: number = at + (insn.code === 0x18 ? 2 : 1);
      if (isJump(insn)) {
        enter(jumpTarget(insn, at), at);
        if (!isGoto(insn)) enter(next, at);
        break;
      }
      if (next >= end) throw new JitError(program, "the function runs past its end", at);
      at = next;
    }
  }
  return leaders;
}
