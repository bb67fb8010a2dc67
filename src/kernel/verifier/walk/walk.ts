import { type Insn, isLdImm64 } from "../../../isa/insn.ts";
import { CLASS, JMP, MODE, SRC } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { checkAtomic } from "../access/atomic.ts";
import { checkLoad, checkStore, checkStoreImm } from "../access/load_store.ts";
import { checkLdAbs } from "../access/packet_load.ts";
import { checkCall } from "../calls/call.ts";
import { checkExit } from "../calls/exit.ts";
import { printInsn } from "../log/insn.ts";
import { LOG_LEVEL2 } from "../log/log.ts";
import { isLogged, printFrame } from "../log/state.ts";
import { pushJumpHistory } from "../prune/history.ts";
import { isStateVisited, updateBranchCounts } from "../prune/visit.ts";
import { curFrame, setLastInsnIdx, setStateInsnIdx, speculative } from "../state/view.ts";
import { checkAlu } from "./alu.ts";
import { type Env, Rejection, reject } from "./env.ts";
import { checkInvariants } from "./invariants.ts";
import { checkJump } from "./jump.ts";
import { checkLdImm64 } from "./ld_imm64.ts";
import { observe } from "./observe.ts";
import { popPath } from "./paths.ts";
import { markStateScratched, reg } from "./regs.ts";

/** Instructions that are checked before the kernel gives up. */
const MAX_INSNS = 1_000_000;

/** What became of an instruction: the path goes on, or has ended. */
export type Step = "next" | "end";

/** Walks every path from the running state, which is at `env.insnIdx`. Linux: do_check. */
export function walk(env: Env): void {
  const cutLog = (env.log.level & LOG_LEVEL2) === 0;
  env.arrived = false;
  let previous = -1;
  for (;;) {
    env.prevInsnIdx = previous;
    if (env.insnIdx >= env.insns.length) {
      throw reject(env, E.EFAULT, `invalid insn idx ${env.insnIdx} insn_cnt ${env.insns.length}`);
    }
    if (++env.insnProcessed > MAX_INSNS) {
      throw reject(env, E.E2BIG, `BPF program is too large. Processed ${env.insnProcessed} insn`);
    }
    if (visit(env, previous) === "next") {
      previous = env.checkedInsnIdx;
      continue;
    }
    markStateScratched(env);
    updateBranchCounts(env, env.curState);
    env.stackLiveness.propagate(env.curState);
    if (!popPath(env, cutLog)) break;
    previous = env.prevInsnIdx;
    env.arrived = true;
  }
}

function speculationNote(env: Env): string {
  return speculative(env.curState) !== 0 ? " (speculative execution)" : "";
}

function visit(env: Env, previous: number): Step {
  const state = env.curState;
  const at = env.insnIdx;
  const insn = env.insns[at] as Insn;
  const aux = env.aux[at];
  if (aux === undefined) throw new Error("anybpf bug: no facts of an instruction");
  setLastInsnIdx(state, previous);
  setStateInsnIdx(state, at);
  if (env.input.observer !== undefined) observe(env, env.input.observer);
  if (aux.prunePoint && isStateVisited(env, at)) {
    if (isLogged(env)) {
      if (env.arrived) env.log.line(`\nfrom ${previous} to ${at}${speculationNote(env)}: safe`);
      else env.log.line(`${at}: safe`);
    }
    return "end";
  }
  if (aux.jmpPoint) pushJumpHistory(env, state, 0, []);
  if (env.arrived && (env.log.level & LOG_LEVEL2) !== 0) {
    env.arrived = false;
    env.log.write(`\nfrom ${previous} to ${at}${speculationNote(env)}:`);
    printFrame(env, curFrame(state));
  }
  printInsn(env);
  env.checkedInsnIdx = at;
  if (speculative(state) === 0 || env.bypassSpecV1) aux.seen = true;
  else if (aux.nospec) return "end";
  env.stackLiveness.beginInsn(state, at);
  try {
    const step = checkInsn(env, insn);
    env.stackLiveness.endInsn();
    return step;
  } catch (error) {
    if (!(error instanceof Rejection) || speculative(state) === 0 || error.errno === E.ENOMEM) throw error;
    if (error.errno === E.E2BIG || error.errno === E.EFAULT) throw error;
    // Only a misled processor comes here: a barrier before the instruction stops it.
    aux.nospec = true;
    return "end";
  }
}

function checkInsn(env: Env, insn: Insn): Step {
  switch (insn.code & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
      checkAlu(env, insn);
      checkInvariants(env, reg(env, insn.dst), "alu");
      env.insnIdx++;
      return "next";
    case CLASS.LDX:
      checkLoad(env, insn);
      env.insnIdx++;
      return "next";
    case CLASS.STX:
      if ((insn.code & 0xe0) === MODE.ATOMIC) {
        checkAtomic(env, insn);
      } else {
        if ((insn.code & 0xe0) !== MODE.MEM || insn.imm !== 0) {
          throw reject(env, E.EINVAL, "BPF_STX uses reserved fields");
        }
        checkStore(env, insn, false);
      }
      env.insnIdx++;
      return "next";
    case CLASS.ST:
      checkStoreImm(env, insn);
      env.insnIdx++;
      return "next";
    case CLASS.LD:
      return checkLd(env, insn);
    default:
      return checkControl(env, insn);
  }
}

function checkLd(env: Env, insn: Insn): Step {
  const mode = insn.code & 0xe0;
  if (mode === MODE.ABS || mode === MODE.IND) {
    checkLdAbs(env, insn);
    return "next";
  }
  if (mode !== MODE.IMM || !isLdImm64(insn)) {
    throw reject(env, E.EINVAL, mode === MODE.IMM ? "invalid BPF_LD_IMM insn" : "invalid BPF_LD mode");
  }
  checkLdImm64(env, insn);
  env.insnIdx += 2;
  return "next";
}

function checkControl(env: Env, insn: Insn): Step {
  const op = insn.code & 0xf0;
  const is32 = (insn.code & 7) === CLASS.JMP32;
  env.jmpsProcessed++;
  if (op === JMP.CALL) {
    checkCall(env, insn);
    return "next";
  }
  if (op === JMP.JA) {
    const bad = is32 ? insn.off !== 0 : insn.imm !== 0;
    if ((insn.code & SRC.X) !== 0 || insn.src !== 0 || insn.dst !== 0 || bad) {
      throw reject(env, E.EINVAL, "BPF_JA uses reserved fields");
    }
    env.insnIdx += (is32 ? insn.imm : insn.off) + 1;
    return "next";
  }
  if (op === JMP.EXIT) {
    if ((insn.code & SRC.X) !== 0 || insn.imm !== 0 || insn.src !== 0 || insn.dst !== 0 || is32) {
      throw reject(env, E.EINVAL, "BPF_EXIT uses reserved fields");
    }
    return checkExit(env);
  }
  checkJump(env, insn);
  return "next";
}
