import type { ArgProto } from "../../../uapi/arg_kind.ts";
import { E } from "../../../uapi/errno.ts";
import { MAP_FLAG } from "../../../uapi/flags.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import type { HelperProto } from "../../../uapi/helper_proto.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import { checkAlignment } from "../access/align.ts";
import { mayAccessPacket } from "../access/packet_rule.ts";
import { markChainPrecision } from "../prune/precision.ts";
import { isConst, isNullScalar, regMap, regRefObjId, subprogOf, umax, varValueLo } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { isPacketPointer } from "../walk/pointer_alu.ts";
import { checkReg, isPointer, mapOf, reg } from "../walk/regs.ts";
import { checkArgMemory, checkArgSize } from "./arg_memory.ts";
import { checkArgOffset, checkArgType, kindForMap } from "./arg_type.ts";
import { constantKey } from "./const_key.ts";
import { checkConstString } from "./const_string.ts";
import type { CallMeta } from "./meta.ts";
import { checkSpinLock } from "./spin_lock.ts";

/** Map types whose lookups of a known key never fail. */
const NEVER_MISSES: ReadonlySet<number> = new Set<number>([MAP_TYPE.ARRAY, MAP_TYPE.PERCPU_ARRAY]);

/** Checks argument `i` (0 to 4) of a helper call. Linux: check_func_arg. */
export function checkArg(env: Env, proto: HelperProto, i: number, meta: CallMeta): void {
  const arg = proto.args[i];
  if (arg === undefined) return;
  const n = i + 1;
  checkReg(env, n, "src");
  const r = reg(env, n);
  if (arg.kind === "ANYTHING") {
    if (isPointer(env, r)) throw reject(env, E.EACCES, `R${n} leaks addr into helper function`);
    return;
  }
  if (isPacketPointer(r) && !mayAccessPacket(env, meta.pktAccess, "read")) {
    throw reject(env, E.EACCES, "helper access to the packet is not allowed");
  }
  const kind = kindForMap(env, arg, meta.map);
  if (!(isNullScalar(r) && arg.orNull)) {
    checkArgType(env, n, kind, arg.orNull);
    checkArgOffset(env, n, arg.release);
  }
  if (arg.release) {
    if (regRefObjId(r) === 0 && !isNullScalar(r)) {
      throw reject(env, E.EINVAL, `R${n} must be referenced when passed to release function`);
    }
    meta.releaseRegno = n;
  }
  if (regRefObjId(r) !== 0) {
    if (meta.refObjId !== 0) {
      env.log.write(`more than one arg with ref_obj_id R${n} ${regRefObjId(r)} ${meta.refObjId}`);
      throw reject(env, E.EACCES);
    }
    meta.refObjId = regRefObjId(r);
  }
  if (kind === arg.kind) checkKind(env, proto, arg, i, meta);
}

function checkKind(env: Env, proto: HelperProto, arg: ArgProto, i: number, meta: CallMeta): void {
  const n = i + 1;
  const r = reg(env, n);
  switch (arg.kind) {
    case "CONST_MAP_PTR":
      meta.map = regMap(r);
      break;
    case "PTR_TO_MAP_KEY":
      checkKey(env, n, meta);
      break;
    case "PTR_TO_MAP_VALUE":
      if (arg.orNull && isNullScalar(r)) break;
      checkValue(env, n, arg, meta);
      break;
    case "PTR_TO_MEM":
      // Memory with a size beside it is checked when its size is.
      meta.rawMode = arg.uninit;
      if (arg.size === 0) break;
      checkArgMemory(env, n, arg.size, arg.write ? "write" : "read", false, meta);
      if (arg.aligned) checkAlignment(env, r, 0, arg.size, true);
      break;
    case "CONST_SIZE":
    case "CONST_SIZE_OR_ZERO":
      meta.maxSize = umax(r);
      checkArgSize(
        env,
        n,
        proto.args[i - 1]?.write === true ? "write" : "read",
        arg.kind === "CONST_SIZE_OR_ZERO",
        meta,
      );
      break;
    case "CONST_ALLOC_SIZE_OR_ZERO":
      if (!isConst(r)) throw reject(env, E.EACCES, `R${n} is not a known constant'`);
      meta.memSize = varValueLo(r);
      markChainPrecision(env, n);
      break;
    case "PTR_TO_FUNC":
      meta.subprog = subprogOf(r);
      break;
    case "PTR_TO_SPIN_LOCK":
      checkSpinLock(env, n, meta.func === HELPERS.spin_lock.value);
      break;
    case "PTR_TO_CONST_STR":
      checkConstString(env, n);
      break;
    case "PTR_TO_TIMER":
    case "PTR_TO_DYNPTR":
    case "PTR_TO_KPTR":
      throw reject(
        env,
        E.EINVAL,
        `anybpf: helper bpf_${proto.name}#${proto.id} takes a ${arg.kind.slice(7).toLowerCase()}, which is not supported yet`,
      );
    default:
      break;
  }
}

function checkValue(env: Env, n: number, arg: ArgProto, meta: CallMeta): void {
  const map = mapOf(env, meta.map);
  // To peek in a Bloom filter is to ask for a value, which is read.
  const reads = map.type === MAP_TYPE.BLOOM_FILTER && meta.func === HELPERS.map_peek_elem.value;
  meta.rawMode = arg.uninit && !reads;
  checkArgMemory(env, n, map.valueSize, arg.write && !reads ? "write" : "read", false, meta);
}

function checkKey(env: Env, n: number, meta: CallMeta): void {
  if (meta.map === 0) throw reject(env, E.EACCES, "invalid map_ptr to access map->key");
  const map = mapOf(env, meta.map);
  checkArgMemory(env, n, map.keySize, "read", false, undefined);
  // An inner map may have fewer elements than the template that the verifier knows.
  const mayBeSmaller = (map.flags & MAP_FLAG.INNER_MAP) !== 0;
  if (NEVER_MISSES.has(map.type) && !mayBeSmaller) meta.constKey = constantKey(env, n, map.keySize);
}
