import { MAP_TYPE } from "../../../uapi/map_type.ts";
import { mapFields } from "../access/map_fields.ts";
import { releaseReferenceId } from "../calls/reference.ts";
import { type RegPtr, type StatePtr, TYPE, TYPE_FLAG, TYPE_MASK } from "../state/layout.ts";
import {
  curReg,
  forEachReg,
  hasTypeFlag,
  regId,
  regMap,
  regRefObjId,
  regType,
  setRegId,
  setRegMap,
  setRegRefObjId,
  setRegType,
} from "../state/view.ts";
import type { Env } from "./env.ts";
import { mapOf } from "./regs.ts";

/** What a map's value pointer becomes once it is known not to be null, by map type; else it stays a value. */
const VALUE_BECOMES: Readonly<Record<number, number>> = {
  [MAP_TYPE.XSKMAP]: TYPE.PTR_TO_XDP_SOCK,
  [MAP_TYPE.SOCKMAP]: TYPE.PTR_TO_SOCKET,
  [MAP_TYPE.SOCKHASH]: TYPE.PTR_TO_SOCKET,
};

/** Takes "may be null" from a pointer. Linux: mark_ptr_not_null_reg. */
export function markNotNull(env: Env, r: RegPtr): void {
  const type = regType(r);
  if ((type & TYPE_MASK) !== TYPE.PTR_TO_MAP_VALUE) {
    setRegType(r, type & ~TYPE_FLAG.PTR_MAYBE_NULL);
    return;
  }
  const map = mapOf(env, regMap(r));
  if (map.inner !== undefined) {
    setRegType(r, TYPE.CONST_PTR_TO_MAP);
    setRegMap(r, innerHandle(env, regMap(r)));
    return;
  }
  setRegType(r, VALUE_BECOMES[map.type] ?? TYPE.PTR_TO_MAP_VALUE);
}

/** The handle of a map of maps' template. */
export function innerHandle(env: Env, handle: number): number {
  const inner = mapOf(env, handle).inner;
  if (inner === undefined) throw new Error("anybpf bug: no inner map");
  const at = env.maps.indexOf(inner, env.usedMaps.length);
  if (at >= 0) return at + 1;
  env.maps.push(inner);
  return env.maps.length;
}

/** Marks every copy of R`n` in a state as null (a number then) or as a pointer. Linux: mark_ptr_or_null_regs. */
export function markNullness(env: Env, state: StatePtr, n: number, isNull: boolean): void {
  const compared = curReg(state, n);
  const id = regId(compared);
  const refId = regRefObjId(compared);
  if (refId !== 0 && refId === id && isNull) releaseReferenceId(state, id);
  forEachReg(state, (r) => {
    if (!hasTypeFlag(r, TYPE_FLAG.PTR_MAYBE_NULL) || regId(r) !== id) return;
    if (isNull) {
      setRegType(r, TYPE.SCALAR_VALUE);
      setRegId(r, 0);
      setRegRefObjId(r, 0);
      return;
    }
    markNotNull(env, r);
    if (!mayHoldLock(env, r)) setRegId(r, 0);
  });
}

/** True if the pointer may be to memory with a spin lock, whose identity the id tells. */
function mayHoldLock(env: Env, r: RegPtr): boolean {
  if (regType(r) !== TYPE.PTR_TO_MAP_VALUE) return false;
  return mapFields(mapOf(env, regMap(r))).some((field) => field.name === "bpf_spin_lock");
}
