import { E } from "../../uapi/errno.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SysError } from "../error.ts";

/** Bytes of room before a packet, for what it may have, and for its fragments: the longest packet and some. */
export const FRAME_ROOM = 0x11000;

/** Memory for one packet at a time: FRAME_ROOM of headroom, FRAME_ROOM of packet and tailroom, FRAME_ROOM of fragments. */
export interface Frame {
  /** Where a packet starts. */
  readonly data: number;
  /** Where its fragments start. */
  readonly frags: number;
  /** Gives the memory back. */
  free(): void;
}

/** Takes the memory for a packet from the kernel's heap; ENOMEM. */
export function allocFrame({ exports }: Dataplane): Frame {
  const base = exports.alloc(3 * FRAME_ROOM);
  if (base === 0) throw new SysError(E.ENOMEM);
  return { data: base + FRAME_ROOM, frags: base + 2 * FRAME_ROOM, free: () => exports.free(base) };
}
