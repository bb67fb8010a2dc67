import { type Btf, BtfError, describe } from "./btf.ts";
import type { BtfMember, BtfType } from "./type.ts";
import { arrayText, bitfieldSize, readBits } from "./value.ts";

/** Nesting that is followed: more is a loop. */
const MAX_DEPTH = 64;

/** A printer of values: what it writes for each sort of value. */
interface Style {
  scalar(btf: Btf, type: BtfType, bytes: Uint8Array): string;
  bitfield(type: BtfType, bytes: Uint8Array, offset: number, bits: number): string;
  text(value: string): string | undefined;
  array(items: string[], element: BtfType): string;
  object(fields: (readonly [name: string, value: string])[]): string;
  section(name: string, fields: (readonly [name: string, value: string])[]): string;
}

/**
 * A value as bpftool's `map dump` prints it, on one line: JSON but for bitfields and pointers, which are bare
 * hexadecimal numbers unless `json` is true. Structs are objects, enumerators names, `char` arrays that are text
 * strings, a data section an array of one-variable objects. Throws BtfError for types without values.
 */
export function printJson(btf: Btf, typeId: number, bytes: Uint8Array, json = true): string {
  return print(btf, btf.resolve(typeId), checked(btf, typeId, bytes), jsonStyle(json), 0);
}

/**
 * A value as reading a pinned map from the BPF file system prints it: `{1,2,}` for structs, `['a','b',]` for bytes,
 * enumerators by name. Linux hides pointers behind a hash; here they are plain.
 */
export function printText(btf: Btf, typeId: number, bytes: Uint8Array): string {
  return print(btf, btf.resolve(typeId), checked(btf, typeId, bytes), TEXT_STYLE, 0);
}

function checked(btf: Btf, typeId: number, bytes: Uint8Array): Uint8Array {
  const size = btf.size(typeId);
  if (bytes.length < size) {
    throw new BtfError(btf.name, 0, `expected ${size} bytes for type ${typeId}, found ${bytes.length}`);
  }
  return bytes;
}

function print(btf: Btf, type: BtfType, bytes: Uint8Array, style: Style, depth: number): string {
  if (depth > MAX_DEPTH) throw new BtfError(btf.name, 0, `expected an end of nesting at ${describe(type)}`);
  switch (type.kind) {
    case "array": {
      const value = arrayText(btf, type, bytes);
      const text = value === undefined ? undefined : style.text(value);
      if (text !== undefined) return text;
      const element = btf.resolve(type.type);
      const size = btf.size(type.type);
      const items = Array.from({ length: type.nelems }, (_, i) =>
        print(btf, element, bytes.subarray(i * size), style, depth + 1),
      );
      return style.array(items, element);
    }
    case "struct":
    case "union":
      return style.object(
        type.members.map((member) => [member.name, printMember(btf, member, bytes, style, depth)] as const),
      );
    case "var":
      return print(btf, btf.resolve(type.type), bytes, style, depth + 1);
    case "datasec":
      return style.section(
        type.name,
        type.vars.map(({ type: id, offset }) => {
          const variable = btf.type(id);
          return [variable.name, print(btf, variable, bytes.subarray(offset), style, depth + 1)] as const;
        }),
      );
    default:
      return style.scalar(btf, type, bytes);
  }
}

function printMember(btf: Btf, member: BtfMember, bytes: Uint8Array, style: Style, depth: number): string {
  const type = btf.resolve(member.type);
  const bits = bitfieldSize(type, member);
  if (bits === 0) return print(btf, type, bytes.subarray(member.bitOffset / 8), style, depth + 1);
  return style.bitfield(type, bytes, member.bitOffset + (type.kind === "int" ? type.bitOffset : 0), bits);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

function enumerator(type: BtfType, bytes: Uint8Array): { name?: string; value: bigint } {
  if (type.kind !== "enum" && type.kind !== "enum64") return { value: 0n };
  const value = readBits(bytes, 0, type.size * 8, type.signed);
  for (const known of type.values) if (BigInt(known.value) === value) return { name: known.name, value };
  return { value };
}

function jsonStyle(json: boolean): Style {
  const bare = (value: bigint): string => (json ? `"${hex(value)}"` : hex(value));
  const object = (fields: (readonly [string, string])[]): string =>
    `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
  return {
    scalar(btf, type, bytes) {
      switch (type.kind) {
        case "int": {
          const value = readBits(bytes, type.bitOffset, type.bits, type.signed);
          if (type.bool) return value === 0n ? "false" : "true";
          if (type.char) return JSON.stringify(String.fromCharCode(Number(value & 0xffn)));
          return type.size > 8 ? bare(BigInt.asUintN(128, value)) : String(value);
        }
        case "ptr": {
          const value = readBits(bytes, 0, 64, false);
          if (json) return String(value);
          return value === 0n ? "(nil)" : hex(value);
        }
        case "enum":
        case "enum64": {
          const { name, value } = enumerator(type, bytes);
          return name === undefined ? String(value) : JSON.stringify(name);
        }
        case "float": {
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
          const value = type.size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
          return Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
        }
        default:
          throw new BtfError(btf.name, 0, `expected a type that has values, found ${describe(type)}`);
      }
    },
    bitfield: (_type, bytes, offset, bits) => bare(readBits(bytes, offset, bits, false)),
    text: (value) => JSON.stringify(value),
    array: (items) => `[${items.join(",")}]`,
    object,
    section: (name, fields) => object([[name, `[${fields.map((field) => object([field])).join(",")}]`]]),
  };
}

const TEXT_STYLE: Style = {
  scalar(btf, type, bytes) {
    switch (type.kind) {
      case "int": {
        const value = readBits(bytes, type.bitOffset, type.bits, type.signed);
        return type.size > 8 ? hex(BigInt.asUintN(128, value)) : String(value);
      }
      case "ptr":
        return `0x${readBits(bytes, 0, 64, false).toString(16).padStart(16, "0")}`;
      case "enum":
      case "enum64": {
        const { name, value } = enumerator(type, bytes);
        return name ?? String(value);
      }
      default:
        throw new BtfError(btf.name, 0, `expected a type that has values, found ${describe(type)}`);
    }
  },
  bitfield: (_type, bytes, offset, bits) => hex(readBits(bytes, offset, bits, false)),
  text: () => undefined,
  array(items, element) {
    if (element.kind === "int" && element.size === 1) {
      // Bytes are characters where they can be printed, up to the first zero.
      const end = items.indexOf("0");
      const shown = items.slice(0, end < 0 ? items.length : end).map((item) => {
        const code = Number(item);
        return code >= 0x20 && code < 0x7f ? `'${String.fromCharCode(code)}'` : item;
      });
      return `[${shown.map((item) => `${item},`).join("")}]`;
    }
    const body = items.map((item) => `${item},`).join("");
    // Linux opens an array of arrays once, and closes each.
    return element.kind === "array" ? `[${body.replaceAll("[", "")}]` : `[${body}]`;
  },
  object: (fields) => `{${fields.map(([, value]) => `${value},`).join("")}}`,
  section: (_name, fields) => `{${fields.map(([, value]) => `${value},`).join("")}}`,
};
