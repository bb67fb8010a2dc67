import type { Insn } from "../../../isa/insn.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, SRC } from "../../../isa/opcode.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import { insnText } from "../log/insn.ts";
import { LOG_LEVEL2 } from "../log/log.ts";
import type { Env } from "../walk/env.ts";
import {
  accessFrame,
  accessSlot,
  HIST_DST_STACK,
  HIST_SRC_STACK,
  type HistoryEntry,
  isStackAccess,
} from "./history.ts";
import {
  addLinked,
  addReg,
  addSlot,
  dropReg,
  dropSlot,
  hasReg,
  hasSlot,
  noSlots,
  regsText,
  slotsText,
  type Tracked,
} from "./tracked.ts";

/** R1 to R5, one bit each. */
const ARGS = 0x3e;
const R10 = 10;

/** What came of a step back: done, or the instruction is beyond what can be followed. */
export type Backtracked = "ok" | "unsupported";

function bug(what: string): Error {
  return new Error(`anybpf bug: backtracking: ${what}`);
}

/**
 * Steps back over one instruction: what is wanted precisely after it is replaced by what that depends on before it.
 * `nextIdx` is the instruction after it on the path (-1 if it is the last). Linux: backtrack_insn.
 */
export function backtrackInsn(
  env: Env,
  idx: number,
  nextIdx: number,
  entry: HistoryEntry | undefined,
  t: Tracked,
): Backtracked {
  const insn = env.insns[idx] as Insn;
  if (insn.code === 0) return "ok";
  if ((env.log.level & LOG_LEVEL2) !== 0) {
    env.log.line(
      `mark_precise: frame${t.frame}: regs=${regsText(t, t.frame)} stack=${slotsText(t, t.frame)} ` +
        `before ${idx}: ${insnText(env, idx)}`,
    );
  }
  if (entry !== undefined) addLinked(t, entry.linked);
  switch (insn.code & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
      backtrackAlu(insn, t);
      break;
    case CLASS.LDX:
      backtrackLoad(insn, entry, t);
      break;
    case CLASS.STX:
      if ((insn.code & 0xe0) === MODE.ATOMIC && insn.imm === ATOMIC.LOAD_ACQ) {
        backtrackLoad(insn, entry, t);
        break;
      }
      if (backtrackStore(insn, entry, t) === "unsupported") return "unsupported";
      break;
    case CLASS.ST:
      if (backtrackStore(insn, entry, t) === "unsupported") return "unsupported";
      break;
    case CLASS.LD:
      if (!hasReg(t, t.frame, insn.dst)) return "ok";
      dropReg(t, t.frame, insn.dst);
      // What LD_ABS and LD_IND depend on is not followed.
      if ((insn.code & 0xe0) !== MODE.IMM) return "unsupported";
      break;
    default:
      if (backtrackJump(env, insn, idx, nextIdx, entry, t) === "return") return "ok";
  }
  if (entry !== undefined) addLinked(t, entry.linked);
  return "ok";
}

function backtrackAlu(insn: Insn, t: Tracked): void {
  if (!hasReg(t, t.frame, insn.dst)) return;
  const op = insn.code & 0xf0;
  if (op === ALU.END || op === ALU.NEG) return;
  if (op === ALU.MOV) dropReg(t, t.frame, insn.dst);
  if ((insn.code & 8) === SRC.X && insn.src !== R10) addReg(t, t.frame, insn.src);
}

/** A load gives what the slot held; from any other memory it gives a number that depends on nothing. */
function backtrackLoad(insn: Insn, entry: HistoryEntry | undefined, t: Tracked): void {
  if (!hasReg(t, t.frame, insn.dst)) return;
  dropReg(t, t.frame, insn.dst);
  if (entry === undefined || !isStackAccess(entry.flags)) return;
  addSlot(t, accessFrame(entry.flags), accessSlot(entry.flags));
}

function backtrackStore(insn: Insn, entry: HistoryEntry | undefined, t: Tracked): Backtracked {
  // A number is no address: this one was computed by subtracting pointers.
  if (hasReg(t, t.frame, insn.dst)) return "unsupported";
  if (entry === undefined || !isStackAccess(entry.flags)) return "ok";
  const frame = accessFrame(entry.flags);
  const spi = accessSlot(entry.flags);
  if (!hasSlot(t, frame, spi)) return "ok";
  dropSlot(t, frame, spi);
  if ((insn.code & 7) === CLASS.STX) addReg(t, t.frame, insn.src);
  return "ok";
}

