import type { Insn } from "../../../isa/insn.ts";
import { CLASS, MODE, SIZE } from "../../../isa/opcode.ts";
import { type HelperProto, helperProto } from "../../../uapi/helper_proto.ts";
import type { Env, InsnAux, SubprogInfo } from "../walk/env.ts";
import { argRegs, isHelperCall } from "./live_regs.ts";

const SPILL = CLASS.STX | MODE.MEM | SIZE.DW;
const FILL = CLASS.LDX | MODE.MEM | SIZE.DW;
/** Below every stack offset: set when a pattern turned out to be none. */
const NO_OFFSET = -32768;

/**
 * Finds bpf_fastcall patterns: a helper call whose other argument registers the compiler saved right before and
 * restored right after it, in stack slots below all others.
 *
 * ```
 *   *(u64 *)(r10 -24) = r2     lowest slot: nearest to the call
 *   call bpf_get_smp_processor_id
 *   r2 = *(u64 *)(r10 -24)
 * ```
 *
 * Where the call is known to leave those registers alone, Linux drops the spills and their slots; the slots then do
 * not count towards the stack's depth.
 */
export function markFastcallPatterns(env: Env): void {
  for (const sub of env.subprogs) {
    let lowest = 0;
    for (let i = sub.start; i < sub.end; i++) {
      const insn = env.insns[i];
      if (insn?.code === SPILL && insn.dst === 10) lowest = Math.min(lowest, insn.off);
    }
    for (let i = sub.start; i < sub.end; i++) markCall(env, sub, i, lowest);
  }
}

function markCall(env: Env, sub: SubprogInfo, call: number, lowest: number): void {
  const insn = env.insns[call];
  if (insn === undefined || !isHelperCall(insn)) return;
  const proto = helperProto(insn.imm, env.input.progType, env.input.expectedAttachType);
  if (proto === undefined) return;
  const pairs = countPairs(env.insns, call, lowest, saved(proto));
  if (pairs === 0) return;
  for (let n = 1; n <= pairs; n++) {
    (env.aux[call - n] as InsnAux).fastcallPattern = true;
    (env.aux[call + n] as InsnAux).fastcallPattern = true;
  }
  if (proto.fastcall) (env.aux[call] as InsnAux).fastcallSpills = pairs;
  else sub.keepFastcallStack = true;
  sub.fastcallStackOff = Math.min(sub.fastcallStackOff, lowest + 8 * pairs);
}

/** The caller-saved registers that a helper of this prototype has no business with. */
function saved(proto: HelperProto): number {
  const result = proto.ret === "VOID" ? 0 : 1;
  return 0x3f & ~(argRegs(proto.args.length) | result);
}

/** How many pairs of spill and fill lie around a call, slot by slot upwards from the lowest. */
function countPairs(insns: readonly Insn[], call: number, lowest: number, regs: number): number {
  let left = regs;
  let n = 0;
  for (;;) {
    const spill = insns[call - n - 1];
    const fill = insns[call + n + 1];
    const off = lowest + 8 * n;
    if (spill?.code !== SPILL || fill?.code !== FILL) return n;
    if (spill.dst !== 10 || fill.src !== 10 || spill.off !== off || fill.off !== off) return n;
    if (spill.src !== fill.dst || (left & (1 << spill.src)) === 0) return n;
    left &= ~(1 << spill.src);
    n++;
  }
}

/**
 * To be called for every stack access at a (lowest) offset: one that reaches into the slots of fastcall patterns
 * without being part of one shows that they are ordinary slots, and ends the subprogram's patterns.
 */
export function checkFastcallContract(env: Env, subprog: number, insnIdx: number, off: number): void {
  const sub = env.subprogs[subprog];
  if (sub === undefined || sub.fastcallStackOff <= off) return;
  if ((env.aux[insnIdx] as InsnAux).fastcallPattern) return;
  sub.fastcallStackOff = NO_OFFSET;
  for (let i = sub.start; i < sub.end; i++) {
    const aux = env.aux[i] as InsnAux;
    aux.fastcallSpills = 0;
    aux.fastcallPattern = false;
  }
}

/** The stack that a subprogram needs once the spills of its fastcall patterns are gone. */
export function depthWithoutFastcall(env: Env, sub: SubprogInfo): number {
  if (sub.keepFastcallStack) return sub.stackDepth;
  for (let i = sub.start; i < sub.end; i++) {
    if ((env.aux[i] as InsnAux).fastcallSpills > 0) return -sub.fastcallStackOff;
  }
  return sub.stackDepth;
}
