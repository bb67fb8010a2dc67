import { helperName } from "../../../isa/disasm.ts";
import type { Insn } from "../../../isa/insn.ts";
import { E } from "../../../uapi/errno.ts";
import { MAP_FLAG, PROG_FLAG } from "../../../uapi/flags.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import { type HelperProto, helperProto } from "../../../uapi/helper_proto.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import { checkAccess, mapFlags } from "../access/memory.ts";
import { markChainPrecision } from "../prune/precision.ts";
import { constValue, curframe, isConst, isNullScalar, isScalar } from "../state/view.ts";
import { markUnknown } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { pushPath } from "../walk/paths.ts";
import { clearCallerSaved, mapOf, reg } from "../walk/regs.ts";
import { checkArg } from "./arg.ts";
import { checkCallback } from "./callback.ts";
import { leaveFrame } from "./exit.ts";
import { checkMapFunc, WRITES_MAP } from "./map_func.ts";
import { type CallMeta, createCallMeta } from "./meta.ts";
import { checkResourceLeak, clearPacketPointers, releaseReference } from "./reference.ts";
import { setResult } from "./result.ts";

/** One more than the highest helper id of Linux 6.18. */
const HELPER_MAX = 212;

/** Helpers of which executors want to know the map. */
const KNOWS_MAP: ReadonlySet<number> = new Set<number>([
  ...WRITES_MAP,
  HELPERS.tail_call.value,
  HELPERS.map_lookup_elem.value,
  HELPERS.map_peek_elem.value,
  HELPERS.for_each_map_elem.value,
  HELPERS.redirect_map.value,
  HELPERS.map_lookup_percpu_elem.value,
]);

function findProto(env: Env, id: number): HelperProto {
  if (id < 0 || id >= HELPER_MAX) throw reject(env, E.EINVAL, `invalid func ${helperName(id)}#${id}`);
  const { progType, expectedAttachType, caps } = env.input;
  const proto = helperProto(id, progType, expectedAttachType);
  if (
    proto === undefined ||
    (proto.cap === "bpf" && !caps.bpf) ||
    (proto.cap === "perfmon" && !caps.perfmon)
  ) {
    throw reject(env, E.EINVAL, `program of this type cannot use helper ${helperName(id)}#${id}`);
  }
  return proto;
}

/** Checks a helper call. Linux: check_helper_call. */
export function checkHelperCall(env: Env, insn: Insn): void {
  const proto = findProto(env, insn.imm);
  if (proto.gplOnly && !env.input.gplCompatible) {
    throw reject(env, E.EINVAL, "cannot call GPL-restricted function from non-GPL compatible program");
  }
  if (proto.mightSleep && (env.input.progFlags & PROG_FLAG.SLEEPABLE) === 0) {
    throw reject(env, E.EINVAL, "helper call might sleep in a non-sleepable prog");
  }
  const meta = createCallMeta(proto.id, proto.pktAccess);
  for (let i = 0; i < 5; i++) checkArg(env, proto, i, meta);
  recordMap(env, meta);
  if (proto.id === HELPERS.tail_call.value) recordTailCallKey(env, meta);
  // What the helper fills is unknown afterwards.
  for (let i = 0; i < meta.accessSize; i++) {
    checkAccess(env, {
      regno: meta.regno,
      off: i,
      size: 1,
      kind: "write",
      value: -1,
      strictAlignment: false,
      signed: false,
    });
  }
  if (meta.releaseRegno !== 0) release(env, proto, meta);
  if (proto.id === HELPERS.tail_call.value) checkResourceLeak(env, true, "tail_call");
  if (proto.id === HELPERS.get_local_storage.value && !isNullScalar(reg(env, 2))) {
    throw reject(env, E.EINVAL, "get_local_storage() doesn't support non-zero flags");
  }
  checkCallback(env, meta);
  clearCallerSaved(env, env.curState);
  setResult(env, proto, meta);
  checkMapFunc(env, meta.map, proto);
  if (proto.changesPacket) clearPacketPointers(env);
  if (!env.input.supports.helper(proto.id)) {
    throw reject(env, E.EINVAL, `anybpf: helper bpf_${proto.name}#${proto.id} is not supported yet`);
  }
  env.insnIdx++;
  if (proto.id === HELPERS.tail_call.value && curframe(env.curState) > 0) leaveByTailCall(env);
}

/** A tail call that succeeds looks to a subprogram's caller like a return of anything, with the packet changed. */
function leaveByTailCall(env: Env): void {
  env.insnIdx--;
  pushPath(env, env.insnIdx + 1, env.insnIdx, false);
  clearPacketPointers(env);
  markUnknown(reg(env, 0));
  leaveFrame(env);
}

function release(env: Env, proto: HelperProto, meta: CallMeta): void {
  const held = meta.refObjId !== 0 && releaseReference(env, meta.refObjId);
  if (held || (meta.refObjId === 0 && isNullScalar(reg(env, meta.releaseRegno)))) return;
  throw reject(env, E.EINVAL, `func bpf_${proto.name}#${proto.id} reference has not been acquired before`);
}

/** Notes the map of a call for executors; refuses writes to read-only maps. Linux: record_func_map. */
function recordMap(env: Env, meta: CallMeta): void {
  if (!KNOWS_MAP.has(meta.func) || meta.map === 0) return;
  const map = mapOf(env, meta.map);
  if ((mapFlags(map) & MAP_FLAG.RDONLY_PROG) !== 0 && WRITES_MAP.has(meta.func)) {
    throw reject(env, E.EACCES, "write into map forbidden");
  }
  const aux = env.aux[env.insnIdx];
  if (aux === undefined) return;
  const index = meta.map <= env.usedMaps.length ? meta.map - 1 : -2;
  aux.callMap = aux.callMap === -1 || aux.callMap === index ? index : -2;
  if (meta.func === HELPERS.tail_call.value) return;
  const key = meta.constKey >= 0 ? meta.constKey : "poison";
  aux.constKey = aux.constKey === undefined || aux.constKey === key ? key : "poison";
}

/** Notes the constant index of a tail call. Linux: record_func_key. */
function recordTailCallKey(env: Env, meta: CallMeta): void {
  const map = meta.map === 0 ? undefined : mapOf(env, meta.map);
  if (map === undefined || map.type !== MAP_TYPE.PROG_ARRAY) {
    env.log.write("expected prog array map for tail call");
    throw reject(env, E.EINVAL);
  }
  const aux = env.aux[env.insnIdx];
  const index = reg(env, 3);
  const known =
    isScalar(index) && isConst(index) && constValue(index) >= 0 && constValue(index) < map.maxEntries;
  const key = known ? constValue(index) : "poison";
  if (known) markChainPrecision(env, 3);
  if (aux !== undefined) {
    aux.constKey = aux.constKey === undefined || aux.constKey === key ? key : "poison";
  }
}
