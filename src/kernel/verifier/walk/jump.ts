import type { Insn } from "../../../isa/insn.ts";
import { CLASS, JMP, SRC } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { printInsnState } from "../log/state.ts";
import { HIST_DST_STACK, HIST_SRC_STACK, type LinkedReg, pushJumpHistory } from "../prune/history.ts";
import { findPrevEntry, widenImpreciseScalars } from "../prune/loops.ts";
import { markChainPrecision } from "../prune/precision.ts";
import { scratchReg } from "../state/arena.ts";
import { type RegPtr, TYPE, TYPE_FLAG, TYPE_MASK } from "../state/layout.ts";
import {
  baseType,
  copyReg,
  curReg,
  hasTypeFlag,
  isConst,
  isConstZero,
  isScalar,
  mayGotoDepth,
  parentOf,
  regId,
  regType,
  setMayGotoDepth,
  varMaskLo,
  varValueLo,
} from "../state/view.ts";
import { branchTaken, markKnownImm, refineBranch } from "../value/value.ts";
import { type Env, reject } from "./env.ts";
import { checkInvariants } from "./invariants.ts";
import { collectLinked, syncLinked } from "./linked.ts";
import { markNotNull, markNullness } from "./nullness.ts";
import { FLIPPED, isAnyPacketPointer, learnPacketRange, packetBranchTaken } from "./packet_range.ts";
import { pushPath } from "./paths.ts";
import { checkReg, isPointer, reg } from "./regs.ts";

const IMM_OPERAND = 4;
const IMM_COPY = 5;

/** Pointers that are known not to be null. */
const NEVER_NULL: ReadonlySet<number> = new Set<number>([
  TYPE.PTR_TO_SOCKET,
  TYPE.PTR_TO_TCP_SOCK,
  TYPE.PTR_TO_MAP_VALUE,
  TYPE.PTR_TO_MAP_KEY,
  TYPE.PTR_TO_SOCK_COMMON,
  TYPE.PTR_TO_MEM,
  TYPE.CONST_PTR_TO_MAP,
]);

function isNotNull(r: RegPtr): boolean {
  const type = regType(r);
  if ((type & TYPE_FLAG.PTR_MAYBE_NULL) !== 0) return false;
  if ((type & TYPE_MASK) === TYPE.PTR_TO_BTF_ID) return (type & TYPE_FLAG.PTR_TRUSTED) !== 0;
  return NEVER_NULL.has(type & TYPE_MASK) && (type & TYPE_FLAG.PTR_UNTRUSTED) === 0;
}

function isConstNumber(r: RegPtr, is32: boolean): boolean {
  return isScalar(r) && (is32 ? varMaskLo(r) === 0 : isConst(r));
}

/** The outcome of a comparison if it is known: 1 taken, 0 not, -1 unknown. Linux: is_branch_taken. */
function outcome(dst: RegPtr, src: RegPtr, jump: number, is32: boolean): -1 | 0 | 1 {
  if (isAnyPacketPointer(dst) && isAnyPacketPointer(src) && !is32) return packetBranchTaken(dst, src, jump);
  let a = dst;
  let b = src;
  let op = jump;
  if (isConstNumber(a, is32)) {
    [a, b] = [b, a];
    op = FLIPPED[op] ?? op;
  }
  if (!isScalar(a)) {
    if (!isConstNumber(b, is32) || !isNotNull(a)) return -1;
    if (is32 ? varValueLo(b) !== 0 : !isConstZero(b)) return -1;
    return op === JMP.JEQ ? 0 : op === JMP.JNE ? 1 : -1;
  }
  if (!isScalar(b)) return -1;
  return branchTaken(a, b, op, is32);
}

/** Checks a conditional jump: goes on with the instruction after it and leaves its target for later. */
export function checkJump(env: Env, insn: Insn): void {
  const op = insn.code & 0xf0;
  if (op === JMP.JCOND) {
    mayGoto(env, insn);
    return;
  }
  if (op === JMP.JA || op > JMP.JCOND) {
    throw reject(env, E.EINVAL, `invalid BPF_JMP/JMP32 opcode ${op.toString(16)}`);
  }
  const is32 = (insn.code & 7) === CLASS.JMP32;
  const fromReg = (insn.code & SRC.X) !== 0;
  checkReg(env, insn.dst, "src");
  const dst = reg(env, insn.dst);
  const src = fromReg ? compareRegister(env, insn, dst) : compareImmediate(env, insn);
  let stackFlags = 0;
  if (regType(dst) === TYPE.PTR_TO_STACK) stackFlags |= HIST_DST_STACK;
  if (fromReg && regType(src) === TYPE.PTR_TO_STACK) stackFlags |= HIST_SRC_STACK;
  if (stackFlags !== 0) pushJumpHistory(env, env.curState, stackFlags, []);

  const known = outcome(dst, src, op, is32);
  if (known >= 0) {
    if (isScalar(dst)) markChainPrecision(env, insn.dst);
    if (fromReg && isScalar(src)) markChainPrecision(env, insn.src);
    if (!env.bypassSpecV1) {
      const other = known === 1 ? env.insnIdx + 1 : env.insnIdx + insn.off + 1;
      pushPath(env, other, env.insnIdx, true);
    }
    printInsnState(env);
    env.insnIdx += known === 1 ? insn.off + 1 : 1;
    return;
  }
  split(env, insn, op, is32, fromReg, dst, src);
  env.insnIdx++;
}

