import type { MapObject } from "./map_object.ts";
import type { Caller, System } from "./system.ts";

/** Who asks for an update, for the descriptors in it. */
export interface UpdateContext {
  readonly system: System;
  readonly caller: Caller;
}

/**
 * What the element commands do for maps whose values stand for other objects. Where an operation is missing, the
 * map's own is the one. All throw SysError.
 */
export interface ElemOps {
  /** The value as user space reads it. */
  readonly lookup?: (map: MapObject, key: Uint8Array) => Uint8Array;
  readonly update?: (
    map: MapObject,
    key: Uint8Array,
    value: Uint8Array,
    flags: bigint,
    by: UpdateContext,
  ) => void;
  readonly delete?: (map: MapObject, key: Uint8Array) => void;
  readonly nextKey?: (map: MapObject, key: Uint8Array | undefined) => Uint8Array;
  /** Missing: ENOTSUPP. */
  readonly lookupAndDelete?: (map: MapObject, key: Uint8Array) => Uint8Array;
}
