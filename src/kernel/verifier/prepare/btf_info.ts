import type { Btf } from "../../../btf/btf.ts";
import { E } from "../../../uapi/errno.ts";
import type { InfoRecords } from "../contract.ts";
import { type Env, type FuncInfo, type LineInfo, reject } from "../walk/env.ts";

/** Bytes of `struct bpf_func_info` and `struct bpf_line_info`: callers' records are at least that long. */
const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;
/** The longest records taken. */
const MAX_RECORD_SIZE = 252;

function badRecordSize(records: InfoRecords, least: number): boolean {
  return records.recSize < least || records.recSize > MAX_RECORD_SIZE || records.recSize % 4 !== 0;
}

function viewOf(records: InfoRecords): DataView {
  const { buffer, byteOffset, byteLength } = records.bytes;
  return new DataView(buffer, byteOffset, byteLength);
}

/** True if a record has something in the bytes that this kernel does not know. */
function hasTail(records: InfoRecords, n: number, known: number): boolean {
  const end = (n + 1) * records.recSize;
  for (let at = n * records.recSize + known; at < end; at++) if (records.bytes[at] !== 0) return true;
  return false;
}

/**
 * Checks func_info as far as it can be without knowing the subprograms: sizes, order and types. Fills
 * `env.funcInfo`. EINVAL, or E2BIG for records with unknown content.
 */
export function checkFuncInfoEarly(env: Env): void {
  const records = env.input.funcInfo;
  if (records === undefined || records.count === 0) return;
  const { btf } = env;
  if (btf === undefined) throw reject(env, E.EINVAL);
  if (badRecordSize(records, FUNC_INFO_SIZE)) {
    throw reject(env, E.EINVAL, `invalid func info rec size ${records.recSize}`);
  }
  const view = viewOf(records);
  const checked: FuncInfo[] = [];
  // Linux ends none of these texts with a newline.
  const fail = (errno: number, text: string): never => {
    env.log.write(text);
    throw reject(env, errno);
  };
  for (let n = 0; n < records.count; n++) {
    if (hasTail(records, n, FUNC_INFO_SIZE)) fail(E.E2BIG, "nonzero tailing record in func info");
    const insnOff = view.getUint32(n * records.recSize, true);
    const typeId = view.getUint32(n * records.recSize + 4, true);
    const before = checked[n - 1]?.insnOff;
    if (before === undefined) {
      if (insnOff !== 0) fail(E.EINVAL, `nonzero insn_off ${insnOff} for the first func info record`);
    } else if (insnOff <= before) {
      const text = `same or smaller insn offset (${insnOff}) than previous func info record (${before})`;
      fail(E.EINVAL, text);
    }
    if (!isFunc(btf, typeId)) fail(E.EINVAL, `invalid type id ${typeId | 0} in func info`);
    checked.push({ insnOff, typeId });
  }
  env.funcInfo = checked;
}

function isFunc(btf: Btf, id: number): boolean {
  if (id === 0 || !btf.has(id)) return false;
  const type = btf.type(id);
  return type.kind === "func" && btf.type(type.type).kind === "func_proto";
}

/** Checks func_info and line_info against the subprograms, and names those. EINVAL, E2BIG as above. */
export function checkBtfInfo(env: Env): void {
  const funcs = env.input.funcInfo?.count ?? 0;
  const lines = env.input.lineInfo?.count ?? 0;
  if (funcs === 0) checkAbnormalReturn(env);
  else checkFuncInfo(env);
  if (lines > 0) checkLineInfo(env);
}

/** Packet loads and tail calls leave a function early with a number: without types that is only right in main. */
function checkAbnormalReturn(env: Env): void {
  for (const sub of env.subprogs.slice(1)) {
    if (sub.hasLdAbs) throw reject(env, E.EINVAL, "LD_ABS is not allowed in subprogs without BTF");
    if (sub.hasTailCall) throw reject(env, E.EINVAL, "tail_call is not allowed in subprogs without BTF");
  }
}