function compareRegister(env: Env, insn: Insn, dst: RegPtr): RegPtr {
  if (insn.imm !== 0) throw reject(env, E.EINVAL, "BPF_JMP/JMP32 uses reserved fields");
  checkReg(env, insn.src, "src");
  const src = reg(env, insn.src);
  if (!(isAnyPacketPointer(dst) && isAnyPacketPointer(src)) && isPointer(env, src)) {
    throw reject(env, E.EACCES, `R${insn.src} pointer comparison prohibited`);
  }
  return src;
}

function compareImmediate(env: Env, insn: Insn): RegPtr {
  if (insn.src !== 0) throw reject(env, E.EINVAL, "BPF_JMP/JMP32 uses reserved fields");
  const src = scratchReg(IMM_OPERAND);
  markKnownImm(src, insn.imm);
  return src;
}

function split(
  env: Env,
  insn: Insn,
  op: number,
  is32: boolean,
  fromReg: boolean,
  dst: RegPtr,
  src: RegPtr,
): void {
  const linked: LinkedReg[] = [];
  const fall = env.curState;
  if (fromReg && isScalar(src) && regId(src) !== 0) collectLinked(env, fall, regId(src), linked);
  if (isScalar(dst) && regId(dst) !== 0) collectLinked(env, fall, regId(dst), linked);
  if (linked.length > 1) pushJumpHistory(env, fall, 0, linked);

  const taken = pushPath(env, env.insnIdx + insn.off + 1, env.insnIdx, false);
  const takenDst = curReg(taken, insn.dst);
  let takenSrc: RegPtr;
  if (fromReg) {
    takenSrc = curReg(taken, insn.src);
  } else {
    takenSrc = scratchReg(IMM_COPY);
    copyReg(takenSrc, src);
  }
  refineBranch(takenDst, takenSrc, dst, src, op, is32);
  if (isScalar(dst) && isScalar(src)) {
    checkInvariants(env, takenDst, "true_reg1");
    checkInvariants(env, takenSrc, "true_reg2");
    checkInvariants(env, dst, "false_reg1");
    checkInvariants(env, src, "false_reg2");
  }
  if (fromReg && isScalar(src) && regId(src) !== 0) {
    syncLinked(fall, src, linked);
    syncLinked(taken, takenSrc, linked);
  }
  if (isScalar(dst) && regId(dst) !== 0) {
    syncLinked(fall, dst, linked);
    syncLinked(taken, takenDst, linked);
  }

  if (!is32 && fromReg) liftNullness(env, op, dst, src, takenDst, takenSrc);
  const testsNull =
    !is32 &&
    !fromReg &&
    insn.imm === 0 &&
    (op === JMP.JEQ || op === JMP.JNE) &&
    hasTypeFlag(dst, TYPE_FLAG.PTR_MAYBE_NULL);
  if (testsNull) {
    markNullness(env, fall, insn.dst, op === JMP.JNE);
    markNullness(env, taken, insn.dst, op === JMP.JEQ);
  } else if (!learnPacketRange(insn, fall, taken) && isPointer(env, dst)) {
    throw reject(env, E.EACCES, `R${insn.dst} pointer comparison prohibited`);
  }
  printInsnState(env);
}

/** A pointer that equals one that is not null is not null either. */
function liftNullness(
  env: Env,
  op: number,
  dst: RegPtr,
  src: RegPtr,
  takenDst: RegPtr,
  takenSrc: RegPtr,
): void {
  if (isScalar(dst) || isScalar(src)) return;
  const dstNull = hasTypeFlag(dst, TYPE_FLAG.PTR_MAYBE_NULL);
  if (dstNull === hasTypeFlag(src, TYPE_FLAG.PTR_MAYBE_NULL)) return;
  if (baseType(dst) === TYPE.PTR_TO_BTF_ID || baseType(src) === TYPE.PTR_TO_BTF_ID) return;
  if (op === JMP.JEQ) markNotNull(env, dstNull ? takenDst : takenSrc);
  else if (op === JMP.JNE) markNotNull(env, dstNull ? dst : src);
}

/** `may_goto`: falls through on a path of its own, so that the walk of the loop ends. */
function mayGoto(env: Env, insn: Insn): void {
  if (insn.code !== (CLASS.JMP | JMP.JCOND) || insn.src !== 0 || insn.dst !== 0 || insn.imm !== 0) {
    throw reject(env, E.EINVAL, `invalid may_goto imm ${insn.imm}`);
  }
  const parent = parentOf(env.curState);
  const before = parent === 0 ? 0 : findPrevEntry(env, parent, env.insnIdx);
  const queued = pushPath(env, env.insnIdx + 1, env.insnIdx, false);
  setMayGotoDepth(queued, mayGotoDepth(queued) + 1);
  if (before !== 0) widenImpreciseScalars(env, before, queued);
  env.insnIdx += insn.off + 1;
}