/** "return" where linked registers are not to be looked at again. */
function backtrackJump(
  env: Env,
  insn: Insn,
  idx: number,
  nextIdx: number,
  entry: HistoryEntry | undefined,
  t: Tracked,
): "ok" | "return" {
  const op = insn.code & 0xf0;
  if (op === JMP.CALL && (insn.code & 7) === CLASS.JMP) return backtrackCall(env, insn, idx, nextIdx, t);
  if (op === JMP.EXIT) {
    backtrackExit(env, nextIdx, t);
    return "return";
  }
  if ((insn.code & 8) === SRC.X && op !== JMP.JA) {
    if (!hasReg(t, t.frame, insn.dst) && !hasReg(t, t.frame, insn.src)) return "return";
    const flags = entry?.flags ?? 0;
    if ((flags & HIST_SRC_STACK) === 0) addReg(t, t.frame, insn.src);
    if ((flags & HIST_DST_STACK) === 0) addReg(t, t.frame, insn.dst);
  }
  return "ok";
}

/** Leaves a callee backwards, for its caller. */
function leaveCallee(t: Tracked): void {
  if (((t.regs[t.frame] as number) & ~ARGS) !== 0) throw bug(`unexpected registers ${regsText(t, t.frame)}`);
  if (!noSlots(t, t.frame)) throw bug(`unexpected slots ${slotsText(t, t.frame)}`);
  if (t.frame === 0) throw bug("a call above the main program");
}

function backtrackCall(env: Env, insn: Insn, idx: number, nextIdx: number, t: Tracked): "ok" | "return" {
  if (insn.src === CALL.LOCAL) {
    const target = idx + insn.imm + 1;
    const callee = env.subprogs.find((s) => s.start === target);
    if (callee?.isGlobal === true) {
      // A global function is not walked through; it sets R0 to an unknown number.
      if (((t.regs[t.frame] as number) & ARGS) !== 0) throw bug("arguments of a global function");
      dropReg(t, t.frame, 0);
      return "return";
    }
    leaveCallee(t);
    const args = (t.regs[t.frame] as number) & ARGS;
    t.regs[t.frame] = 0;
    t.frame--;
    t.regs[t.frame] = (t.regs[t.frame] as number) | args;
    return "return";
  }
  if (env.aux[idx]?.callsCallback === true && idx !== nextIdx - 1) {
    // Backwards out of a callback: its arguments are made by the helper and depend on nothing here.
    leaveCallee(t);
    t.regs[t.frame] = 0;
    t.frame--;
    return "return";
  }
  dropReg(t, t.frame, 0);
  // A tail call that was made has left the subprogram: backwards it is that one's exit.
  if (insn.src === CALL.HELPER && insn.imm === HELPERS.tail_call.value && nextIdx !== idx + 1) {
    if (t.frame === 7) throw bug("too many frames");
    t.frame++;
  }
  if (((t.regs[t.frame] as number) & ARGS) !== 0)
    throw bug(`arguments ${regsText(t, t.frame)} before a call`);
  return "ok";
}

/** Enters a callee backwards, at its exit. */
function backtrackExit(env: Env, nextIdx: number, t: Tracked): void {
  if (nextIdx >= 0 && env.aux[nextIdx]?.callsCallback === true) {
    t.regs[t.frame] = (t.regs[t.frame] as number) & ~ARGS;
  }
  if (((t.regs[t.frame] as number) & ARGS) !== 0) throw bug(`arguments ${regsText(t, t.frame)} after a call`);
  const call = env.insns[nextIdx - 1];
  const isCall = call !== undefined && call.code === (CLASS.JMP | JMP.CALL) && call.src === CALL.LOCAL;
  const wantsR0 = isCall && hasReg(t, t.frame, 0);
  dropReg(t, t.frame, 0);
  if (t.frame === 7) throw bug("too many frames");
  t.frame++;
  if (wantsR0) addReg(t, t.frame, 0);
}
