import { E } from "../../uapi/errno.ts";
import { SysError } from "../error.ts";
import type { ElemOps } from "./elem_ops.ts";
import { indexOf, u32At, u32Bytes } from "./elem_value.ts";
import type { MapObject, ProgArrayOwner } from "./map_object.ts";
import { ProgObject } from "./prog_object.ts";

/**
 * Claims a program array for programs of this kind, or checks that it is theirs already: all programs that an array
 * holds or that call through it must be able to take each other's place (EINVAL).
 */
export function claimProgArray(map: MapObject, program: ProgArrayOwner): void {
  map.owner ??= program;
  const { type, expectedAttachType, xdpHasFrags } = map.owner;
  const same =
    type === program.type &&
    expectedAttachType === program.expectedAttachType &&
    xdpHasFrags === program.xdpHasFrags;
  if (!same) throw new SysError(E.EINVAL);
}

/** prog_array: user space writes descriptors and reads ids; programs find an index into the table of entries. */
export const PROG_ARRAY_OPS: ElemOps = {
  lookup(map, key) {
    const program = map.heldAt(key);
    if (program === undefined) throw new SysError(E.ENOENT);
    return u32Bytes(program.id);
  },
  update(map, key, value, flags, { caller }) {
    if (flags !== 0n) throw new SysError(E.EINVAL);
    indexOf(map, key);
    const { object: program } = caller.fds.get(u32At(value));
    if (!(program instanceof ProgObject)) throw new SysError(E.EINVAL);
    const { type, expectedAttachType, xdpHasFrags, tableIndex } = program.parts;
    claimProgArray(map, { type, expectedAttachType, xdpHasFrags });
    map.map.update(key, u32Bytes(tableIndex), 0n);
    map.hold(key, program);
  },
  delete(map, key) {
    map.map.delete(key);
    map.hold(key, undefined);
  },
};
