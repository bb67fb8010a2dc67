import { accessIn, type CtxReg, type CtxRow, ctxRows } from "../../../uapi/ctx_access.ts";
import { E } from "../../../uapi/errno.ts";
import { printSourceLine } from "../log/source.ts";
import { type RegPtr, TYPE, TYPE_FLAG } from "../state/layout.ts";
import { regTypeName } from "../state/print.ts";
import { isConstZero, regOff, regType, setRegId, setRegType } from "../state/view.ts";
import { markUnknown, setKnownZero } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { reg } from "../walk/regs.ts";
import { varText } from "./align.ts";
import type { Access } from "./memory.ts";

/** What a register is after it was loaded from a context field. */
const LOADED: Readonly<Record<Exclude<CtxReg, "scalar" | "trusted_ptr">, number>> = {
  pkt: TYPE.PTR_TO_PACKET,
  pkt_end: TYPE.PTR_TO_PACKET_END,
  pkt_meta: TYPE.PTR_TO_PACKET_META,
  sock: TYPE.PTR_TO_SOCKET,
  sock_or_null: TYPE.PTR_TO_SOCKET | TYPE_FLAG.PTR_MAYBE_NULL,
  sock_common_or_null: TYPE.PTR_TO_SOCK_COMMON | TYPE_FLAG.PTR_MAYBE_NULL,
  flow_keys: TYPE.PTR_TO_FLOW_KEYS,
  tp_buffer: TYPE.PTR_TO_TP_BUFFER,
};
/** Packet fields may not be loaded with sign extension. */
const NOT_SIGNED: ReadonlySet<CtxReg> = new Set<CtxReg>(["pkt", "pkt_end", "pkt_meta"]);

/** Refuses pointers that do not point to the start of their object. Linux: check_ptr_off_reg. */
export function checkPlainPointer(env: Env, r: RegPtr, n: number, fixedOk = false): void {
  const name = regTypeName(regType(r));
  if (regOff(r) < 0) {
    throw reject(env, E.EACCES, `negative offset ${name} ptr R${n} off=${regOff(r)} disallowed`);
  }
  if (!fixedOk && regOff(r) !== 0) {
    throw reject(env, E.EACCES, `dereference of modified ${name} ptr R${n} off=${regOff(r)} disallowed`);
  }
  if (!isConstZero(r)) {
    throw reject(env, E.EACCES, `variable ${name} access var_off=${varText(r)} disallowed`);
  }
}

function findRow(env: Env, a: Access, off: number): CtxRow | undefined {
  const { progType, expectedAttachType } = env.input;
  const rows = ctxRows(progType, expectedAttachType);
  if (rows === undefined) {
    throw reject(env, E.EINVAL, `anybpf: the context of program type ${progType} is not supported yet`);
  }
  if (off < 0) return undefined;
  const row = accessIn(rows, off, a.size, a.kind === "write");
  return row !== undefined && a.signed && NOT_SIGNED.has(row.reg) ? undefined : row;
}

/** Checks a load or store of a context field; `off` includes the pointer's fixed part. */
export function accessContext(env: Env, a: Access, r: RegPtr, off: number): void {
  checkPlainPointer(env, r, a.regno);
  const row = findRow(env, a, off);
  if (row === undefined) {
    env.log.line(`invalid bpf_context access off=${off} size=${a.size}`);
    printSourceLine(env, env.insnIdx, "; ");
    throw reject(env, E.EACCES);
  }
  if (a.kind === "write" || a.value < 0) return;
  const dst = reg(env, a.value);
  if (row.reg === "scalar") {
    markUnknown(dst);
    return;
  }
  if (row.reg === "trusted_ptr") {
    throw reject(env, E.EINVAL, `anybpf: pointers to struct ${row.btf} are not supported yet`);
  }
  setKnownZero(dst);
  const type = LOADED[row.reg];
  if ((type & TYPE_FLAG.PTR_MAYBE_NULL) !== 0) setRegId(dst, ++env.idGen);
  setRegType(dst, type);
}
