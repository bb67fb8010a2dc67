import type { Btf } from "../btf/btf.ts";
import type { CoreRelo } from "../btf/ext.ts";
import { printable } from "../btf/printable.ts";
import type { Insn } from "../isa/insn.ts";

/** A problem of an object that is valid ELF and BTF, but asks for what cannot be had. */
export class ObjectError extends Error {
  /** What messages call the file. */
  readonly file: string;
  constructor(file: string, message: string) {
    super(printable(`${file}: ${message}`));
    this.name = "ObjectError";
    this.file = file;
  }
}

/** Everything that an object file says, before any of it is in a kernel. Plain data; `parseObject` makes it. */
export interface ObjectSpec {
  /** What messages call the file. */
  readonly file: string;
  /** The file's base name up to its first dot, as libbpf names objects: the prefix of the names of data maps. */
  readonly name: string;
  /** The text of the `license` section, "" without one. */
  readonly license: string;
  /** The number in the `version` section, 0 without one. */
  readonly version: number;
  /** Mended as libbpf does: sizes and offsets of data sections filled in, externs made loadable. */
  readonly btf?: Btf;
  readonly maps: readonly MapSpec[];
  readonly programs: readonly ProgramSpec[];
  readonly externs: readonly ExternSpec[];
}

/** A map to create. */
export interface MapSpec {
  /** The name in the source; the kernel's is cut to 15 bytes. Data maps have libbpf's (`objname.rodata`). */
  readonly name: string;
  /** A BPF_MAP_TYPE_ number. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** 0 where the source leaves it to the loader. */
  readonly maxEntries: number;
  readonly flags: number;
  readonly numaNode: number;
  readonly mapExtra: bigint;
  /** LIBBPF_PIN_ or iproute2's number: 0 none, 1 by name (iproute2: in the object's directory), 2 global. */
  readonly pinning: number;
  /** Type ids in the object's BTF, 0 for none. */
  readonly keyTypeId: number;
  readonly valueTypeId: number;
  /** For maps of maps: the inner map's template. */
  readonly inner?: MapSpec;
  /** For data maps: the section that is its one value. */
  readonly data?: DataSpec;
  /** What the source puts into it: slots that hold other maps or programs of the object. */
  readonly slots: readonly MapSlot[];
  /** For records of a `maps` section in iproute2's format. */
  readonly classic?: { readonly id: number; readonly innerId: number; readonly innerIndex: number };
}

/** A section of variables. */
export interface DataSpec {
  readonly kind: "data" | "rodata" | "bss" | "kconfig";
  /** The name of the ELF section. */
  readonly section: string;
  /** The first contents. */
  readonly bytes: Uint8Array;
}

/** A slot of a map of maps or program array, filled by the loader. */
export interface MapSlot {
  readonly index: number;
  /** The name of a map of the object, or */
  readonly map?: string;
  /** the name of a program of the object. */
  readonly program?: string;
}

/** A program to load: its own instructions and those of every subprogram it calls, calls already linked. */
export interface ProgramSpec {
  readonly name: string;
  readonly section: string;
  /** A BPF_PROG_TYPE_ number; undefined if the section's name says nothing. */
  readonly type: number | undefined;
  readonly attachType: number;
  /** BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS. */
  readonly flags: number;
  /** What follows the first slash of the section's name where it names a function or tracepoint of the kernel's BTF. */
  readonly attachTo?: string;
  /** False for sections that start with `?`. */
  readonly autoload: boolean;
  /** Map loads have `src` MAP_FD or MAP_VALUE and no descriptor yet; `refs` says which map. */
  readonly insns: readonly Insn[];
  readonly refs: readonly Ref[];
  /** The relocations against a target BTF, by instruction index. */
  readonly coreRelos: readonly { readonly insn: number; readonly relo: CoreRelo }[];
  /** Records of 8 and 16 bytes for BPF_PROG_LOAD, empty without BTF.ext. */
  readonly funcInfo: Uint8Array;
  readonly lineInfo: Uint8Array;
}

/** What an instruction refers to by something else than a number. */
export type Ref =
  /** A 64-bit load of a map, or of its value at `offset`. `map` is an index into the object's maps. */
  | { readonly insn: number; readonly kind: "map"; readonly map: number; readonly offset?: number }
  /** A 64-bit load of a kernel symbol, or a call of a kernel function. `extern` is an index into the externs. */
  | { readonly insn: number; readonly kind: "ksym"; readonly extern: number };

/** A symbol that the object declares and the kernel or its configuration defines. */
export interface ExternSpec {
  readonly name: string;
  readonly weak: boolean;
  readonly kind: "kconfig" | "ksym" | "kfunc";
  /** Its type in the object's BTF as the compiler wrote it (for a kfunc the function's). */
  readonly typeId: number;
  /** For kconfig: its place in the value of the `.kconfig` map, and how to read a value into it. */
  readonly config?: {
    readonly offset: number;
    readonly size: number;
    readonly format: "bool" | "char" | "tristate" | "int" | "string";
    readonly signed: boolean;
  };
}
