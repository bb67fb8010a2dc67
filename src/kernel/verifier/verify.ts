import { CLASS, JMP } from "../../isa/opcode.ts";
import { ctxRows } from "../../uapi/ctx_access.ts";
import { E } from "../../uapi/errno.ts";
import { PROG_FLAG } from "../../uapi/flags.ts";
import { PROG_TYPES } from "../../uapi/prog_type.ts";
import { initFrame } from "./calls/frames.ts";
import { noteMainPrototype, setGlobalArgs } from "./calls/global.ts";
import type { VerifyInput, VerifyResult, VerifyStats } from "./contract.ts";
import { createLog, LOG_LEVEL1, LOG_LEVEL2, LOG_STATS } from "./log/log.ts";
import { prepare } from "./prepare/prepare.ts";
import { createStackLiveness } from "./prepare/stack_liveness.ts";
import { createPruneState } from "./prune/explored.ts";
import { rewrite } from "./rewrite/rewrite.ts";
import { checkMaxStackDepth } from "./rewrite/stack_depth.ts";
import { newFrame, newState, resetArena } from "./state/arena.ts";
import { TYPE } from "./state/layout.ts";
import {
  frameReg,
  setBranches,
  setCurframe,
  setFirstInsnIdx,
  setFrameAt,
  setLastInsnIdx,
  setRegType,
} from "./state/view.ts";
import { configureValues, setKnownZero } from "./value/value.ts";
import { createInsnAux, type Env, Rejection, reject, type SubprogInfo } from "./walk/env.ts";
import { mapOf, markStateClean } from "./walk/regs.ts";
import { walk } from "./walk/walk.ts";

/**
 * Verifies a program as Linux 6.18 does: the verdict, the errno (positive) of a refusal, the log and its counts.
 * Nothing outside of the input decides: the same input gives the same result.
 */
export function verify(input: VerifyInput): VerifyResult {
  if (input.insns.length === 0) {
    const none = { insnsProcessed: 0, maxStatesPerInsn: 0, totalStates: 0, peakStates: 0, markRead: 0 };
    return { ok: false, errno: E.E2BIG, log: "", logSize: 0, stats: none };
  }
  resetArena();
  configureValues(input.caps.bpf);
  const env = createEnv(input);
  try {
    prepare(env);
    // A subprogram's start may be one map reference further than the caller said: take the maps as they are now.
    env.maps.push(...env.usedMaps);
    checkProgram(env);
    checkMaxStackDepth(env);
    const program = rewrite(env);
    finishLog(env, true);
    return { ok: true, program, maps: env.usedMaps, ...logOf(env), stats: statsOf(env) };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    finishLog(env, false);
    return { ok: false, errno: error.errno, ...logOf(env), stats: statsOf(env) };
  }
}

function createEnv(input: VerifyInput): Env {
  const { caps, progFlags, insns } = input;
  const log = createLog(input.logLevel, input.logKeep);
  const env: Env = {
    input,
    log,
    btf: input.btf,
    insns: [...insns],
    aux: insns.map(() => createInsnAux()),
    subprogs: [],
    usedMaps: [],
    maps: [],
    funcInfo: [],
    lineInfo: [],
    stackLiveness: createStackLiveness({
      insns,
      subprogs: [],
      postorder: [],
      log,
      callsCallback: () => false,
      prunePoint: () => false,
    }),
    names: {
      // A template of inner maps has no name of its own.
      map: (handle) =>
        handle > env.usedMaps.length ? { ...mapOf(env, handle), name: "" } : mapOf(env, handle),
      btfType: (_handle, id) => `#${id}`,
    },
    scratched: { regs: 0, slotsLo: 0, slotsHi: 0 },
    postorder: [],
    allowPtrLeaks: caps.perfmon,
    allowUninitStack: caps.perfmon,
    bypassSpecV1: caps.perfmon,
    bypassSpecV4: caps.perfmon,
    bpfCapable: caps.bpf,
    strictAlignment:
      (progFlags & PROG_FLAG.STRICT_ALIGNMENT) !== 0 && (progFlags & PROG_FLAG.ANY_ALIGNMENT) === 0,
    cpus: input.cpus ?? 2,
    testStateFreq: caps.bpf && (progFlags & PROG_FLAG.TEST_STATE_FREQ) !== 0,
    testRegInvariants: caps.bpf && (progFlags & PROG_FLAG.TEST_REG_INVARIANTS) !== 0,
    curState: newState(),
    insnIdx: 0,
    prevInsnIdx: -1,
    checkedInsnIdx: -1,
    arrived: false,
    insnProcessed: 0,
    prevInsnProcessed: 0,
    jmpsProcessed: 0,
    prevJmpsProcessed: 0,
    subprogBeingVerified: 0,
    idGen: 0,
    totalStates: 0,
    peakStates: 0,
    freeStates: 0,
    maxStatesPerInsn: 0,
    longestMarkRead: 0,
    prune: createPruneState(insns.length),
    pending: [],
    insnPrintPosition: 0,
    prevLogPosition: 0,
    prevInsnPrintPosition: 0,
    prevLineInfo: -1,
    insnTexts: [],
    lineTexts: [],
    seenDirectWrite: false,
  };
  return env;
}

