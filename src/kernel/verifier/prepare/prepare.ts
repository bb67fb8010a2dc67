import type { Insn } from "../../../isa/insn.ts";
import { helperProto } from "../../../uapi/helper_proto.ts";
import { insnText } from "../log/insn.ts";
import { LOG_LEVEL2 } from "../log/log.ts";
import type { Env, InsnAux } from "../walk/env.ts";
import { checkBtfInfo, checkFuncInfoEarly } from "./btf_info.ts";
import { checkCfg } from "./cfg.ts";
import { markFastcallPatterns } from "./fastcall.ts";
import { resolveLdImm64 } from "./ld_imm64.ts";
import { ALL_ARGS, argRegs, isHelperCall, liveRegs, liveRegsText } from "./live_regs.ts";
import { components, postorder } from "./order.ts";
import { createStackLiveness } from "./stack_liveness.ts";
import { checkSubprogs, findSubprogs } from "./subprogs.ts";

/**
 * Everything that is checked and learned before the first path is walked, in the kernel's order: subprograms, BTF
 * records, maps, opcodes, the control-flow graph, and what is live where. Throws a Rejection.
 */
export function prepare(env: Env): void {
  checkFuncInfoEarly(env);
  findSubprogs(env);
  checkSubprogs(env);
  checkBtfInfo(env);
  resolveLdImm64(env);
  checkCfg(env);
  env.postorder = postorder(env.insns, env.subprogs);
  const scc = components(env.insns, env.subprogs);
  const callArgs = (insn: Insn): number => argsOf(env, insn);
  const live = liveRegs(env.insns, env.postorder, callArgs);
  env.aux.forEach((aux, i) => {
    aux.scc = scc[i] as number;
    aux.liveRegsBefore = live[i] as number;
  });
  if ((env.log.level & LOG_LEVEL2) !== 0) {
    const disasm = (i: number): string => insnText(env, i);
    env.log.write(liveRegsText(env.insns, live, scc, disasm));
  }
  env.stackLiveness = createStackLiveness({
    insns: env.insns,
    subprogs: env.subprogs,
    postorder: env.postorder,
    log: env.log,
    callsCallback: (i) => (env.aux[i] as InsnAux).callsCallback,
    prunePoint: (i) => (env.aux[i] as InsnAux).prunePoint,
  });
  markFastcallPatterns(env);
}

/** The registers that a call reads: its helper's arguments, or all five where they are not known. */
function argsOf(env: Env, insn: Insn): number {
  if (!isHelperCall(insn)) return ALL_ARGS;
  const proto = helperProto(insn.imm, env.input.progType, env.input.expectedAttachType);
  return proto === undefined ? ALL_ARGS : argRegs(proto.args.length);
}
