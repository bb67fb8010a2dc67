import type { Btf } from "../../../btf/btf.ts";
import type { BtfFuncProto, BtfType } from "../../../btf/type.ts";
import { E } from "../../../uapi/errno.ts";
import { PROG_TYPE } from "../../../uapi/prog_type.ts";
import { scratchReg } from "../state/arena.ts";
import { type RegPtr, TYPE, TYPE_FLAG } from "../state/layout.ts";
import {
  copyReg,
  hasTypeFlag,
  isNullScalar,
  isScalar,
  regType,
  setMemSize,
  setRegId,
  setRegType,
} from "../state/view.ts";
import { markUnknown, setKnownZero } from "../value/value.ts";
import { type Env, Rejection, reject } from "../walk/env.ts";
import { markNotNull } from "../walk/nullness.ts";
import { reg } from "../walk/regs.ts";
import { checkArgMemory } from "./arg_memory.ts";
import { checkArgOffset } from "./arg_type.ts";

/** What a global function takes, by its BTF. */
interface GlobalArg {
  readonly kind: "number" | "ctx" | "mem";
  readonly size: number;
  readonly orNull: boolean;
}

/** The struct that stands for the context in C, by program type. */
const CTX_STRUCT: Readonly<Record<number, string>> = {
  [PROG_TYPE.XDP]: "xdp_md",
  [PROG_TYPE.PERF_EVENT]: "bpf_perf_event_data",
  [PROG_TYPE.KPROBE]: "bpf_user_pt_regs_t",
  [PROG_TYPE.CGROUP_SOCK]: "bpf_sock",
  [PROG_TYPE.CGROUP_SOCK_ADDR]: "bpf_sock_addr",
  [PROG_TYPE.SOCK_OPS]: "bpf_sock_ops",
  [PROG_TYPE.CGROUP_DEVICE]: "bpf_cgroup_dev_ctx",
  [PROG_TYPE.CGROUP_SYSCTL]: "bpf_sysctl",
  [PROG_TYPE.CGROUP_SOCKOPT]: "bpf_sockopt",
  [PROG_TYPE.SK_MSG]: "sk_msg_md",
  [PROG_TYPE.SK_REUSEPORT]: "sk_reuseport_md",
  [PROG_TYPE.SK_LOOKUP]: "bpf_sk_lookup",
};

function ctxStruct(progType: number): string {
  return CTX_STRUCT[progType] ?? "__sk_buff";
}

function funcProto(env: Env, index: number): { btf: Btf; proto: BtfFuncProto; func: BtfType } | undefined {
  const { btf } = env;
  const id = env.subprogs[index]?.btfTypeId ?? 0;
  if (btf === undefined || id === 0) return undefined;
  const func = btf.type(id);
  if (func.kind !== "func") return undefined;
  const proto = btf.type(func.type);
  return proto.kind === "func_proto" ? { btf, proto, func } : undefined;
}

/** Words of a BTF kind as messages have it. */
function kindWord(type: BtfType): string {
  return type.kind === "void" ? "UNKNOWN" : type.kind.toUpperCase();
}

/** What a function takes, or a refusal of its prototype. Linux: btf_prepare_func_args. */
function globalArgs(env: Env, index: number): GlobalArg[] {
  const found = funcProto(env, index);
  if (found === undefined) throw reject(env, E.EINVAL);
  const { btf, proto, func } = found;
  if (func.kind === "func" && func.linkage !== "global") return staticArgs(env, btf, proto);
  const name = func.kind === "func" ? func.name : "";
  if (proto.params.length > 5) {
    throw reject(
      env,
      E.EINVAL,
      `Global function ${name}() with ${proto.params.length} > 5 args. Buggy compiler.`,
    );
  }
  const returns = btf.resolve(proto.type);
  if (!isNumber(returns)) {
    throw reject(env, E.EINVAL, `Global function ${name}() doesn't return scalar. Only those are supported.`);
  }
  return proto.params.map((param, i) => globalArg(env, btf, param.type, i, name));
}

