import { type Btf, BtfError, describe } from "./btf.ts";
import type { BtfArray, BtfComposite, BtfMember, BtfType } from "./type.ts";

/**
 * A value of a BTF type in JavaScript: integers and enums of up to 4 bytes are numbers, wider ones and pointers are
 * bigints, booleans are booleans, `char` arrays that are text are strings, other arrays are arrays, structs and
 * unions are objects (the members of an anonymous one belong to the one around it).
 */
export type BtfValue =
  | number
  | bigint
  | boolean
  | string
  | readonly BtfValue[]
  | { readonly [member: string]: BtfValue };

/** Nesting of structs and arrays that is followed: more is a loop. */
const MAX_DEPTH = 64;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads a value of a type from the start of `bytes`. Throws BtfError for types without values or too few bytes. */
export function decodeValue(btf: Btf, typeId: number, bytes: Uint8Array): BtfValue {
  const size = btf.size(typeId);
  if (size > bytes.length) {
    throw new BtfError(btf.name, 0, `expected ${size} bytes for type ${typeId}, found ${bytes.length}`);
  }
  return decode(btf, btf.resolve(typeId), bytes, 0);
}

function decode(btf: Btf, type: BtfType, bytes: Uint8Array, depth: number): BtfValue {
  if (depth > MAX_DEPTH) throw new BtfError(btf.name, 0, `expected an end of nesting at ${describe(type)}`);
  switch (type.kind) {
    case "int": {
      const value = readBits(bytes, type.bitOffset, type.bits, type.signed);
      return type.bool ? value !== 0n : narrow(value, type.size);
    }
    case "ptr":
      return readBits(bytes, 0, 64, false);
    case "enum":
    case "enum64":
      return narrow(readBits(bytes, 0, type.size * 8, type.signed), type.size);
    case "float":
      return readFloat(btf, type, bytes);
    case "array": {
      const text = arrayText(btf, type, bytes);
      if (text !== undefined) return text;
      const element = btf.resolve(type.type);
      const size = btf.size(type.type);
      return Array.from({ length: type.nelems }, (_, i) =>
        decode(btf, element, bytes.subarray(i * size), depth + 1),
      );
    }
    case "struct":
    case "union": {
      const object: Record<string, BtfValue> = {};
      for (const member of type.members) {
        const value = decodeMember(btf, member, bytes, depth);
        if (member.name !== "") object[member.name] = value;
        else if (typeof value === "object" && !Array.isArray(value)) Object.assign(object, value);
      }
      return object;
    }
    case "var":
      return decode(btf, btf.resolve(type.type), bytes, depth + 1);
    case "datasec": {
      const object: Record<string, BtfValue> = {};
      for (const { type: id, offset } of type.vars) {
        const variable = btf.type(id);
        object[variable.name] = decode(btf, variable, bytes.subarray(offset), depth + 1);
      }
      return object;
    }
    default:
      throw new BtfError(btf.name, 0, `expected a type that has values, found ${describe(type)}`);
  }
}

function decodeMember(btf: Btf, member: BtfMember, bytes: Uint8Array, depth: number): BtfValue {
  const type = btf.resolve(member.type);
  const bits = bitfieldSize(type, member);
  if (bits > 0) {
    const signed = (type.kind === "int" || type.kind === "enum" || type.kind === "enum64") && type.signed;
    const start = member.bitOffset + (type.kind === "int" ? type.bitOffset : 0);
    const value = readBits(bytes, start, bits, signed);
    if (type.kind === "int" && type.bool) return value !== 0n;
    return narrow(value, bits > 32 ? 8 : 4);
  }
  return decode(btf, type, bytes.subarray(member.bitOffset / 8), depth + 1);
}

/** The width of a bitfield member in bits, or 0 for an ordinary member: from the member, or from its old-style type. */
export function bitfieldSize(type: BtfType, member: BtfMember): number {
  if (member.bitSize > 0) return member.bitSize;
  if (type.kind !== "int") return 0;
  const whole = type.bits === type.size * 8 && type.bitOffset === 0 && member.bitOffset % 8 === 0;
  return whole ? 0 : type.bits;
}

