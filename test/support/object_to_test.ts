import { encodeInsns } from "../../src/isa/insn.ts";
import { kconfigBytes } from "../../src/lib/extern.ts";
import { WITHOUT_BTF } from "../../src/lib/map_def.ts";
import { attachTarget } from "../../src/lib/object.ts";
import { type KernelTarget, LINUX_6_18, resolveProgram } from "../../src/lib/resolve.ts";
import { type MapSpec, ObjectError, type ObjectSpec, type ProgramSpec } from "../../src/lib/spec.ts";
import { MAP_TYPE } from "../../src/uapi/map_type.ts";

/** A TEST of `../shared/oracle/kbpf.py`: a program with its maps, in JSON. */
export interface KbpfTest {
  name: string;
  prog_type: number;
  expected_attach_type: number;
  insns: string;
  license: string;
  prog_flags: number;
  prog_name: string;
  kern_version?: number;
  maps: KbpfMap[];
  map_refs: { insn: number; map: number }[];
  btf?: { hex: string };
  func_info?: string;
  line_info?: string;
  attach_btf_name?: string;
  attach_btf_kind?: string;
  runs?: KbpfRun[];
}
/** A MAP of kbpf.py. */
export interface KbpfMap {
  type: number;
  key_size: number;
  value_size: number;
  max_entries: number;
  map_flags: number;
  map_extra?: number;
  name: string;
  btf?: { hex: string };
  btf_key_type_id?: number;
  btf_value_type_id?: number;
  inner?: KbpfMap;
  entries?: { key: string; value?: string; map?: KbpfMap; prog?: KbpfTest }[];
  frozen?: boolean;
}
/** A run of kbpf.py. */
export interface KbpfRun {
  data_in?: string;
  ctx_in?: string;
  repeat?: number;
  data_out_size?: number;
}

/** What `toTests` may be told. */
export interface ToTestOptions {
  readonly target?: KernelTarget;
  /** The BPF_PROG_TYPE_ of programs whose section says none. */
  readonly type?: number;
  /** Leave BTF, func_info and line_info out. */
  readonly noBtf?: boolean;
  /** Also fill program arrays from the object's static initialisers. */
  readonly programArrays?: boolean;
}

/** A program that could not become a TEST, and why. */
export interface Untestable {
  readonly name: string;
  readonly error: string;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Each program of an object as a TEST for kbpf.py and `anybpf check`, so that both kernels can be asked about it. */
export function toTests(object: ObjectSpec, options: ToTestOptions = {}): (KbpfTest | Untestable)[] {
  return object.programs.map((program) => {
    const name = `${object.file}:${program.name}`;
    try {
      return { ...toTest(object, program, options), name };
    } catch (error) {
      if (error instanceof ObjectError) return { name, error: error.message };
      throw error;
    }
  });
}

function toTest(object: ObjectSpec, program: ProgramSpec, options: ToTestOptions): KbpfTest {
  const type = program.type ?? options.type;
  if (type === undefined) {
    throw new ObjectError(
      object.file,
      `program '${program.name}': section '${program.section}' says no type`,
    );
  }
  const target = options.target ?? LINUX_6_18;
  const insns = resolveProgram(object, program, target);
  const used: number[] = [];
  const refs = program.refs.flatMap((ref) => {
    if (ref.kind !== "map") return [];
    if (!used.includes(ref.map)) used.push(ref.map);
    return [{ insn: ref.insn, map: used.indexOf(ref.map) }];
  });
  const btf = object.btf === undefined || options.noBtf === true ? undefined : { hex: hex(object.btf.bytes) };
  const test: KbpfTest = {
    name: program.name,
    prog_type: type,
    expected_attach_type: program.attachType,
    insns: hex(encodeInsns(insns)),
    license: object.license,
    prog_flags: program.flags,
    prog_name: program.name.slice(0, 15),
    maps: used.flatMap((index) => {
      const map = object.maps[index];
      return map === undefined ? [] : [toMap(object, map, options, btf, target)];
    }),
    map_refs: refs,
  };
  if (object.version !== 0) test.kern_version = object.version;
  if (program.attachTo !== undefined) {
    const { kind, name } = attachTarget(program);
    test.attach_btf_name = name;
    test.attach_btf_kind = kind;
  }
  if (btf !== undefined) {
    test.btf = btf;
    if (program.funcInfo.length > 0) test.func_info = hex(program.funcInfo);
    if (program.lineInfo.length > 0) test.line_info = hex(program.lineInfo);
  }
  return test;
}

function toMap(
  object: ObjectSpec,
  map: MapSpec,
  options: ToTestOptions,
  btf: { hex: string } | undefined,
  target: KernelTarget,
): KbpfMap {
  const out: KbpfMap = {
    type: map.type,
    key_size: map.keySize,
    value_size: map.valueSize,
    max_entries: map.type === MAP_TYPE.PERF_EVENT_ARRAY && map.maxEntries === 0 ? 2 : map.maxEntries,
    map_flags: map.flags,
    name: map.name.slice(0, 15),
  };
  if (map.mapExtra !== 0n) out.map_extra = Number(map.mapExtra);
  if (btf !== undefined && map.valueTypeId !== 0 && !WITHOUT_BTF.has(map.type)) {
    out.btf = btf;
    out.btf_key_type_id = map.keyTypeId;
    out.btf_value_type_id = map.valueTypeId;
  }
  const inner = map.inner ?? innerOfClassic(object, map);
  if (inner !== undefined) out.inner = toMap(object, inner, options, btf, target);
  if (map.data !== undefined) {
    const value =
      map.data.kind === "kconfig"
        ? kconfigBytes(object.file, object.externs, map.valueSize, target)
        : map.data.bytes;
    out.entries = [{ key: "00000000", value: hex(value) }];
    if (map.data.kind === "rodata" || map.data.kind === "kconfig") out.frozen = true;
  }
  if (options.programArrays === true && map.slots.length > 0) {
    out.entries = map.slots.flatMap(({ index, program }) => {
      const spec = object.programs.find(({ name }) => name === program);
      if (spec === undefined) return [];
      const { maps: _maps, map_refs: _refs, ...prog } = toTest(object, spec, options);
      const key = Buffer.alloc(4);
      key.writeUInt32LE(index);
      return [{ key: hex(key), prog: { ...prog, maps: [], map_refs: [] } }];
    });
  }
  return out;
}

function innerOfClassic(object: ObjectSpec, map: MapSpec): MapSpec | undefined {
  const id = map.classic?.innerId ?? 0;
  return id === 0 ? undefined : object.maps.find((other) => other.classic?.id === id);
}
