/** A member of a struct or union. */
export interface BtfMember {
  /** "" for an anonymous struct or union. */
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the struct; bit 0 is the lowest bit of byte 0. */
  readonly bitOffset: number;
  /** The width of a bitfield declared through the kind flag, or 0. See `bitfieldSize` for both encodings. */
  readonly bitSize: number;
}

interface Named {
  readonly id: number;
  /** "" for an anonymous type. */
  readonly name: string;
}

/** Type 0, and the absence of a type. */
export interface BtfVoid extends Named {
  readonly kind: "void";
}
/** An integer, character or boolean. */
export interface BtfInt extends Named {
  readonly kind: "int";
  /** Bytes of storage: 1, 2, 4, 8 or 16. */
  readonly size: number;
  readonly signed: boolean;
  readonly char: boolean;
  readonly bool: boolean;
  /** The bits that hold the value, and where they start: `size * 8` and 0 unless it is an old-style bitfield. */
  readonly bits: number;
  readonly bitOffset: number;
}
/** A pointer: 8 bytes in BPF. */
export interface BtfPtr extends Named {
  readonly kind: "ptr";
  readonly type: number;
}
/** An array of `nelems` elements. */
export interface BtfArray extends Named {
  readonly kind: "array";
  readonly type: number;
  readonly indexType: number;
  readonly nelems: number;
}
/** A struct or union. */
export interface BtfComposite extends Named {
  readonly kind: "struct" | "union";
  readonly size: number;
  readonly members: readonly BtfMember[];
  /** True if the member offsets carry bitfield sizes. */
  readonly kindFlag: boolean;
}
/** A named value of an enumeration. */
export interface BtfEnumerator {
  readonly name: string;
  readonly value: number;
}
/** An enumeration of up to 32 bits. */
export interface BtfEnum extends Named {
  readonly kind: "enum";
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly BtfEnumerator[];
}
/** An enumeration of 64 bits. */
export interface BtfEnum64 extends Named {
  readonly kind: "enum64";
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly { readonly name: string; readonly value: bigint }[];
}
/** A forward declaration. */
export interface BtfFwd extends Named {
  readonly kind: "fwd";
  readonly union: boolean;
}
/** A type that stands for another one. */
export interface BtfModifier extends Named {
  readonly kind: "typedef" | "volatile" | "const" | "restrict" | "type_tag";
  readonly type: number;
  /** For a type tag: true if it is an attribute as GCC and newer clang write it. */
  readonly kindFlag: boolean;
}
/** A function; `type` is its prototype. */
export interface BtfFunc extends Named {
  readonly kind: "func";
  readonly type: number;
  readonly linkage: "static" | "global" | "extern" | number;
}
/** A function's prototype; a last parameter of type 0 and no name is `...`. */
export interface BtfFuncProto extends Named {
  readonly kind: "func_proto";
  /** The type that it returns. */
  readonly type: number;
  readonly params: readonly { readonly name: string; readonly type: number }[];
}
/** A global variable. */
export interface BtfVar extends Named {
  readonly kind: "var";
  readonly type: number;
  readonly linkage: "static" | "global" | "extern" | number;
}
/** A variable's place in a section. */
export interface BtfSecInfo {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}
/** A section of variables (or, for `.ksyms`, functions). */
export interface BtfDatasec extends Named {
  readonly kind: "datasec";
  readonly size: number;
  readonly vars: readonly BtfSecInfo[];
}
/** A floating point type. */
export interface BtfFloat extends Named {
  readonly kind: "float";
  readonly size: number;
}
/** A string attached to a declaration. */
export interface BtfDeclTag extends Named {
  readonly kind: "decl_tag";
  readonly type: number;
  /** The index of the member or parameter, or -1 for the declaration itself. */
  readonly componentIndex: number;
}

/** A BTF type of any kind, told apart by `kind`. */
export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfPtr
  | BtfArray
  | BtfComposite
  | BtfEnum
  | BtfEnum64
  | BtfFwd
  | BtfModifier
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfDeclTag;

/** The name of a kind as bpftool and the kernel's log write it, in lower case. */
export type BtfKind = BtfType["kind"];

/** The names of the kinds in the order of their numbers. */
export const KIND_NAMES: readonly BtfKind[] = [
  "void",
  "int",
  "ptr",
  "array",
  "struct",
  "union",
  "enum",
  "fwd",
  "typedef",
  "volatile",
  "const",
  "restrict",
  "func",
  "func_proto",
  "var",
  "datasec",
  "float",
  "decl_tag",
  "type_tag",
  "enum64",
];

/** True for the kinds that stand for another type: typedef, const, volatile, restrict, type_tag. */
export function isModifier(type: BtfType): type is BtfModifier {
  return "kindFlag" in type && "type" in type;
}

/** True for structs and unions. */
export function isComposite(type: BtfType): type is BtfComposite {
  return type.kind === "struct" || type.kind === "union";
}
