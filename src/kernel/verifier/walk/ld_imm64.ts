import type { Insn } from "../../../isa/insn.ts";
import { PSEUDO } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { TYPE } from "../state/layout.ts";
import { setRegMap, setRegOff, setRegType, setSubprogOf } from "../state/view.ts";
import { markKnown, setKnownZero } from "../value/value.ts";
import { type Env, reject } from "./env.ts";
import { checkReg, reg } from "./regs.ts";

/** Checks a 64-bit load: a number, a map, a place in a map's value, or a subprogram. */
export function checkLdImm64(env: Env, insn: Insn): void {
  if (insn.off !== 0) throw reject(env, E.EINVAL, "BPF_LD_IMM64 uses reserved fields");
  checkReg(env, insn.dst, "dst");
  const dst = reg(env, insn.dst);
  if (insn.src === 0) {
    markKnown(dst, insn.imm, env.insns[env.insnIdx + 1]?.imm ?? 0);
    return;
  }
  setKnownZero(dst);
  const aux = env.aux[env.insnIdx];
  if (insn.src === PSEUDO.BTF_ID) {
    throw reject(
      env,
      E.EINVAL,
      "anybpf: addresses of kernel variables (BPF_PSEUDO_BTF_ID) are not supported yet",
    );
  }
  if (insn.src === PSEUDO.FUNC) {
    const target = env.insnIdx + insn.imm + 1;
    const subprog = env.subprogs.findIndex((s) => s.start === target);
    if (subprog < 0 || env.funcInfo.length === 0) throw reject(env, E.EINVAL, "missing btf func_info");
    if (env.subprogs[subprog]?.isGlobal === true) throw reject(env, E.EINVAL, "callback function not static");
    setRegType(dst, TYPE.PTR_TO_FUNC);
    setSubprogOf(dst, subprog);
    return;
  }
  setRegMap(dst, (aux?.mapIndex ?? -1) + 1);
  if (insn.src === PSEUDO.MAP_VALUE || insn.src === PSEUDO.MAP_IDX_VALUE) {
    setRegType(dst, TYPE.PTR_TO_MAP_VALUE);
    setRegOff(dst, aux?.mapOff ?? 0);
  } else {
    setRegType(dst, TYPE.CONST_PTR_TO_MAP);
  }
}
