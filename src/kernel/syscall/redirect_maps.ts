import { ATTACH_TYPE } from "../../uapi/attach_type.ts";
import { E } from "../../uapi/errno.ts";
import { ELEM_FLAG } from "../../uapi/flags.ts";
import { PROG_TYPE } from "../../uapi/prog_type.ts";
import { SysError } from "../error.ts";
import type { ElemOps } from "./elem_ops.ts";
import { checkSlotUpdate, checkUpdateFlags, indexOf, u32At, u32Bytes } from "./elem_value.ts";
import type { MapObject } from "./map_object.ts";
import { claimProgArray } from "./prog_array.ts";
import { ProgObject } from "./prog_object.ts";
import { refuseSocket } from "./refusing_maps.ts";
import type { Caller } from "./system.ts";

/** The one device of a network namespace with nothing set up: lo. */
const LO_IFINDEX = 1;
/** The longest queue of a CPU in a cpumap. */
const MAX_QUEUE = 16384;

/** The program that the second word of a value names, if it does: an XDP program for this kind of map. */
function valueProgram(
  map: MapObject,
  value: Uint8Array,
  caller: Caller,
  attachType: number,
): ProgObject | undefined {
  const fd = value.length < 8 ? 0 : u32At(value, 4) | 0;
  if (fd <= 0) return undefined;
  const { object } = caller.fds.get(fd);
  if (!(object instanceof ProgObject)) throw new SysError(E.EINVAL);
  const { type, expectedAttachType, xdpHasFrags } = object.parts;
  if (type !== PROG_TYPE.XDP || expectedAttachType !== attachType) throw new SysError(E.EINVAL);
  claimProgArray(map, { type, expectedAttachType, xdpHasFrags });
  return object;
}

/** Stores a device or CPU (0 for none) and its program under a key. */
function store(map: MapObject, key: Uint8Array, first: number, program: ProgObject | undefined): void {
  const value = u32Bytes(first, program?.id ?? 0).subarray(0, map.map.spec.valueSize);
  map.map.update(key, value, 0n);
  map.hold(key, first === 0 ? undefined : program);
}

/** The program for a device's packets. All that is wrong with the device or its program is EINVAL. */
function deviceProgram(map: MapObject, value: Uint8Array, caller: Caller): ProgObject | undefined {
  const ifindex = u32At(value);
  if (ifindex === 0 && value.length >= 8 && (u32At(value, 4) | 0) > 0) throw new SysError(E.EINVAL);
  if (ifindex === 0) return undefined;
  if (ifindex !== LO_IFINDEX) throw new SysError(E.EINVAL);
  try {
    return valueProgram(map, value, caller, ATTACH_TYPE.XDP_DEVMAP);
  } catch (error) {
    throw error instanceof SysError ? new SysError(E.EINVAL) : error;
  }
}

function remove(map: MapObject, key: Uint8Array): void {
  map.map.delete(key);
  map.hold(key, undefined);
}

/** devmap: a value is an ifindex, 0 to empty the slot, and perhaps a program. */
export const DEVMAP_OPS: ElemOps = {
  update(map, key, value, flags, { caller }) {
    checkSlotUpdate(map, key, flags);
    store(map, key, u32At(value), deviceProgram(map, value, caller));
  },
  delete: remove,
};

/** devmap_hash: as a devmap, under keys of any number; there is no empty value. */
export const DEVMAP_HASH_OPS: ElemOps = {
  update(map, key, value, flags, { caller }) {
    checkUpdateFlags(flags);
    if (u32At(value) === 0) throw new SysError(E.EINVAL);
    if (flags === BigInt(ELEM_FLAG.NOEXIST) && exists(map, key)) throw new SysError(E.EEXIST);
    store(map, key, u32At(value), deviceProgram(map, value, caller));
  },
  delete: remove,
};

function exists(map: MapObject, key: Uint8Array): boolean {
  try {
    map.map.lookup(key, 0n);
    return true;
  } catch (error) {
    if (error instanceof SysError && error.errno === E.ENOENT) return false;
    throw error;
  }
}

/** cpumap: a value is the size of the CPU's queue, 0 to empty the slot, and perhaps a program. */
export const CPUMAP_OPS: ElemOps = {
  update(map, key, value, flags, { caller, system }) {
    checkSlotUpdate(map, key, flags);
    const queue = u32At(value);
    if (queue > MAX_QUEUE) throw new SysError(E.EOVERFLOW);
    if (u32At(key) >= system.cpus) throw new SysError(E.ENODEV);
    store(map, key, queue, queue === 0 ? undefined : cpuProgram(map, value, caller));
  },
  delete: remove,
};

/** The program for a CPU's packets. As Linux can't make the queue then, a bad one is ENOMEM. */
function cpuProgram(map: MapObject, value: Uint8Array, caller: Caller): ProgObject | undefined {
  try {
    return valueProgram(map, value, caller, ATTACH_TYPE.XDP_CPUMAP);
  } catch (error) {
    throw error instanceof SysError ? new SysError(E.ENOMEM) : error;
  }
}

/** xskmap: a value is an AF_XDP socket's descriptor, of which there are none yet, and is never read. */
export const XSKMAP_OPS: ElemOps = {
  lookup() {
    throw new SysError(E.EOPNOTSUPP);
  },
  update(map, key, value, flags, { caller }) {
    checkUpdateFlags(flags);
    indexOf(map, key);
    refuseSocket(caller, u32At(value));
  },
  delete(map, key) {
    indexOf(map, key, E.EINVAL);
  },
};
