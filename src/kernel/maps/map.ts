import type { MapFacts } from "../prog/map_facts.ts";
import type { ExecMap } from "../prog/program.ts";

/** The part of BPF_MAP_CREATE's attr that describes the map itself. */
export interface MapSpec {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly mapExtra: bigint;
  readonly numaNode: number;
  readonly name: string;
}

/**
 * A map as the system call reaches it. Keys and values are copies in the caller's format: for per-CPU maps a value is
 * one slot of `valueSize` rounded up to 8 for each possible CPU. All operations throw SysError with Linux's errno.
 */
export interface BpfMap extends ExecMap {
  readonly spec: MapSpec;
  /** The bytes that a value has at the system call (`spec.valueSize`, or all CPUs' slots). */
  readonly syscallValueSize: number;
  /** The value, or ENOENT. */
  lookup(key: Uint8Array, flags: bigint): Uint8Array;
  update(key: Uint8Array, value: Uint8Array, flags: bigint): void;
  delete(key: Uint8Array): void;
  /** The key after `key` (the first one for an unknown key or undefined), or ENOENT after the last. */
  nextKey(key: Uint8Array | undefined): Uint8Array;
  lookupAndDelete(key: Uint8Array, flags: bigint): Uint8Array;
  /** Address of an array map's value area at `offset`, for BPF_PSEUDO_MAP_VALUE; EINVAL/ENOTSUPP otherwise. */
  directValueAddress(offset: number): number;
  /** Gives its memory back. The map must not be used afterwards. */
  free(): void;
}

/** Checks a spec as Linux's alloc_check does (throws SysError) and makes the map, charging linear memory. */
export type CreateMap = (spec: MapSpec) => BpfMap;

export type { MapFacts };
