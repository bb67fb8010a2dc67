import type { Btf } from "../../btf/btf.ts";

/** A map as the verifier sees it: facts only, no memory and no contents (but for frozen read-only ones). */
export interface MapFacts {
  /** The kernel's id of the map; two references to one map have the same id. */
  readonly id: number;
  /** A BPF_MAP_TYPE_ number. */
  readonly type: number;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_ flags of the map. */
  readonly flags: number;
  readonly mapExtra: bigint;
  /** True after BPF_MAP_FREEZE. */
  readonly frozen: boolean;
  /** The contents of a frozen, program-read-only array map: the verifier reads constants from it. */
  readonly constValue?: Uint8Array;
  /** For maps of maps: the template of the inner map. */
  readonly inner?: MapFacts;
  readonly btf?: Btf;
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
}
