import { inflateSync } from "node:zlib";
import { MAP_TYPES } from "../../uapi/map_type.ts";
import { PROG_TYPES } from "../../uapi/prog_type.ts";

/** A BTF in a TEST: sections as hex, the whole as hex, or a file beside the test. */
export interface BtfSpec {
  readonly types?: string;
  readonly strings?: string;
  readonly hex?: string;
  readonly file?: string;
}

/** A MAP of a TEST. */
export interface MapSpecJson {
  readonly type: string | number;
  readonly key_size?: number;
  readonly value_size?: number;
  readonly max_entries?: number;
  readonly map_flags?: number;
  readonly map_extra?: number;
  readonly name?: string;
  readonly btf?: BtfSpec;
  readonly btf_key_type_id?: number;
  readonly btf_value_type_id?: number;
  readonly btf_vmlinux_value_type_id?: number;
  readonly inner?: MapSpecJson;
  readonly entries?: readonly EntryJson[];
  readonly frozen?: boolean;
}

/** What a map holds at first: bytes, an inner map, or a program. */
export interface EntryJson {
  readonly key: string;
  readonly value?: string;
  readonly map?: MapSpecJson;
  readonly prog?: Partial<TestJson>;
}

/** One BPF_PROG_TEST_RUN. */
export interface RunJson {
  readonly data_in?: string;
  readonly ctx_in?: string;
  readonly repeat?: number;
  readonly data_out_size?: number;
  readonly ctx_out_size?: number;
  readonly flags?: number;
  readonly cpu?: number;
  readonly batch_size?: number;
}

/** A TEST as `../shared/oracle/kbpf.py` takes it. */
export interface TestJson {
  readonly name?: string | null;
  readonly prog_type: string | number;
  readonly insns?: string;
  readonly insns_z?: string;
  readonly expected_attach_type?: number;
  readonly license?: string;
  readonly prog_flags?: number;
  readonly prog_name?: string;
  readonly kern_version?: number;
  readonly log_level?: number;
  readonly maps?: readonly MapSpecJson[];
  readonly map_refs?: readonly { readonly insn: number; readonly map: number | string }[];
  readonly btf?: BtfSpec;
  readonly func_info?: string | readonly (readonly [number, number])[];
  readonly line_info?: string | readonly (readonly [number, number])[];
  readonly func_info_rec_size?: number;
  readonly line_info_rec_size?: number;
  readonly attach_btf_id?: number;
  readonly attach_btf_name?: string;
  readonly kfuncs?: readonly { readonly insn: number; readonly kfunc: string }[];
  readonly runs?: readonly RunJson[];
}

/** Why a test could not be set up; becomes `setup_error` of its result. */
export class SetupError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SetupError";
  }
}

/** Takes a part of a TEST if it is what belongs there; throws SetupError otherwise. */
type Shape = (value: unknown, what: string) => unknown;

const malformed = (what: string, why: string) => new SetupError(`malformed test: ${what} ${why}`);

function int(min: number, max: number): Shape {
  return (value, what) => {
    if (typeof value !== "number" || !Number.isInteger(value)) throw malformed(what, "is no whole number");
    if (value < min || value > max) throw malformed(what, `is not from ${min} to ${max}`);
    return value;
  };
}

const anything: Shape = (value) => value;
const text: Shape = (value, what) => {
  if (typeof value !== "string") throw malformed(what, "is no text");
  return value;
};
const asciiText: Shape = (value, what) => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names may hold any of ASCII
  if (typeof value !== "string" || !/^[\x00-\x7f]*$/.test(value)) throw malformed(what, "is no ASCII text");
  return value;
};
const flag: Shape = (value, what) => {
  if (typeof value !== "boolean") throw malformed(what, "is neither true nor false");
  return value;
};

const list =
  (shape: Shape): Shape =>
  (value, what) => {
    if (!Array.isArray(value)) throw malformed(what, "is no list");
    return value.map((part: unknown) => shape(part, `a part of ${what}`));
  };

/** What is text goes to one shape, what isn't to the other. */
const textOr =
  (ifText: Shape, other: Shape): Shape =>
  (value, what) =>
    (typeof value === "string" ? ifText : other)(value, what);

/** An object of these parts; null is as good as left out. `name` is what messages call it. */
function object(name: string, shapes: () => Readonly<Record<string, Shape>>): Shape {
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw malformed(name, "is no object");
    const known = shapes();
    const out: Record<string, unknown> = {};
    for (const [key, part] of Object.entries(value)) {
      const shape = Object.hasOwn(known, key) ? known[key] : undefined;
      // A test must not pass because a part of it was overlooked.
      if (shape === undefined) throw new SetupError(`unsupported key "${key}" in ${name}`);
      if (part !== null) out[key] = shape(part, key);
    }
    return out;
  };
}

