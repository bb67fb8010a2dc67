/**
 * How many bytes a pointer field points to:
 * a number; a field of the same struct (times a size, or times another field); a text that ends in a zero byte;
 * or a key or value of the map in `map_fd`, once or as often as a field says.
 */
export type Length =
  | { readonly bytes: number }
  | { readonly field: string; readonly times?: number | string }
  | { readonly text: number }
  | { readonly map: "key" | "value"; readonly times?: string };

/** A scalar or text field of a struct that crosses the system call, little endian. */
export interface ScalarField {
  readonly offset: number;
  /** `name` is 16 bytes of text that end in a zero byte. */
  readonly kind: "u8" | "u32" | "s32" | "u64" | "name";
  /** Written by the kernel: alone (`out`), or read and then written (`inout`). */
  readonly dir?: "out" | "inout";
}

/** A field that holds an address in the task's memory (u64). */
export interface PointerField {
  readonly offset: number;
  readonly kind: "ptr";
  /** Which way what it points to is copied. */
  readonly dir: "in" | "out" | "inout";
  readonly length: Length;
}

/** A field that is bytes in place. */
export interface BytesField {
  readonly offset: number;
  readonly kind: "bytes";
  readonly size: number;
  readonly dir?: "out";
}

/** A field of any sort. */
export type Field = ScalarField | PointerField | BytesField;

/** A struct: its fields by name, in the order of their offsets; members of a union have overlapping places. */
export type Layout = Readonly<Record<string, Field>>;

/** What a field holds in JavaScript: 64-bit fields and pointers are bigint. */
export type FieldValue<F extends Field> = F["kind"] extends "u8" | "u32" | "s32"
  ? number
  : F["kind"] extends "name"
    ? string
    : F["kind"] extends "bytes"
      ? Uint8Array
      : bigint;

/** The values of a struct by field name. */
export type Struct<L extends Layout> = { [K in keyof L]: FieldValue<L[K]> };

const SIZES = { u8: 1, u32: 4, s32: 4, u64: 8, ptr: 8, name: 16 } as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes that a field takes. */
export function fieldSize(field: Field): number {
  return field.kind === "bytes" ? field.size : SIZES[field.kind];
}

/** The bytes up to the end of the last field. */
export function layoutSize(layout: Layout): number {
  let size = 0;
  for (const field of Object.values(layout)) size = Math.max(size, field.offset + fieldSize(field));
  return size;
}

/** Reads one field; bytes that are not there count as zero, as bpf(2) has it. */
export function readField<F extends Field>(field: F, bytes: Uint8Array): FieldValue<F> {
  const size = fieldSize(field);
  let view: DataView;
  if (field.offset + size <= bytes.length) {
    view = new DataView(bytes.buffer, bytes.byteOffset + field.offset, size);
  } else {
    const padded = new Uint8Array(size);
    padded.set(bytes.subarray(field.offset));
    view = new DataView(padded.buffer);
  }
  return readValue(field.kind, view) as FieldValue<F>;
}

function readValue(kind: Field["kind"], view: DataView): number | bigint | string | Uint8Array {
  switch (kind) {
    case "u8":
      return view.getUint8(0);
    case "u32":
      return view.getUint32(0, true);
    case "s32":
      return view.getInt32(0, true);
    case "u64":
    case "ptr":
      return view.getBigUint64(0, true);
    default: {
      const raw = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      if (kind === "bytes") return raw.slice();
      const end = raw.indexOf(0);
      return decoder.decode(raw.slice(0, end < 0 ? raw.length : end));
    }
  }
}

/** Writes one field; numbers are cut to its width, a name to 15 bytes. What lies beyond `bytes` is not written. */
export function writeField<F extends Field>(field: F, bytes: Uint8Array, value: FieldValue<F>): void {
  const raw = new Uint8Array(fieldSize(field));
  const view = new DataView(raw.buffer);
  if (typeof value === "number") {
    if (field.kind === "u8") view.setUint8(0, value);
    else view.setUint32(0, value, true);
  } else if (typeof value === "bigint") view.setBigUint64(0, value, true);
  else if (typeof value === "string") raw.set(encoder.encode(value).subarray(0, 15));
  else raw.set(value.subarray(0, raw.length));
  const room = bytes.length - field.offset;
  if (room > 0) bytes.set(raw.subarray(0, room), field.offset);
}

/** Reads every field of a struct. */
export function readStruct<L extends Layout>(layout: L, bytes: Uint8Array): Struct<L> {
  const entries = Object.entries(layout).map(([name, field]) => [name, readField(field, bytes)]);
  return Object.fromEntries(entries) as Struct<L>;
}

/** Makes the bytes of a struct, zero but for the fields given. `size` is `layoutSize` unless given. */
export function writeStruct<L extends Layout>(
  layout: L,
  values: Partial<Struct<L>>,
  size: number = layoutSize(layout),
): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const [name, value] of Object.entries(values)) {
    const field = layout[name];
    if (field === undefined) throw new RangeError(`no field ${name} in this layout`);
    if (value !== undefined) writeField(field, bytes, value as FieldValue<Field>);
  }
  return bytes;
}