function checkFuncInfo(env: Env): void {
  if (env.funcInfo.length !== env.subprogs.length) {
    throw reject(env, E.EINVAL, "number of funcs in func_info doesn't match number of subprogs");
  }
  env.subprogs.forEach((sub, n) => {
    const info = env.funcInfo[n];
    const type = info === undefined ? undefined : env.btf?.type(info.typeId);
    if (info === undefined || type?.kind !== "func" || info.insnOff !== sub.start) {
      throw reject(env, E.EINVAL, "func_info BTF section doesn't match subprog layout in BPF program");
    }
    sub.name = type.name;
    sub.btfTypeId = info.typeId;
    sub.isGlobal = type.linkage === "global";
    if (n === 0 || returnsScalar(env.btf, type.type)) return;
    if (sub.hasLdAbs) {
      throw reject(env, E.EINVAL, "LD_ABS is only allowed in functions that return 'int'.");
    }
    if (sub.hasTailCall) {
      throw reject(env, E.EINVAL, "tail_call is only allowed in functions that return 'int'.");
    }
  });
}

/** True for a prototype that returns an enum or an integer of up to eight bytes. */
function returnsScalar(btf: Btf | undefined, protoId: number): boolean {
  const proto = btf?.type(protoId);
  if (btf === undefined || proto?.kind !== "func_proto") return false;
  const ret = btf.resolve(proto.type);
  return (ret.kind === "int" && ret.size <= 8) || ret.kind === "enum" || ret.kind === "enum64";
}

function checkLineInfo(env: Env): void {
  const records = env.input.lineInfo;
  if (records === undefined) return;
  const { btf } = env;
  if (btf === undefined || badRecordSize(records, LINE_INFO_SIZE)) throw reject(env, E.EINVAL);
  const view = viewOf(records);
  const checked: LineInfo[] = [];
  let sub = 0;
  for (let n = 0; n < records.count; n++) {
    if (hasTail(records, n, LINE_INFO_SIZE)) {
      // Linux ends this text without a newline.
      env.log.write("nonzero tailing record in line_info");
      throw reject(env, E.E2BIG);
    }
    const at = n * records.recSize;
    const insnOff = view.getUint32(at, true);
    const before = checked[n - 1]?.insnOff ?? 0;
    if ((n > 0 && insnOff <= before) || insnOff >= env.insns.length) {
      const place = `insn_off:${insnOff} (prev_offset:${before} prog->len:${env.insns.length})`;
      throw reject(env, E.EINVAL, `Invalid line_info[${n}].${place}`);
    }
    if (env.insns[insnOff]?.code === 0) {
      throw reject(env, E.EINVAL, `Invalid insn code at line_info[${n}].insn_off`);
    }
    const fileNameOff = view.getUint32(at + 4, true);
    const lineOff = view.getUint32(at + 8, true);
    if (lineOff >= btf.stringsEnd || fileNameOff >= btf.stringsEnd) {
      throw reject(env, E.EINVAL, `Invalid line_info[${n}].line_off or .file_name_off`);
    }
    const start = env.subprogs[sub]?.start;
    if (start === insnOff) {
      (env.subprogs[sub] as { linfoIndex: number }).linfoIndex = n;
      sub++;
    } else if (start !== undefined && start < insnOff) {
      throw reject(env, E.EINVAL, `missing bpf_line_info for func#${sub}`);
    }
    const lineCol = view.getUint32(at + 12, true);
    checked.push({ insnOff, fileNameOff, lineOff, line: lineCol >>> 10, col: lineCol & 0x3ff });
  }
  if (sub !== env.subprogs.length) {
    const missing = env.subprogs.length - sub;
    throw reject(env, E.EINVAL, `missing bpf_line_info for ${missing} funcs starting from func#${sub}`);
  }
  env.lineInfo = checked;
}
