import { CALL, PSEUDO } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { depthWithoutFastcall } from "../prepare/fastcall.ts";
import { LD_IMM64 } from "../prepare/live_regs.ts";
import { subprogAt } from "../prepare/subprogs.ts";
import { isCall } from "../prepare/successors.ts";
import { type Env, reject, type SubprogInfo } from "../walk/env.ts";

/** The bytes of stack that a chain of calls may use, and the frames it may have. */
const MAX_STACK = 512;
const MAX_FRAMES = 8;
/** The bytes that may be in use where a subprogram makes a tail call. */
const MAX_TAIL_CALL_STACK = 256;

/** What the JIT of x86-64 sets aside for a frame: units of 16 bytes. */
function frameBytes(depth: number): number {
  return (depth + 15) & ~15;
}

/**
 * Checks that no chain of calls, reachable or not, needs more than 512 bytes of stack or eight frames, and that not
 * too much is in use where a tail call drops the callers' frames. EACCES, E2BIG.
 */
export function checkMaxStackDepth(env: Env): void {
  for (const sub of env.subprogs) sub.stackDepth = depthWithoutFastcall(env, sub);
  const done = new Set<number>();
  env.subprogs.forEach((sub, n) => {
    if (n === 0 || sub.isAsyncCallback) descend(env, n, 0, 0, done);
  });
}

function descend(env: Env, n: number, above: number, frame: number, done: Set<number>): void {
  const sub = env.subprogs[n];
  if (sub === undefined) return;
  // The same subprogram under the same load has the same answer.
  const key = (n * (MAX_STACK + 1) + above) * MAX_FRAMES + frame;
  if (done.has(key)) return;
  done.add(key);
  if (frame > 0 && sub.hasTailCall && above >= MAX_TAIL_CALL_STACK) {
    const text = `tail_calls are not allowed when call stack of previous frames is ${above} bytes. Too large`;
    throw reject(env, E.EACCES, text);
  }
  const depth = above + frameBytes(sub.stackDepth);
  if (depth > MAX_STACK) {
    throw reject(env, E.EACCES, `combined stack size of ${frame + 1} calls is ${depth}. Too large`);
  }
  for (const callee of calleesOf(env, sub)) {
    if (frame + 1 >= MAX_FRAMES) {
      throw reject(env, E.E2BIG, `the call stack of ${frame + 1} frames is too deep !`);
    }
    if (env.subprogs[callee]?.isAsyncCallback !== true) descend(env, callee, depth, frame + 1, done);
  }
}

/** The subprograms that one calls or takes the address of, in the order of its instructions. */
function calleesOf(env: Env, sub: SubprogInfo): number[] {
  const callees: number[] = [];
  for (let i = sub.start; i < sub.end; i++) {
    const insn = env.insns[i];
    if (insn === undefined) continue;
    const address = insn.code === LD_IMM64 && insn.src === PSEUDO.FUNC;
    if (address || (isCall(insn) && insn.src === CALL.LOCAL)) {
      callees.push(subprogAt(env, i + insn.imm + 1));
    }
  }
  return callees;
}
