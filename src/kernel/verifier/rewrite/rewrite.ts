import type { Insn } from "../../../isa/insn.ts";
import { CALL, CLASS, JMP, MODE, PSEUDO, SRC } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import type { InsnFacts, Subprog, VerifiedProgram } from "../../prog/program.ts";
import { isHelperCall, LD_IMM64 } from "../prepare/live_regs.ts";
import { isCall, isExit, isJumpClass, jumpTarget } from "../prepare/successors.ts";
import { type Env, type InsnAux, reject } from "../walk/env.ts";
import { convertCtxAccess } from "./ctx_convert.ts";
import { liveCode } from "./dead_code.ts";

/** One new instruction and the old one that it came from; inner ones of an expansion keep their own jumps. */
interface Patch {
  readonly insn: Insn;
  readonly from: number;
  /** The old instruction that it jumps to or refers to, -1 for none. */
  readonly target: number;
}

/**
 * Makes the program that executors get out of an accepted one: without code that no path reached, with context
 * accesses that behave as Linux's do, and with what was learned of each instruction. ERANGE if a jump has become too
 * long.
 */
export function rewrite(env: Env): VerifiedProgram {
  const live = liveCode(env);
  const patches: Patch[] = [];
  /** For each old instruction (and the end) the first new one at or after it. */
  const place = new Int32Array(env.insns.length + 1);
  for (let i = 0; i < env.insns.length; i++) {
    place[i] = patches.length;
    patches.push(...patchesOf(env, i, live[i]));
  }
  place[env.insns.length] = patches.length;

  const kept: number[] = [];
  const number = env.subprogs.map((sub, n) => (env.aux[sub.start]?.seen === true ? kept.push(n) - 1 : -1));
  const insns = patches.map((patch, at) => relocate(env, patch, at, place));
  env.input.observer?.rewritten(patches.map((patch) => patch.from));
  const facts = patches.map((patch) => factsOf(env, patch, number));
  const subprogs = kept.map((n) => subprogOf(env, n, place, insns));
  return { name: env.input.name, type: env.input.progType, insns, facts, subprogs };
}

function patchesOf(env: Env, i: number, insn: Insn | undefined): Patch[] {
  if (insn === undefined) return [];
  if (insn.code === LD_IMM64 && insn.src === PSEUDO.FUNC)
    return [{ insn, from: i, target: i + insn.imm + 1 }];
  if (isCall(insn)) {
    return [{ insn, from: i, target: insn.src === CALL.LOCAL ? i + insn.imm + 1 : -1 }];
  }
  if (isJumpClass(insn) && !isExit(insn)) return [{ insn, from: i, target: jumpTarget(insn, i) }];
  if (env.aux[i]?.access === "ctx") {
    const converted = convertCtxAccess(insn, env.input.progType);
    const list: readonly Insn[] = "code" in converted ? [converted] : converted;
    // Facts belong to the access, which is the last of the expansion.
    return list.map((one, n) => ({ insn: one, from: n === list.length - 1 ? i : -1, target: -1 }));
  }
  return [{ insn, from: i, target: -1 }];
}

/** Points a jump, call or function address to where its target is now. */
function relocate(env: Env, { insn, target }: Patch, at: number, place: Int32Array): Insn {
  if (target < 0) return insn;
  const distance = (place[target] as number) - at - 1;
  const wide = insn.code === LD_IMM64 || isCall(insn) || insn.code === (CLASS.JMP32 | JMP.JA | SRC.K);
  if (wide) return { ...insn, imm: distance };
  if (distance < -32768 || distance > 32767) throw reject(env, E.ERANGE);
  return { ...insn, off: distance };
}

function factsOf(env: Env, { insn, from }: Patch, number: readonly number[]): InsnFacts | undefined {
  if (from < 0) return undefined;
  const aux = env.aux[from] as InsnAux;
  const facts: { -readonly [K in keyof InsnFacts]: InsnFacts[K] } = {};
  if (aux.mapIndex >= 0) {
    const value = insn.src === PSEUDO.MAP_VALUE || insn.src === PSEUDO.MAP_IDX_VALUE;
    facts.map = value ? { index: aux.mapIndex, valueOffset: aux.mapOff } : { index: aux.mapIndex };
  }
  if (aux.funcIndex >= 0) facts.func = number[aux.funcIndex] ?? -1;
  if (aux.callSubprog >= 0) facts.subprog = number[aux.callSubprog] ?? -1;
  if (aux.callMap >= 0) facts.callMap = aux.callMap;
  if (typeof aux.constKey === "number") facts.constKey = aux.constKey;
  if (aux.access !== undefined && aux.access !== "mixed") facts.access = aux.access;
  if (typeof aux.stackOffset === "number") facts.stackOffset = aux.stackOffset;
  return Object.keys(facts).length === 0 ? undefined : facts;
}

function subprogOf(env: Env, n: number, place: Int32Array, insns: readonly Insn[]): Subprog {
  const sub = env.subprogs[n] ?? { start: 0, end: 0, stackDepth: 0 };
  const start = place[sub.start] as number;
  const end = place[sub.end] as number;
  const body = insns.slice(start, end);
  return {
    start,
    end,
    stackDepth: (Math.max(sub.stackDepth, spillDepth(env, sub.start, sub.end)) + 7) & ~7,
    hasTailCall: body.some((insn) => isHelperCall(insn) && insn.imm === HELPERS.tail_call.value),
    hasLdAbs: body.some((insn) => {
      const mode = insn.code & 0xe0;
      return (insn.code & 0x07) === CLASS.LD && (mode === MODE.ABS || mode === MODE.IND);
    }),
  };
}

/** The stack of bpf_fastcall patterns: Linux drops their spills and counts it no more, here they stay. */
function spillDepth(env: Env, start: number, end: number): number {
  let depth = 0;
  for (let i = start; i < end; i++) {
    const insn = env.insns[i];
    if (insn === undefined || env.aux[i]?.fastcallPattern !== true) continue;
    if (insn.dst === 10) depth = Math.max(depth, -insn.off);
  }
  return depth;
}
