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

const TEST_KEYS: ReadonlySet<string> = new Set(
  (
    "name prog_type expected_attach_type insns insns_z license prog_flags prog_name kern_version log_level maps " +
    "map_refs btf func_info line_info func_info_rec_size line_info_rec_size attach_btf_id attach_btf_name " +
    "attach_btf_kind kfuncs runs"
  ).split(" "),
);
const MAP_KEYS: ReadonlySet<string> = new Set(
  (
    "type key_size value_size max_entries map_flags map_extra name btf btf_key_type_id btf_value_type_id " +
    "btf_vmlinux_value_type_id inner entries frozen"
  ).split(" "),
);
const RUN_KEYS: ReadonlySet<string> = new Set(
  "data_in ctx_in repeat data_out_size ctx_out_size flags cpu batch_size".split(" "),
);

/** Refuses keys that this format does not have: a test must not pass because a part of it was overlooked. */
function checkKeys(what: string, object: object, known: ReadonlySet<string>): void {
  if (typeof object !== "object" || object === null || Array.isArray(object))
    throw new SetupError(`malformed test: ${what} is no object`);
  for (const key of Object.keys(object))
    if (!known.has(key)) throw new SetupError(`unsupported key "${key}" in ${what}`);
}

/** Checks the form of a TEST as far as its keys go; SetupError says what is wrong. */
export function checkTest(test: TestJson): void {
  checkKeys("the test", test, TEST_KEYS);
  for (const map of test.maps ?? []) checkKeys("a map", map, MAP_KEYS);
  for (const run of test.runs ?? []) checkKeys("a run", run, RUN_KEYS);
  if (test.attach_btf_name !== undefined)
    throw new SetupError('unsupported key "attach_btf_name": there is no kernel BTF to look it up in yet');
  if (test.kfuncs !== undefined && test.kfuncs.length > 0)
    throw new SetupError('unsupported key "kfuncs": kernel functions are not supported yet');
  if (test.prog_type === undefined) throw new SetupError("malformed test: KeyError: 'prog_type'");
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

/** The instructions of a TEST, before map references are filled in. */
export function testInsns(test: TestJson): Uint8Array {
  if (test.insns_z !== undefined) {
    try {
      return Uint8Array.from(inflateSync(Buffer.from(test.insns_z, "base64")));
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
