import { E } from "../../uapi/errno.ts";
import { ELEM_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { SysError } from "../error.ts";
import { readAttr } from "./attr.ts";
import { opsOf } from "./elem_table.ts";
import { MapObject } from "./map_object.ts";
import type { Caller, Command } from "./system.ts";

/** Map types of plain values that BPF_MAP_LOOKUP_AND_DELETE_ELEM works on. */
const TAKES_AND_DELETES: ReadonlySet<number> = new Set([
  MAP_TYPE.HASH,
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.LRU_HASH,
  MAP_TYPE.LRU_PERCPU_HASH,
  MAP_TYPE.QUEUE,
  MAP_TYPE.STACK,
]);

/** The map behind a descriptor of the caller: EBADF, EINVAL if it is no map, EPERM without the access asked for. */
export function mapOf(caller: Caller, fd: number, access: "none" | "read" | "write" | "both"): MapObject {
  const file = caller.fds.get(fd);
  const map = file.object;
  if (!(map instanceof MapObject)) throw new SysError(E.EINVAL);
  if ((access === "read" || access === "both") && !file.readable) throw new SysError(E.EPERM);
  if ((access === "write" || access === "both") && (!file.writable || map.frozen))
    throw new SysError(E.EPERM);
  return map;
}

/** Refuses BPF_F_LOCK for maps without a spin lock in their value, which is all of them so far. */
function checkLock(flags: bigint): void {
  if ((flags & BigInt(ELEM_FLAG.F_LOCK)) !== 0n) throw new SysError(E.EINVAL);
}

/** Reads a key; types without keys (queues) want a NULL. */
function readKey(caller: Caller, map: MapObject, address: bigint): Uint8Array {
  const { keySize } = map.map.spec;
  if (keySize === 0) {
    if (address !== 0n) throw new SysError(E.EINVAL);
    return new Uint8Array(0);
  }
  return caller.memory.read(address, keySize);
}

/** BPF_MAP_LOOKUP_ELEM: copies the value of a key out. ENOENT if there is none. */
export const mapLookupElem: Command = (_system, caller, attr) => {
  const a = readAttr("MAP_LOOKUP_ELEM", attr);
  if ((a.flags & ~BigInt(ELEM_FLAG.F_LOCK)) !== 0n) throw new SysError(E.EINVAL);
  const map = mapOf(caller, a.map_fd, "read");
  checkLock(a.flags);
  const key = readKey(caller, map, a.key);
  const value = opsOf(map).lookup?.(map, key) ?? map.map.lookup(key, 0n);
  caller.memory.write(a.value, value);
  return 0;
};

/** BPF_MAP_UPDATE_ELEM: stores a value under a key. */
export const mapUpdateElem: Command = (system, caller, attr) => {
  const a = readAttr("MAP_UPDATE_ELEM", attr);
  const map = mapOf(caller, a.map_fd, "write");
  checkLock(a.flags);
  const key = readKey(caller, map, a.key);
  const value = caller.memory.read(a.value, map.map.syscallValueSize);
  const { update } = opsOf(map);
  if (update === undefined) map.map.update(key, value, a.flags);
  else update(map, key, value, a.flags, { system, caller });
  return 0;
};

/** BPF_MAP_DELETE_ELEM: removes a key. ENOENT if it is not there, EINVAL for arrays. */
export const mapDeleteElem: Command = (_system, caller, attr) => {
  const a = readAttr("MAP_DELETE_ELEM", attr);
  const map = mapOf(caller, a.map_fd, "write");
  const key = readKey(caller, map, a.key);
  const { delete: remove } = opsOf(map);
  if (remove === undefined) map.map.delete(key);
  else remove(map, key);
  return 0;
};

/** BPF_MAP_GET_NEXT_KEY: the key after a key, the first one for NULL or an unknown key, ENOENT after the last. */
export const mapGetNextKey: Command = (_system, caller, attr) => {
  const a = readAttr("MAP_GET_NEXT_KEY", attr);
  const map = mapOf(caller, a.map_fd, "read");
  const key = a.key === 0n ? undefined : readKey(caller, map, a.key);
  caller.memory.write(a.next_key, opsOf(map).nextKey?.(map, key) ?? map.map.nextKey(key));
  return 0;
};

/** BPF_MAP_LOOKUP_AND_DELETE_ELEM: takes a value out; ENOTSUPP for types that have no such operation. */
export const mapLookupAndDeleteElem: Command = (_system, caller, attr) => {
  const a = readAttr("MAP_LOOKUP_AND_DELETE_ELEM", attr);
  if ((a.flags & ~BigInt(ELEM_FLAG.F_LOCK)) !== 0n) throw new SysError(E.EINVAL);
  const map = mapOf(caller, a.map_fd, "both");
  checkLock(a.flags);
  const key = readKey(caller, map, a.key);
  const take = opsOf(map).lookupAndDelete;
  if (take === undefined && !TAKES_AND_DELETES.has(map.map.type)) throw new SysError(E.ENOTSUPP);
  // The value is looked up first, so that a bad pointer loses nothing.
  caller.memory.at(a.value, map.map.syscallValueSize);
  caller.memory.write(a.value, take?.(map, key) ?? map.map.lookupAndDelete(key, a.flags));
  return 0;
};

/** BPF_MAP_FREEZE: user space may not write the map any more. EBUSY if it is frozen already. */
export const mapFreeze: Command = (_system, caller, attr) => {
  const a = readAttr("MAP_FREEZE", attr);
  const file = caller.fds.get(a.map_fd);
  const map = file.object;
  if (!(map instanceof MapObject)) throw new SysError(E.EINVAL);
  if (!file.writable) throw new SysError(E.EPERM);
  if (map.frozen) throw new SysError(E.EBUSY);
  map.frozen = true;
  return 0;
};
