import { CALL, CLASS, MODE, PSEUDO } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import { LOG_LEVEL2 } from "../log/log.ts";
import { createSubprogInfo, type Env, reject } from "../walk/env.ts";
import { isHelperCall, LD_IMM64 } from "./live_regs.ts";
import { isCall, isExit, isGoto, isJumpClass, jumpTarget } from "./successors.ts";

/** The subprograms that a program may have, the main program among them. */
const MAX_SUBPROGS = 256;

/**
 * Finds where subprograms start: at 0, and wherever a call or the load of a function's address points. Fills
 * `env.subprogs`, and logs them at level 2. EPERM without CAP_BPF, EINVAL for a call out of the program, E2BIG for
 * more than 256.
 */
export function findSubprogs(env: Env): void {
  const { insns } = env;
  const starts = new Set([0]);
  insns.forEach((insn, i) => {
    const local = isCall(insn) && insn.src === CALL.LOCAL;
    const kfunc = isCall(insn) && insn.src === CALL.KFUNC;
    const address = insn.code === LD_IMM64 && insn.src === PSEUDO.FUNC;
    if (!local && !kfunc && !address) return;
    if (!env.bpfCapable) {
      throw reject(
        env,
        E.EPERM,
        "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN",
      );
    }
    if (kfunc) {
      // There is no kernel whose functions could be called, as in a Linux that was built without BTF.
      throw reject(env, E.ENOTSUPP, "calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF");
    }
    const start = i + insn.imm + 1;
    if (start < 0 || start >= insns.length) throw reject(env, E.EINVAL, "call to invalid destination");
    if (!starts.has(start) && starts.size >= MAX_SUBPROGS) throw reject(env, E.E2BIG, "too many subprograms");
    starts.add(start);
  });
  const sorted = [...starts].sort((a, b) => a - b);
  env.subprogs = sorted.map((start, n) => createSubprogInfo(start, sorted[n + 1] ?? insns.length));
  if ((env.log.level & LOG_LEVEL2) === 0) return;
  for (const [n, start] of sorted.entries()) env.log.line(`func#${n} @${start}`);
}

/** The index of the subprogram that starts at an instruction, -1 if none does. */
export function subprogAt(env: Env, start: number): number {
  return env.subprogs.findIndex((sub) => sub.start === start);
}

/** The index of the subprogram that an instruction lies in. */
export function subprogOfInsn(env: Env, insnIdx: number): number {
  let low = 0;
  let high = env.subprogs.length - 1;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if ((env.subprogs[mid]?.start ?? 0) <= insnIdx) low = mid;
    else high = mid - 1;
  }
  return low;
}

/** Checks that no subprogram jumps or runs into another one, and notes their tail calls and packet loads. EINVAL. */
export function checkSubprogs(env: Env): void {
  for (const sub of env.subprogs) {
    for (let i = sub.start; i < sub.end; i++) {
      const insn = env.insns[i];
      if (insn === undefined) continue;
      if (isHelperCall(insn) && insn.imm === HELPERS.tail_call.value) {
        sub.hasTailCall = true;
        sub.tailCallReachable = true;
      }
      const mode = insn.code & 0xe0;
      if ((insn.code & 0x07) === CLASS.LD && (mode === MODE.ABS || mode === MODE.IND)) sub.hasLdAbs = true;
      if (isJumpClass(insn) && !isExit(insn) && !isCall(insn)) {
        const to = jumpTarget(insn, i);
        if (to < sub.start || to >= sub.end)
          throw reject(env, E.EINVAL, `jump out of range from insn ${i} to ${to}`);
      }
      if (i === sub.end - 1 && !isExit(insn) && !isGoto(insn)) {
        throw reject(env, E.EINVAL, "last insn is not an exit or jmp");
      }
    }
  }
}