/** Reads up to 128 bits, little endian, from a bit offset; bits past the end are zero. */
export function readBits(bytes: Uint8Array, offset: number, bits: number, signed: boolean): bigint {
  const first = Math.floor(offset / 8);
  const last = Math.floor((offset + bits + 7) / 8);
  let value = 0n;
  for (let i = Math.min(last, first + 17) - 1; i >= first; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  value >>= BigInt(offset % 8);
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

function writeBits(bytes: Uint8Array, offset: number, bits: number, value: bigint): void {
  for (let i = 0; i < bits; i++) {
    const at = offset + i;
    const byte = bytes[at >> 3] ?? 0;
    const mask = 1 << (at & 7);
    bytes[at >> 3] = ((value >> BigInt(i)) & 1n) === 1n ? byte | mask : byte & ~mask;
  }
}

function narrow(value: bigint, size: number): number | bigint {
  return size <= 4 ? Number(value) : value;
}

function readFloat(btf: Btf, type: BtfType & { size: number }, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type.size === 4) return view.getFloat32(0, true);
  if (type.size === 8) return view.getFloat64(0, true);
  throw new BtfError(btf.name, 0, `expected a float of 4 or 8 bytes, found ${type.size}`);
}

/** The text of a `char` array that ends in a zero byte, with only zeros after it; undefined for all others. */
export function arrayText(btf: Btf, array: BtfArray, bytes: Uint8Array): string | undefined {
  const element = btf.resolve(array.type);
  if (element.kind !== "int" || element.size !== 1 || !(element.char || element.name === "char"))
    return undefined;
  const raw = bytes.subarray(0, array.nelems);
  const end = raw.indexOf(0);
  if (end < 0 || raw.subarray(end).some((byte) => byte !== 0)) return undefined;
  if (raw.subarray(0, end).some((byte) => byte < 0x20 || byte === 0x7f)) return undefined;
  try {
    return utf8.decode(raw.subarray(0, end));
  } catch {
    return undefined;
  }
}

/**
 * Makes the bytes of a value. Members that are not given are zero; numbers are taken for bigints and the other way
 * round, enumerators by name. Throws BtfError for what does not fit the type.
 */
export function encodeValue(btf: Btf, typeId: number, value: BtfValue): Uint8Array {
  const bytes = new Uint8Array(btf.size(typeId));
  encode(btf, btf.resolve(typeId), value, bytes, 0, "value");
  return bytes;
}

function encode(
  btf: Btf,
  type: BtfType,
  value: BtfValue,
  bytes: Uint8Array,
  depth: number,
  path: string,
): void {
  const refuse: (expected: string) => never = (expected) => {
    throw new BtfError(
      btf.name,
      0,
      `${path}: expected ${expected} for ${describe(type)}, found ${shown(value)}`,
    );
  };
  if (depth > MAX_DEPTH) refuse("an end of nesting");
  switch (type.kind) {
    case "int":
      writeBits(bytes, type.bitOffset, type.bits, integer(value) ?? refuse("a number"));
      return;
    case "ptr":
      writeBits(bytes, 0, 64, integer(value) ?? refuse("a number"));
      return;
    case "enum":
    case "enum64": {
      const named = typeof value === "string" ? type.values.find(({ name }) => name === value)?.value : value;
      const number = named === undefined ? undefined : integer(named);
      writeBits(bytes, 0, type.size * 8, number ?? refuse("a number or an enumerator"));
      return;
    }
    case "float": {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (typeof value !== "number") refuse("a number");
      if (type.size === 4) view.setFloat32(0, value, true);
      else view.setFloat64(0, value, true);
      return;
    }
    case "array": {
      if (typeof value === "string") {
        const raw = new TextEncoder().encode(value);
        if (raw.length > type.nelems || btf.size(type.type) !== 1)
          refuse(`at most ${type.nelems} bytes of text`);
        bytes.set(raw);
        return;
      }
      if (!Array.isArray(value) || value.length > type.nelems) refuse(`at most ${type.nelems} elements`);
      const size = btf.size(type.type);
      const element = btf.resolve(type.type);
      value.forEach((item: BtfValue, i) => {
        encode(btf, element, item, bytes.subarray(i * size, (i + 1) * size), depth + 1, `${path}[${i}]`);
      });
      return;
    }
    case "struct":
    case "union": {
      if (typeof value !== "object" || Array.isArray(value)) refuse("an object");
      for (const [name, item] of Object.entries(value)) {
        const found = findMember(btf, type, name, 0) ?? refuse(`no member '${name}'`);
        encodeMember(btf, found.member, found.bitOffset, item, bytes, depth, `${path}.${name}`);
      }
      return;
    }
    case "var":
      encode(btf, btf.resolve(type.type), value, bytes, depth + 1, path);
      return;
    case "datasec": {
      if (typeof value !== "object" || Array.isArray(value)) refuse("an object");
      for (const [name, item] of Object.entries(value)) {
        const info =
          type.vars.find(({ type: id }) => btf.type(id).name === name) ?? refuse(`no variable '${name}'`);
        encode(btf, btf.type(info.type), item, bytes.subarray(info.offset), depth + 1, name);
      }
      return;
    }
    default:
      refuse("a type that has values");
  }
}

function encodeMember(
  btf: Btf,
  member: BtfMember,
  bitOffset: number,
  value: BtfValue,
  bytes: Uint8Array,
  depth: number,
  path: string,
): void {
  const type = btf.resolve(member.type);
  const bits = bitfieldSize(type, member);
  if (bits === 0) {
    encode(btf, type, value, bytes.subarray(bitOffset / 8), depth + 1, path);
    return;
  }
  const number = integer(value);
  if (number === undefined) {
    throw new BtfError(btf.name, 0, `${path}: expected a number of ${bits} bits, found ${shown(value)}`);
  }
  writeBits(bytes, bitOffset + (type.kind === "int" ? type.bitOffset : 0), bits, number);
}

/** Finds a member by name, also inside anonymous members; its offset is from the start of `type`. */
export function findMember(
  btf: Btf,
  type: BtfComposite,
  name: string,
  base: number,
  depth = 0,
): { member: BtfMember; bitOffset: number } | undefined {
  if (depth > MAX_DEPTH) return undefined;
  for (const member of type.members) {
    const bitOffset = base + member.bitOffset;
    if (member.name === name) return { member, bitOffset };
    if (member.name !== "") continue;
    const inner = btf.resolve(member.type);
    if (inner.kind !== "struct" && inner.kind !== "union") continue;
    const found = findMember(btf, inner, name, bitOffset, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function integer(value: BtfValue): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : undefined;
}

function shown(value: BtfValue): string {
  return typeof value === "object"
    ? Array.isArray(value)
      ? "an array"
      : "an object"
    : `${typeof value} ${value}`;
}