/** What a static function takes: numbers and the context; anything else makes its BTF useless, silently. */
function staticArgs(env: Env, btf: Btf, proto: BtfFuncProto): GlobalArg[] {
  if (proto.params.length > 5 || !isNumber(btf.resolve(proto.type))) throw reject(env, E.EINVAL);
  return proto.params.map((param) => {
    const type = btf.resolve(param.type);
    if (isNumber(type)) return { kind: "number", size: 0, orNull: false };
    if (type.kind === "ptr" && isContext(env, btf, type.type)) return { kind: "ctx", size: 0, orNull: false };
    throw reject(env, E.EINVAL);
  });
}

function isNumber(type: BtfType): boolean {
  return type.kind === "int" || type.kind === "enum" || type.kind === "enum64";
}

function isContext(env: Env, btf: Btf, typeId: number): boolean {
  const struct = ctxStruct(env.input.progType);
  return (
    btf.resolve(typeId).kind === "struct" &&
    (btf.resolve(typeId).name === struct || btf.type(typeId).name === struct)
  );
}

/** Looks at the main program's prototype, which only a log shows. */
export function noteMainPrototype(env: Env): void {
  if (env.funcInfo.length === 0) return;
  try {
    globalArgs(env, 0);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
  }
}

/** Looks at what a static function is called with; once that does not fit, its BTF is not looked at again. */
export function noteStaticArgs(env: Env, index: number): void {
  const subprog = env.subprogs[index];
  if (env.funcInfo.length === 0 || subprog === undefined || subprog.unreliable) return;
  try {
    checkGlobalArgs(env, index);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    subprog.unreliable = true;
  }
}

function globalArg(env: Env, btf: Btf, typeId: number, i: number, name: string): GlobalArg {
  const type = btf.resolve(typeId);
  if (isNumber(type)) {
    return { kind: "number", size: 0, orNull: false };
  }
  if (type.kind !== "ptr") {
    throw reject(env, E.EINVAL, `Arg#${i} type ${kindWord(type)} in ${name}() is not supported yet.`);
  }
  const target = btf.resolve(type.type);
  if (isContext(env, btf, type.type)) return { kind: "ctx", size: 0, orNull: false };
  const size = target.kind === "void" || target.kind === "fwd" ? -1 : btf.size(type.type);
  if (size < 0) {
    throw reject(
      env,
      E.EINVAL,
      `arg#${i} reference type('${kindWord(target)} ${target.name}') size cannot be determined: -22`,
    );
  }
  return { kind: "mem", size, orNull: true };
}

/** Checks what a caller passes to a global function. Linux: btf_check_func_arg_match. */
export function checkGlobalArgs(env: Env, index: number): void {
  globalArgs(env, index).forEach((arg, i) => {
    const n = i + 1;
    const r = reg(env, n);
    if (arg.kind === "number") {
      if (!isScalar(r)) throw reject(env, E.EINVAL, `R${n} is not a scalar`);
      return;
    }
    checkArgOffset(env, n, false);
    if (arg.kind === "ctx") {
      if (regType(r) !== TYPE.PTR_TO_CTX) throw reject(env, E.EINVAL, `arg#${i} expects pointer to ctx`);
      return;
    }
    checkGlobalMemory(env, n, r, arg.size);
  });
}

const SAVED = 7;

function checkGlobalMemory(env: Env, n: number, r: RegPtr, size: number): void {
  if (isNullScalar(r)) return;
  const saved = scratchReg(SAVED);
  const nullable = hasTypeFlag(r, TYPE_FLAG.PTR_MAYBE_NULL);
  copyReg(saved, r);
  if (nullable) markNotNull(env, r);
  try {
    checkArgMemory(env, n, size, "read", true, undefined);
    checkArgMemory(env, n, size, "write", true, undefined);
  } finally {
    if (nullable) copyReg(r, saved);
  }
}

/** Gives R1 to R5 what a global function may expect of any caller. */
export function setGlobalArgs(env: Env, index: number): void {
  globalArgs(env, index).forEach((arg, i) => {
    const r = reg(env, i + 1);
    if (arg.kind === "number") {
      markUnknown(r);
      return;
    }
    setKnownZero(r);
    if (arg.kind === "ctx") {
      setRegType(r, TYPE.PTR_TO_CTX);
      return;
    }
    setRegType(r, TYPE.PTR_TO_MEM | (arg.orNull ? TYPE_FLAG.PTR_MAYBE_NULL : 0));
    setMemSize(r, arg.size);
    if (arg.orNull) setRegId(r, ++env.idGen);
  });
}
