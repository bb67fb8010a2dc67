import { E } from "../../uapi/errno.ts";
import { SysError } from "../error.ts";
import type { MapObject, ProgArrayOwner } from "./map_object.ts";
import { ProgObject } from "./prog_object.ts";
import type { Caller } from "./system.ts";

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

/** Stores the program of a descriptor into a slot; the one that was there goes. */
export function storeProgram(
  caller: Caller,
  map: MapObject,
  key: Uint8Array,
  value: Uint8Array,
  flags: bigint,
): void {
  if (flags !== 0n) throw new SysError(E.EINVAL);
  const slot = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
  if (slot >= map.map.maxEntries) throw new SysError(E.E2BIG);
  const fd = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
  const { object: program } = caller.fds.get(fd);
  if (!(program instanceof ProgObject)) throw new SysError(E.EINVAL);
  const { type, expectedAttachType, xdpHasFrags, tableIndex } = program.parts;
  claimProgArray(map, { type, expectedAttachType, xdpHasFrags });
  const entry = new Uint8Array(4);
  new DataView(entry.buffer).setUint32(0, tableIndex, true);
  map.map.update(key, entry, 0n);
  const old = map.programs.get(slot);
  map.programs.set(slot, program.get());
  old?.put();
}
