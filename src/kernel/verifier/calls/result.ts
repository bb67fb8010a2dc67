import type { RetKind } from "../../../uapi/arg_kind.ts";
import { E } from "../../../uapi/errno.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import type { HelperProto } from "../../../uapi/helper_proto.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import { mapFields } from "../access/map_fields.ts";
import { TYPE, TYPE_FLAG } from "../state/layout.ts";
import {
  regType,
  setMemSize,
  setRegId,
  setRegMap,
  setRegRefObjId,
  setRegType,
  setSubregDef,
} from "../state/view.ts";
import { markNotInit, markUnknown, setKnownZero, setSignedRange, syncBounds } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { mapOf, reg } from "../walk/regs.ts";
import type { CallMeta } from "./meta.ts";
import { acquireReference } from "./reference.ts";

const { PTR_MAYBE_NULL, MEM_RINGBUF } = TYPE_FLAG;

/** What R0 points to after a call, by what the helper returns. */
const POINTERS: Readonly<Partial<Record<RetKind, number>>> = {
  PTR_TO_MAP_VALUE: TYPE.PTR_TO_MAP_VALUE,
  PTR_TO_MAP_VALUE_OR_NULL: TYPE.PTR_TO_MAP_VALUE | PTR_MAYBE_NULL,
  PTR_TO_SOCKET_OR_NULL: TYPE.PTR_TO_SOCKET | PTR_MAYBE_NULL,
  PTR_TO_TCP_SOCK_OR_NULL: TYPE.PTR_TO_TCP_SOCK | PTR_MAYBE_NULL,
  PTR_TO_SOCK_COMMON_OR_NULL: TYPE.PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL,
  PTR_TO_RINGBUF_MEM_OR_NULL: TYPE.PTR_TO_MEM | MEM_RINGBUF | PTR_MAYBE_NULL,
};
/** Helpers that return the socket they are given, seen as another kind: it stays the same reference. */
const CASTS: ReadonlySet<number> = new Set<number>([
  HELPERS.tcp_sock.value,
  HELPERS.sk_fullsock.value,
  HELPERS.skc_to_tcp_sock.value,
  HELPERS.skc_to_tcp6_sock.value,
  HELPERS.skc_to_udp6_sock.value,
  HELPERS.skc_to_mptcp_sock.value,
  HELPERS.skc_to_tcp_timewait_sock.value,
  HELPERS.skc_to_tcp_request_sock.value,
]);
/** Helpers that return at most the size they are given, or a small negative errno. */
const RETURNS_SIZE: ReadonlySet<number> = new Set<number>([
  HELPERS.get_stack.value,
  HELPERS.get_task_stack.value,
  HELPERS.probe_read_str.value,
  HELPERS.probe_read_kernel_str.value,
  HELPERS.probe_read_user_str.value,
]);
const MAX_ERRNO = 4095;

/** Gives R0 the state that a helper leaves it in. */
export function setResult(env: Env, proto: HelperProto, meta: CallMeta): void {
  const r0 = reg(env, 0);
  setSubregDef(r0, 0);
  if (proto.ret === "INTEGER") {
    markUnknown(r0);
    refine(env, proto, meta);
    return;
  }
  if (proto.ret === "VOID") {
    markNotInit(r0);
    return;
  }
  let type = POINTERS[proto.ret];
  if (type === undefined) {
    throw reject(
      env,
      E.EINVAL,
      `anybpf: helper bpf_${proto.name}#${proto.id} returns a kind of pointer that is not supported yet`,
    );
  }
  setKnownZero(r0);
  if (proto.ret === "PTR_TO_MAP_VALUE_OR_NULL" || proto.ret === "PTR_TO_MAP_VALUE") {
    type = mapValue(env, proto, meta, type);
  } else if (proto.ret === "PTR_TO_RINGBUF_MEM_OR_NULL") {
    setMemSize(r0, meta.memSize);
  }
  setRegType(r0, type);
  if ((type & PTR_MAYBE_NULL) !== 0) setRegId(r0, ++env.idGen);
  else if (holdsLock(env, meta, type)) setRegId(r0, ++env.idGen);
  if (CASTS.has(proto.id)) {
    setRegRefObjId(r0, meta.refObjId);
  } else if (proto.acquires || returnsSocketReference(env, proto, meta)) {
    const id = acquireReference(env);
    setRegId(r0, id);
    setRegRefObjId(r0, id);
  }
}

function mapValue(env: Env, proto: HelperProto, meta: CallMeta, type: number): number {
  if (meta.map === 0) throw reject(env, E.EINVAL, "kernel subsystem misconfigured verifier");
  setRegMap(reg(env, 0), meta.map);
  const hits = meta.constKey >= 0 && meta.constKey < mapOf(env, meta.map).maxEntries;
  return proto.id === HELPERS.map_lookup_elem.value && hits ? type & ~PTR_MAYBE_NULL : type;
}

function holdsLock(env: Env, meta: CallMeta, type: number): boolean {
  if (type !== TYPE.PTR_TO_MAP_VALUE) return false;
  return mapFields(mapOf(env, meta.map)).some((field) => field.name === "bpf_spin_lock");
}

function returnsSocketReference(env: Env, proto: HelperProto, meta: CallMeta): boolean {
  if (proto.id !== HELPERS.map_lookup_elem.value || meta.map === 0) return false;
  const type = mapOf(env, meta.map).type;
  return type === MAP_TYPE.SOCKMAP || type === MAP_TYPE.SOCKHASH;
}

/** Bounds what some helpers return. Linux: do_refine_retval_range. */
function refine(env: Env, proto: HelperProto, meta: CallMeta): void {
  const r0 = reg(env, 0);
  if (regType(r0) !== TYPE.SCALAR_VALUE) return;
  if (RETURNS_SIZE.has(proto.id)) {
    setSignedRange(r0, -MAX_ERRNO, meta.maxSize);
    syncBounds(r0);
  } else if (proto.id === HELPERS.get_smp_processor_id.value) {
    setSignedRange(r0, 0, env.cpus - 1);
    syncBounds(r0);
  }
}
