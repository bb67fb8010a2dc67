import { E } from "../../uapi/errno.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { KernelBug, SysError } from "../error.ts";
import type { ElemOps } from "./elem_ops.ts";
import { indexOf, u32At, u32Bytes } from "./elem_value.ts";
import { fitsTemplate } from "./inner_map.ts";
import { MapObject } from "./map_object.ts";

/**
 * array_of_maps and hash_of_maps: user space writes descriptors and reads ids; programs find the inner map's
 * `struct bpf_map`. An array has no flags and looks at the index before the descriptor, a hash the other way round.
 */
export const MAP_IN_MAP_OPS: ElemOps = {
  lookup(map, key) {
    const inner = map.heldAt(key);
    if (inner === undefined) throw new SysError(E.ENOENT);
    return u32Bytes(inner.id);
  },
  update(map, key, value, flags, { caller }) {
    if (map.map.type === MAP_TYPE.ARRAY_OF_MAPS) {
      if (flags !== 0n) throw new SysError(E.EINVAL);
      indexOf(map, key);
    }
    const { object } = caller.fds.get(u32At(value));
    if (map.inner === undefined) throw new KernelBug("a map of maps without a template");
    if (!(object instanceof MapObject) || !fitsTemplate(map.inner, object)) throw new SysError(E.EINVAL);
    map.map.update(key, u32Bytes(object.map.address), flags);
    map.hold(key, object);
  },
  delete(map, key) {
    map.map.delete(key);
    map.hold(key, undefined);
  },
};