const U32 = int(-0x80000000, 0xffffffff);
/** Room for results: more than any run gives. */
const ROOM = int(0, 1 << 28);
const RECORDS = textOr(text, list(list(U32)));

const BTF_SHAPE = object("a btf", () => ({ types: text, strings: text, hex: text, file: text }));
const ENTRY_SHAPE: Shape = object("an entry", () => ({
  key: text,
  value: text,
  map: MAP_SHAPE,
  prog: TEST_SHAPE,
}));
const MAP_SHAPE: Shape = object("a map", () => ({
  type: textOr(text, U32),
  key_size: U32,
  value_size: U32,
  max_entries: U32,
  map_flags: U32,
  map_extra: int(0, 2 ** 63),
  name: asciiText,
  btf: BTF_SHAPE,
  btf_key_type_id: U32,
  btf_value_type_id: U32,
  btf_vmlinux_value_type_id: U32,
  inner: MAP_SHAPE,
  entries: list(ENTRY_SHAPE),
  frozen: flag,
}));
const RUN_SHAPE = object("a run", () => ({
  data_in: text,
  ctx_in: text,
  // Each is a run: more would look like a hang.
  repeat: int(-0x80000000, 1 << 24),
  data_out_size: ROOM,
  ctx_out_size: ROOM,
  flags: U32,
  cpu: U32,
  batch_size: U32,
}));
const TEST_SHAPE: Shape = object("the test", () => ({
  name: text,
  prog_type: textOr(text, U32),
  expected_attach_type: U32,
  insns: text,
  insns_z: text,
  license: text,
  prog_flags: U32,
  prog_name: asciiText,
  kern_version: U32,
  log_level: U32,
  maps: list(MAP_SHAPE),
  map_refs: list(object("a map_ref", () => ({ insn: int(0, 0xffffffff), map: textOr(text, U32) }))),
  btf: BTF_SHAPE,
  func_info: RECORDS,
  line_info: RECORDS,
  func_info_rec_size: U32,
  line_info_rec_size: U32,
  attach_btf_id: U32,
  attach_btf_name: text,
  attach_btf_kind: anything,
  kfuncs: list(anything),
  runs: list(RUN_SHAPE),
}));

/** Checks the form of a TEST and gives a copy without what is null; SetupError says what is wrong. */
export function checkTest(value: unknown): TestJson {
  const test = TEST_SHAPE(value, "the test") as TestJson;
  if (test.attach_btf_name !== undefined)
    throw new SetupError('unsupported key "attach_btf_name": there is no kernel BTF to look it up in yet');
  if (test.kfuncs !== undefined && test.kfuncs.length > 0)
    throw new SetupError('unsupported key "kfuncs": kernel functions are not supported yet');
  if (test.prog_type === undefined) throw new SetupError("malformed test: KeyError: 'prog_type'");
  return test;
}

/** Bytes from hex; SetupError for anything else. */
export function fromHex(text: unknown, what: string): Uint8Array {
  if (typeof text !== "string" || text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new SetupError(`malformed test: ${what} is not hexadecimal`);
  }
  return Uint8Array.from(Buffer.from(text, "hex"));
}

/** The bytes as lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Far more than BPF_PROG_LOAD takes. */
const MAX_INSN_BYTES = 1 << 26;

/** The instructions of a TEST, before map references are filled in. */
export function testInsns(test: TestJson): Uint8Array {
  if (test.insns_z !== undefined) {
    try {
      return Uint8Array.from(
        inflateSync(Buffer.from(test.insns_z, "base64"), { maxOutputLength: MAX_INSN_BYTES }),
      );
    } catch (error) {
      throw new SetupError(
        `malformed test: insns_z: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  return fromHex(test.insns, "insns");
}

function numberOf(rows: Record<string, { value: number }>, value: string | number, what: string): number {
  if (typeof value === "number") return value;
  const row = Object.entries(rows).find(([name]) => name.toLowerCase() === value);
  if (row === undefined) throw new SetupError(`unknown ${what} "${value}"`);
  return row[1].value;
}

/** The number of a program type given by number or by name ("xdp"). */
export function progTypeNumber(value: string | number): number {
  return numberOf(PROG_TYPES, value, "prog_type");
}

/** The number of a map type given by number or by name ("hash"). */
export function mapTypeNumber(value: string | number): number {
  return numberOf(MAP_TYPES, value, "map type");
}
