import { BTF_FUNC, BTF_INT, BTF_KIND, BTF_VAR } from "../uapi/btf.ts";
import { Btf } from "./btf.ts";
import { joinBtf } from "./patch.ts";
import type { BtfType } from "./type.ts";

type WithoutId<T> = T extends BtfType ? Omit<T, "id"> : never;

/** A type to be encoded: what `Btf.type` gives, without its id. */
export type BtfDescription = WithoutId<Exclude<BtfType, { kind: "void" }>>;

const KIND_NUMBER = {
  int: BTF_KIND.INT,
  ptr: BTF_KIND.PTR,
  array: BTF_KIND.ARRAY,
  struct: BTF_KIND.STRUCT,
  union: BTF_KIND.UNION,
  enum: BTF_KIND.ENUM,
  fwd: BTF_KIND.FWD,
  typedef: BTF_KIND.TYPEDEF,
  volatile: BTF_KIND.VOLATILE,
  const: BTF_KIND.CONST,
  restrict: BTF_KIND.RESTRICT,
  func: BTF_KIND.FUNC,
  func_proto: BTF_KIND.FUNC_PROTO,
  var: BTF_KIND.VAR,
  datasec: BTF_KIND.DATASEC,
  float: BTF_KIND.FLOAT,
  decl_tag: BTF_KIND.DECL_TAG,
  type_tag: BTF_KIND.TYPE_TAG,
  enum64: BTF_KIND.ENUM64,
} as const;

const encoder = new TextEncoder();

/** Builds a BTF type by type. Nothing is checked but that the result can be read: `checkBtf` says if it makes sense. */
export class BtfBuilder {
  readonly #types: number[] = [];
  readonly #strings: Uint8Array[] = [new Uint8Array(1)];
  readonly #offsets = new Map<string, number>([["", 0]]);
  #stringsEnd = 1;
  #nextId = 1;

  /** Adds a type and gives its id: 1 for the first, then 2 and so on. */
  add(type: BtfDescription): number {
    const { vlen, kflag, word, tail } = this.#parts(type);
    const info = ((kflag ? 1 : 0) << 31) | (KIND_NUMBER[type.kind] << 24) | (vlen & 0xffff);
    this.#types.push(this.#string(type.name), info, word, ...tail);
    return this.#nextId++;
  }

  /** The bytes, as BPF_BTF_LOAD takes them. */
  bytes(): Uint8Array {
    return joinBtf([new Uint8Array(Uint32Array.from(this.#types).buffer)], this.#strings);
  }

  /** The finished BTF. Throws BtfError if a type id does not exist. */
  build(): Btf {
    return Btf.parse(this.bytes());
  }

  #string(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const offset = this.#stringsEnd;
    const bytes = encoder.encode(`${text}\0`);
    this.#strings.push(bytes);
    this.#offsets.set(text, offset);
    this.#stringsEnd += bytes.length;
    return offset;
  }

  /** What a record holds besides its name and kind. */
  #parts(type: BtfDescription): { vlen: number; kflag: boolean; word: number; tail: number[] } {
    const plain = { vlen: 0, kflag: false, word: 0, tail: [] as number[] };
    switch (type.kind) {
      case "int": {
        const encoding =
          (type.signed ? BTF_INT.SIGNED : 0) |
          (type.char ? BTF_INT.CHAR : 0) |
          (type.bool ? BTF_INT.BOOL : 0);
        return { ...plain, word: type.size, tail: [(encoding << 24) | (type.bitOffset << 16) | type.bits] };
      }
      case "ptr":
        return { ...plain, word: type.type };
      case "array":
        return { ...plain, tail: [type.type, type.indexType, type.nelems] };
      case "struct":
      case "union": {
        const tail = type.members.flatMap((member) => [
          this.#string(member.name),
          member.type,
          type.kindFlag ? (member.bitSize << 24) | member.bitOffset : member.bitOffset,
        ]);
        return { vlen: type.members.length, kflag: type.kindFlag, word: type.size, tail };
      }
      case "enum": {
        const tail = type.values.flatMap(({ name, value }) => [this.#string(name), value]);
        return { vlen: type.values.length, kflag: type.signed, word: type.size, tail };
      }
      case "enum64": {
        const tail = type.values.flatMap(({ name, value }) => [
          this.#string(name),
          Number(value & 0xffffffffn),
          Number((value >> 32n) & 0xffffffffn),
        ]);
        return { vlen: type.values.length, kflag: type.signed, word: type.size, tail };
      }
      case "fwd":
        return { ...plain, kflag: type.union };
      case "func":
        return { ...plain, vlen: number(type.linkage, BTF_FUNC_NUMBER), word: type.type };
      case "func_proto": {
        const tail = type.params.flatMap((param) => [this.#string(param.name), param.type]);
        return { ...plain, vlen: type.params.length, word: type.type, tail };
      }
      case "var":
        return { ...plain, word: type.type, tail: [number(type.linkage, BTF_VAR_NUMBER)] };
      case "datasec": {
        const tail = type.vars.flatMap((info) => [info.type, info.offset, info.size]);
        return { ...plain, vlen: type.vars.length, word: type.size, tail };
      }
      case "float":
        return { ...plain, word: type.size };
      case "decl_tag":
        return { ...plain, word: type.type, tail: [type.componentIndex] };
      default:
        return { ...plain, word: type.type, kflag: type.kindFlag };
    }
  }
}

const BTF_FUNC_NUMBER = {
  static: BTF_FUNC.STATIC,
  global: BTF_FUNC.GLOBAL,
  extern: BTF_FUNC.EXTERN,
} as const;
const BTF_VAR_NUMBER = {
  static: BTF_VAR.STATIC,
  global: BTF_VAR.GLOBAL_ALLOCATED,
  extern: BTF_VAR.GLOBAL_EXTERN,
} as const;

function number(
  linkage: "static" | "global" | "extern" | number,
  names: Readonly<Record<"static" | "global" | "extern", number>>,
): number {
  return typeof linkage === "number" ? linkage : names[linkage];
}
