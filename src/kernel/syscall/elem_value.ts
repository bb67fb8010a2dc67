import { E } from "../../uapi/errno.ts";
import { ELEM_FLAG } from "../../uapi/flags.ts";
import { SysError } from "../error.ts";
import type { MapObject } from "./map_object.ts";

/** The u32 at an offset of a key or value. */
export function u32At(bytes: Uint8Array, offset = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}

/** Numbers as a key or value has them. */
export function u32Bytes(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 4);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => {
    view.setUint32(i * 4, number, true);
  });
  return bytes;
}

/** EINVAL for update flags beyond BPF_ANY, BPF_NOEXIST and BPF_EXIST. */
export function checkUpdateFlags(flags: bigint): void {
  if (flags > BigInt(ELEM_FLAG.EXIST)) throw new SysError(E.EINVAL);
}

/** The index that a key is; `errno` if the map has no such slot. */
export function indexOf(map: MapObject, key: Uint8Array, errno: number = E.E2BIG): number {
  const index = u32At(key);
  if (index >= map.map.maxEntries) throw new SysError(errno);
  return index;
}

/** As `indexOf`, after the flags; the slots of an array are all there, so that BPF_NOEXIST is EEXIST. */
export function checkSlotUpdate(map: MapObject, key: Uint8Array, flags: bigint): void {
  checkUpdateFlags(flags);
  indexOf(map, key);
  if (flags === BigInt(ELEM_FLAG.NOEXIST)) throw new SysError(E.EEXIST);
}
