import type { Insn } from "../../../isa/insn.ts";
import { CALL, CLASS, JMP, PSEUDO } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import { helperProto } from "../../../uapi/helper_proto.ts";
import { type Env, type InsnAux, reject } from "../walk/env.ts";
import { isHelperCall, LD_IMM64 } from "./live_regs.ts";
import { subprogAt, subprogOfInsn } from "./subprogs.ts";
import { isCall, isExit, isGoto, isJumpClass, jumpTarget, slotsOf } from "./successors.ts";

const MAY_GOTO = CLASS.JMP | JMP.JCOND;

/** Helpers that run a callback before they return. */
const SYNC_CALLBACK: ReadonlySet<number> = new Set([
  HELPERS.for_each_map_elem.value,
  HELPERS.find_vma.value,
  HELPERS.loop.value,
  HELPERS.user_ringbuf_drain.value,
]);
/** Helpers that have a callback run later. */
const ASYNC_CALLBACK: ReadonlySet<number> = new Set([HELPERS.timer_set_callback.value]);

/**
 * Checks the control-flow graph: every instruction can be reached, no jump goes into the middle of a 64-bit load,
 * and, for those without CAP_BPF, nothing jumps backwards. EINVAL. Then marks where states are compared and jumps
 * recorded, and which subprograms may move packets or sleep.
 */
export function checkCfg(env: Env): void {
  walk(env);
  markPoints(env);
  markEffects(env);
}

/** The edges out of an instruction in the order in which they are walked, calls into subprograms among them. */
function edges(insns: readonly Insn[], i: number, out: number[]): void {
  const insn = insns[i] as Insn;
  out.length = 0;
  if (isExit(insn)) return;
  if (isGoto(insn)) {
    out.push(jumpTarget(insn, i));
    return;
  }
  out.push(i + slotsOf(insn));
  const local = isCall(insn) && insn.src === CALL.LOCAL;
  const address = insn.code === LD_IMM64 && insn.src === PSEUDO.FUNC;
  if (local || address) out.push(i + insn.imm + 1);
  else if (isJumpClass(insn) && !isCall(insn)) out.push(jumpTarget(insn, i));
}

function walk(env: Env): void {
  const { insns } = env;
  // 0 unseen, 1 on the stack, 2 left for good.
  const color = new Uint8Array(insns.length + 1);
  const taken = new Uint8Array(insns.length);
  const stack = [0];
  const out: number[] = [];
  color[0] = 1;
  while (stack.length > 0) {
    const i = stack[stack.length - 1] as number;
    edges(insns, i, out);
    const n = taken[i] as number;
    const to = out[n];
    if (to === undefined) {
      color[i] = 2;
      stack.pop();
      continue;
    }
    taken[i] = n + 1;
    if (to >= insns.length) {
      throw reject(env, E.EINVAL, `jump out of range from insn ${i} to ${to}`);
    }
    if (color[to] === 0) {
      color[to] = 1;
      stack.push(to);
    } else if (color[to] === 1 && !env.bpfCapable) {
      throw reject(env, E.EINVAL, `back-edge from insn ${i} to ${to}`);
    }
  }
  for (let i = 0; i < insns.length; i++) {
    if (color[i] !== 2) throw reject(env, E.EINVAL, `unreachable insn ${i}`);
    if (slotsOf(insns[i] as Insn) === 1) continue;
    if (color[i + 1] !== 0) throw reject(env, E.EINVAL, `jump into the middle of ldimm64 insn ${i}`);
    i++;
  }
}

function markPoints(env: Env): void {
  const aux = (i: number): InsnAux => env.aux[i] as InsnAux;
  /** Control arrives here from somewhere else: compare states, and record the way. */
  const join = (i: number): void => {
    aux(i).prunePoint = true;
    aux(i).jmpPoint = true;
  };
  env.insns.forEach((insn, i) => {
    if (insn.code === LD_IMM64 && insn.src === PSEUDO.FUNC) {
      join(i + 2);
      aux(i).prunePoint = true;
      join(i + insn.imm + 1);
    } else if (isGoto(insn)) {
      join(jumpTarget(insn, i));
    } else if (isCall(insn)) {
      markCall(insn, aux(i));
      join(i + 1);
      if (insn.src !== CALL.LOCAL) return;
      aux(i).prunePoint = true;
      aux(i).callSubprog = subprogAt(env, i + insn.imm + 1);
      join(i + insn.imm + 1);
    } else if (isJumpClass(insn) && !isExit(insn)) {
      aux(i).prunePoint = true;
      if (insn.code === MAY_GOTO) aux(i).forceCheckpoint = true;
      join(jumpTarget(insn, i));
    }
  });
}

function markCall(insn: Insn, aux: InsnAux): void {
  if (!isHelperCall(insn)) return;
  if (ASYNC_CALLBACK.has(insn.imm)) aux.prunePoint = true;
  if (!SYNC_CALLBACK.has(insn.imm)) return;
  aux.callsCallback = true;
  aux.forceCheckpoint = true;
  aux.prunePoint = true;
  aux.jmpPoint = true;
}

/** Hands what a subprogram does to packets, and whether it sleeps, up to its callers. */
function markEffects(env: Env): void {
  const { progType, expectedAttachType } = env.input;
  const calls: [number, number][] = [];
  env.insns.forEach((insn, i) => {
    const sub = subprogOfInsn(env, i);
    const info = env.subprogs[sub];
    if (info === undefined) return;
    if (isHelperCall(insn)) {
      const proto = helperProto(insn.imm, progType, expectedAttachType);
      if (proto?.mightSleep === true) info.mightSleep = true;
      // What a tail call runs may move the packet, and returns to the caller of this subprogram.
      const moves = proto?.changesPacket === true || insn.imm === HELPERS.tail_call.value;
      if (moves) info.changesPktData = true;
    }
    const address = insn.code === LD_IMM64 && insn.src === PSEUDO.FUNC;
    if (address || (isCall(insn) && insn.src === CALL.LOCAL)) {
      calls.push([sub, subprogAt(env, i + insn.imm + 1)]);
    }
  });
  let changed = true;
  while (changed) {
    changed = false;
    for (const [from, to] of calls) {
      const caller = env.subprogs[from];
      const callee = env.subprogs[to];
      if (caller === undefined || callee === undefined) continue;
      if (callee.changesPktData && !caller.changesPktData) changed = caller.changesPktData = true;
      if (callee.mightSleep && !caller.mightSleep) changed = caller.mightSleep = true;
    }
  }
}
