import type { Executable, LinkedProgram } from "../prog/program.ts";
import type { BtfObject } from "./btf_object.ts";
import type { MapObject } from "./map_object.ts";
import { KernelObject } from "./object.ts";

/** What BPF_PROG_LOAD made, and what BPF_OBJ_GET_INFO_BY_FD tells of it. */
export interface ProgParts {
  readonly name: string;
  readonly type: number;
  readonly expectedAttachType: number;
  readonly xdpHasFrags: boolean;
  readonly gplCompatible: boolean;
  /** The first eight bytes of the digest of the instructions as loaded. */
  readonly tag: Uint8Array;
  readonly linked: LinkedProgram;
  readonly executable: Executable;
  /** Its place in the kernel's table of entry functions. */
  readonly tableIndex: number;
  /** The maps that it uses, each with a reference, in the order that its facts number them. */
  readonly maps: readonly MapObject[];
  readonly btf: BtfObject | undefined;
  /** The func_info and line_info records as loaded. */
  readonly funcInfo: Uint8Array;
  readonly lineInfo: Uint8Array;
  /** Nanoseconds since the kernel started. */
  readonly loadTime: number;
  readonly createdByUid: number;
  readonly verifiedInsns: number;
  /** Takes the program out of the executor's table. */
  readonly unload: () => void;
}

/** A loaded program with its life cycle. */
export class ProgObject extends KernelObject {
  readonly kind = "prog";
  readonly parts: ProgParts;

  constructor(id: number, forget: (object: KernelObject) => void, parts: ProgParts) {
    super(id, forget);
    this.parts = parts;
  }

  protected release(): void {
    this.parts.unload();
    for (const map of this.parts.maps) map.put();
    this.parts.btf?.put();
  }
}
