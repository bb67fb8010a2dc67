// Maps that hold what this kernel doesn't have yet (perf events, cgroups, sockets, call chains), and ringbuf, which
// user space doesn't reach by keys. They can be made, and all that can be asked of them is refused as by Linux.

import { E } from "../../uapi/errno.ts";
import { SysError } from "../error.ts";
import type { ElemOps } from "./elem_ops.ts";
import { checkUpdateFlags, indexOf, u32At } from "./elem_value.ts";
import type { MapObject } from "./map_object.ts";
import type { Caller } from "./system.ts";

const S32_MAX = 0x7fffffff;

function refuse(errno: number): () => never {
  return () => {
    throw new SysError(errno);
  };
}

/** Refuses a descriptor that would have to be a socket's: EBADF if it is not open, else ENOTSOCK. */
export function refuseSocket(caller: Caller, fd: number): never {
  const isStandard = fd >= 0 && fd < 3;
  if (!isStandard) caller.fds.get(fd);
  throw new SysError(E.ENOTSOCK);
}

/** The descriptor in a value of 4 or 8 bytes; EINVAL if it is larger than any. */
function socketFd(value: Uint8Array): number {
  const fd = u32At(value);
  if (fd > S32_MAX || (value.length === 8 && u32At(value, 4) !== 0)) throw new SysError(E.EINVAL);
  return fd;
}

/** What user space reads of sockets are cookies of 8 bytes: ENOSPC without room for one. */
function lookupSocket(map: MapObject): never {
  throw new SysError(map.map.valueSize === 8 ? E.ENOENT : E.ENOSPC);
}

/** perf_event_array and cgroup_array: no descriptor of this kernel is one of theirs. */
export const FD_ARRAY_OPS: ElemOps = {
  lookup: refuse(E.ENOTSUPP),
  update(map, key, _value, flags) {
    if (flags !== 0n) throw new SysError(E.EINVAL);
    indexOf(map, key);
    throw new SysError(E.EBADF);
  },
};

/** stack_trace: only programs write it. */
export const STACK_TRACE_OPS: ElemOps = {
  lookup: refuse(E.ENOENT),
  update: refuse(E.EINVAL),
  delete(map, key) {
    indexOf(map, key);
    throw new SysError(E.ENOENT);
  },
  nextKey: refuse(E.ENOENT),
  lookupAndDelete: refuse(E.ENOENT),
};

/** sockmap. */
export const SOCKMAP_OPS: ElemOps = {
  lookup: lookupSocket,
  update: (_map, _key, value, _flags, { caller }) => refuseSocket(caller, socketFd(value)),
  delete: refuse(E.EINVAL),
};

/** sockhash. */
export const SOCKHASH_OPS: ElemOps = {
  lookup: lookupSocket,
  update: (_map, _key, value, _flags, { caller }) => refuseSocket(caller, socketFd(value)),
  delete: refuse(E.ENOENT),
  nextKey: refuse(E.ENOENT),
};

/** reuseport_sockarray. */
export const REUSEPORT_OPS: ElemOps = {
  lookup: lookupSocket,
  update(map, key, value, flags, { caller }) {
    checkUpdateFlags(flags);
    indexOf(map, key);
    refuseSocket(caller, value.length === 8 ? socketFd(value) : u32At(value));
  },
};

/** ringbuf: user space maps it into memory. */
export const RINGBUF_OPS: ElemOps = {
  lookup: refuse(E.ENOTSUPP),
  update: refuse(E.ENOTSUPP),
  delete: refuse(E.ENOTSUPP),
  nextKey: refuse(E.ENOTSUPP),
};
