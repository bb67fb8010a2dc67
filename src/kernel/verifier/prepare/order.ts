import type { Insn } from "../../../isa/insn.ts";
import { successors } from "./successors.ts";

/** A stretch of instructions with one entry. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The instructions of each subprogram, one subprogram after another, in the order in which a depth-first walk leaves
 * them: what follows an instruction comes (loops aside) before it. An instruction counts as visited from when it is
 * put on the stack, jump targets are walked before what follows a jump; the log of stack liveness shows this order.
 */
export function postorder(insns: readonly Insn[], subprogs: readonly Range[]): number[] {
  const order: number[] = [];
  const found = new Uint8Array(insns.length);
  const next: [number, number] = [-1, -1];
  for (const { start } of subprogs) {
    const stack = [start];
    found[start] = 1;
    while (stack.length > 0) {
      const i = stack[stack.length - 1] as number;
      successors(insns, i, next);
      let pushed = false;
      for (const n of next) {
        if (n < 0 || found[n] === 1) continue;
        found[n] = 1;
        stack.push(n);
        pushed = true;
      }
      if (!pushed) {
        order.push(i);
        stack.pop();
      }
    }
  }
  return order;
}

/**
 * The strongly connected component of each instruction: a number from 1, the same for instructions that lie on a
 * common cycle, or 0 for one that lies on none. Calls are stepped over, so subprograms never share one. Numbers are
 * given in the order in which components are completed, over all subprograms.
 */
export function components(insns: readonly Insn[], subprogs: readonly Range[]): Int32Array {
  const n = insns.length;
  const scc = new Int32Array(n);
  const index = new Int32Array(n);
  const low = new Int32Array(n);
  const open = new Uint8Array(n);
  const path: number[] = [];
  const next: [number, number] = [-1, -1];
  let counter = 0;
  let id = 0;
  for (const { start } of subprogs) {
    const stack = [start];
    while (stack.length > 0) {
      const i = stack[stack.length - 1] as number;
      if (index[i] === 0) {
        index[i] = ++counter;
        low[i] = counter;
        open[i] = 1;
        path.push(i);
      }
      successors(insns, i, next);
      let pushed = false;
      for (const s of next) {
        if (s < 0) continue;
        if (index[s] === 0) {
          stack.push(s);
          pushed = true;
          break;
        }
        if (open[s] === 1) low[i] = Math.min(low[i] as number, low[s] as number);
      }
      if (pushed) continue;
      stack.pop();
      if (low[i] !== index[i]) continue;
      const first = path.lastIndexOf(i);
      const members = path.splice(first);
      const cycle = members.length > 1 || next[0] === i || next[1] === i;
      if (cycle) id++;
      for (const m of members) {
        open[m] = 0;
        if (cycle) scc[m] = id;
      }
    }
  }
  return scc;
}