/** Walks the main program, then each global function that live code calls. */
function checkProgram(env: Env): void {
  const { progType, expectedAttachType } = env.input;
  if (ctxRows(progType, expectedAttachType) === undefined) {
    const name = Object.entries(PROG_TYPES).find(([, row]) => row.value === progType)?.[0] ?? `${progType}`;
    throw reject(env, E.EINVAL, `anybpf: program type ${name.toLowerCase()} is not supported yet`);
  }
  walkSubprog(env, 0);
  const verified = new Set<number>();
  let again = true;
  while (again) {
    again = false;
    env.subprogs.forEach((sub, i) => {
      if (i === 0 || !sub.isGlobal || !sub.called || verified.has(i)) return;
      walkSubprog(env, i);
      if ((env.log.level & (LOG_LEVEL1 | LOG_LEVEL2)) !== 0) {
        env.log.line(`Func#${i} ('${sub.name}') is safe for any args that match its prototype`);
      }
      verified.add(i);
      again = true;
    });
  }
}

function walkSubprog(env: Env, index: number): void {
  const sub = env.subprogs[index];
  if (sub === undefined) throw new Error("anybpf bug: no such subprogram");
  const state = newState();
  const frame = newFrame(-1, 0, index);
  setFrameAt(state, 0, frame);
  setCurframe(state, 0);
  setBranches(state, 1);
  setFirstInsnIdx(state, sub.start);
  setLastInsnIdx(state, -1);
  env.curState = state;
  env.stackLiveness.chainChanged();
  env.insnIdx = sub.start;
  env.prevInsnIdx = -1;
  env.prevLineInfo = -1;
  env.subprogBeingVerified = index;
  markStateClean(env);
  initFrame(env, frame);
  if (index === 0) {
    noteMainPrototype(env);
    const r1 = frameReg(frame, 1);
    setKnownZero(r1);
    setRegType(r1, TYPE.PTR_TO_CTX);
  } else {
    env.log.line(`Validating ${sub.name}() func#${index}...`);
    setGlobalArgs(env, index);
  }
  walk(env);
  if ((env.log.level & LOG_LEVEL2) === 0) env.log.reset(0);
}

/** The counts, and at BPF_LOG_STATS the stack depths. Time is not measured: it would make the log impure. */
function finishLog(env: Env, accepted: boolean): void {
  if ((env.log.level & LOG_STATS) !== 0) {
    env.log.line("verification time 0 usec");
    const depths = env.subprogs.map((sub) => sub.stackDepth + (accepted ? inlinedStack(env, sub) : 0));
    env.log.line(`stack depth ${depths.length > 0 ? depths.join("+") : 0}`);
  }
  const s = statsOf(env);
  env.log.line(
    `processed ${s.insnsProcessed} insns (limit 1000000) max_states_per_insn ${s.maxStatesPerInsn} ` +
      `total_states ${s.totalStates} peak_states ${s.peakStates} mark_read ${s.markRead}`,
  );
}

function logOf(env: Env): { log: string; logSize: number } {
  return { log: env.log.text(), logSize: env.log.longest };
}

/** Bytes of stack that Linux adds for what it writes in place of may_goto and of calls of bpf_loop. */
function inlinedStack(env: Env, sub: SubprogInfo): number {
  let loops = 0;
  let mayGoto = 0;
  for (let i = sub.start; i < sub.end; i++) {
    const aux = env.aux[i];
    const insn = env.insns[i];
    if (aux === undefined || insn === undefined || !aux.seen) continue;
    if (aux.loopInline === true) loops = 24 + (-sub.stackDepth & 7);
    if (insn.code === (CLASS.JMP | JMP.JCOND) && insn.off !== 0) mayGoto = 16;
  }
  return loops + mayGoto;
}

function statsOf(env: Env): VerifyStats {
  return {
    insnsProcessed: env.insnProcessed,
    maxStatesPerInsn: env.maxStatesPerInsn,
    totalStates: env.totalStates,
    peakStates: env.peakStates,
    markRead: env.longestMarkRead,
  };
}
