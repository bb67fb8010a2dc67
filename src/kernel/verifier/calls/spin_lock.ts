import { E } from "../../../uapi/errno.ts";
import { mapFields } from "../access/map_fields.ts";
import { REF_TYPE, TYPE } from "../state/layout.ts";
import {
  activeLockId,
  activeLocks,
  addRef,
  constValue,
  isConst,
  refAt,
  refCount,
  refId,
  refPtr,
  refType,
  regId,
  regMap,
  regOff,
  regType,
  removeRef,
  setActiveLockId,
  setActiveLockPtr,
  setActiveLocks,
} from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { mapOf, reg } from "../walk/regs.ts";

/** Checks bpf_spin_lock and bpf_spin_unlock of the lock that R`n` points to. Linux: process_spin_lock. */
export function checkSpinLock(env: Env, n: number, locks: boolean): void {
  const r = reg(env, n);
  const verb = locks ? "lock" : "unlock";
  if (!isConst(r)) {
    throw reject(
      env,
      E.EINVAL,
      `R${n} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`,
    );
  }
  if (regType(r) !== TYPE.PTR_TO_MAP_VALUE) {
    throw reject(env, E.EINVAL, `anybpf: bpf_spin_${verb} of what is no map value is not supported yet`);
  }
  const map = mapOf(env, regMap(r));
  if (map.btf === undefined || map.btfValueTypeId === 0) {
    throw reject(env, E.EINVAL, `map '${map.name}' has to have BTF in order to use bpf_spin_lock`);
  }
  const field = mapFields(map).find((f) => f.name === "bpf_spin_lock");
  if (field === undefined) throw reject(env, E.EINVAL, `map '${map.name}' has no valid bpf_spin_lock`);
  const off = constValue(r) + regOff(r);
  if (off !== field.offset) {
    throw reject(
      env,
      E.EINVAL,
      `off ${off} doesn't point to 'struct bpf_spin_lock' that is at ${field.offset}`,
    );
  }
  if (locks) lock(env, regId(r), regMap(r));
  else unlock(env, regId(r), regMap(r));
}

function lock(env: Env, id: number, map: number): void {
  const state = env.curState;
  if (activeLocks(state) > 0) {
    throw reject(env, E.EINVAL, "Locking two bpf_spin_locks are not allowed");
  }
  addRef(state, REF_TYPE.LOCK, id, env.insnIdx, map);
  setActiveLocks(state, activeLocks(state) + 1);
  setActiveLockId(state, id);
  setActiveLockPtr(state, map);
}

function unlock(env: Env, id: number, map: number): void {
  const state = env.curState;
  if (activeLocks(state) === 0) {
    throw reject(env, E.EINVAL, "bpf_spin_unlock without taking a lock");
  }
  for (let i = 0; i < refCount(state); i++) {
    const ref = refAt(state, i);
    if (refType(ref) !== REF_TYPE.LOCK) continue;
    if (refId(ref) !== id || refPtr(ref) !== map || activeLockId(state) !== id) break;
    removeRef(state, i);
    setActiveLocks(state, activeLocks(state) - 1);
    setActiveLockId(state, 0);
    setActiveLockPtr(state, 0);
    return;
  }
  throw reject(env, E.EINVAL, "bpf_spin_unlock of different lock");
}
