import { type Btf, describe } from "../btf/btf.ts";
import type { BtfComposite, BtfMember } from "../btf/type.ts";
import { MAP_TYPE } from "../uapi/map_type.ts";
import { type Elf, type ElfSection, SHT, STB, STT } from "./elf.ts";
import { type DataSpec, type MapSlot, type MapSpec, ObjectError } from "./spec.ts";

/** A map and where relocations find it: a section of the object and an offset in it. */
export interface PlacedMap {
  readonly spec: MapSpec;
  readonly section: number;
  readonly offset: number;
}

const BPF_F_RDONLY_PROG = 1 << 7;
const BPF_F_MMAPABLE = 1 << 10;

/** Map types whose keys and values the kernel takes no BTF for: their type ids are left out at creation. */
export const WITHOUT_BTF: ReadonlySet<number> = new Set([
  MAP_TYPE.PERF_EVENT_ARRAY,
  MAP_TYPE.CGROUP_ARRAY,
  MAP_TYPE.STACK_TRACE,
  MAP_TYPE.ARRAY_OF_MAPS,
  MAP_TYPE.HASH_OF_MAPS,
  MAP_TYPE.DEVMAP,
  MAP_TYPE.DEVMAP_HASH,
  MAP_TYPE.CPUMAP,
  MAP_TYPE.XSKMAP,
  MAP_TYPE.SOCKMAP,
  MAP_TYPE.SOCKHASH,
  MAP_TYPE.QUEUE,
  MAP_TYPE.STACK,
  MAP_TYPE.ARENA,
  MAP_TYPE.RINGBUF,
  MAP_TYPE.USER_RINGBUF,
]);

const EMPTY: Omit<MapSpec, "name"> = {
  type: 0,
  keySize: 0,
  valueSize: 0,
  maxEntries: 0,
  flags: 0,
  numaNode: 0,
  mapExtra: 0n,
  pinning: 0,
  keyTypeId: 0,
  valueTypeId: 0,
  slots: [],
};

/** The fields of a map's definition that are numbers: `__uint(name, n)`, or `__ulong` for map_extra. */
const NUMBERS = {
  type: "type",
  max_entries: "maxEntries",
  map_flags: "flags",
  numa_node: "numaNode",
  key_size: "keySize",
  value_size: "valueSize",
  pinning: "pinning",
} as const;

/**
 * The maps of the `.maps` section: each variable's struct type is its definition. A number is written as the length
 * of an array behind a pointer, a type as the target of a pointer.
 */
export function btfMaps(elf: Elf, btf: Btf): PlacedMap[] {
  const section = elf.section(".maps");
  if (section === undefined) return [];
  const datasec = btf.type(btf.find("datasec", ".maps"));
  if (datasec.kind !== "datasec") {
    throw new ObjectError(elf.file, "section .maps: expected a BTF datasec named .maps, found none");
  }
  return datasec.vars.map(({ type, offset }) => {
    const variable = btf.type(type);
    if (variable.kind !== "var") {
      throw new ObjectError(elf.file, `section .maps: expected variables, found ${describe(variable)}`);
    }
    const def = btf.resolve(variable.type);
    if (def.kind !== "struct") {
      throw new ObjectError(elf.file, `map '${variable.name}': expected a struct, found ${describe(def)}`);
    }
    const { spec, values } = readDefinition(elf, btf, variable.name, def);
    const slots =
      values === undefined ? [] : staticSlots(elf, section, spec, offset + values.bitOffset / 8, datasec);
    return { spec: { ...withKernelSizes(spec), slots }, section: section.index, offset };
  });
}

/**
 * Some definitions give types for the records that a buffer carries, where the kernel wants sizes of zero (ring
 * buffers) or of a descriptor (perf event arrays). cilium/ebpf takes them, so do we; the types stay for printing.
 */
function withKernelSizes(spec: MapSpec): MapSpec {
  if (spec.type === MAP_TYPE.RINGBUF || spec.type === MAP_TYPE.USER_RINGBUF) {
    return { ...spec, keySize: 0, valueSize: 0 };
  }
  return spec.type === MAP_TYPE.PERF_EVENT_ARRAY ? { ...spec, keySize: 4, valueSize: 4 } : spec;
}

/** Reads a definition; also the inner one of a map of maps. */
function readDefinition(
  elf: Elf,
  btf: Btf,
  name: string,
  def: BtfComposite,
): { spec: MapSpec; values?: BtfMember } {
  const refuse = (what: string): never => {
    throw new ObjectError(elf.file, `map '${name}': ${what}`);
  };
  const spec: { -readonly [K in keyof MapSpec]: MapSpec[K] } = { ...EMPTY, name };
  let values: BtfMember | undefined;
  for (const member of def.members) {
    const field = member.name;
    if (field in NUMBERS) {
      const key = NUMBERS[field as keyof typeof NUMBERS];
      const value = number(btf, member) ?? refuse(`attribute '${field}': expected __uint(${field}, …)`);
      if ((key === "keySize" || key === "valueSize") && spec[key] !== 0 && spec[key] !== value) {
        refuse(`conflicting ${field}: ${spec[key]} and ${value}`);
      }
      spec[key] = value;
    } else if (field === "map_extra") {
      spec.mapExtra = BigInt(
        number(btf, member) ?? long(btf, member) ?? refuse("attribute 'map_extra': not a number"),
      );
    } else if (field === "key" || field === "value") {
      const pointer = btf.type(member.type);
      if (pointer.kind !== "ptr") return refuse(`attribute '${field}': expected __type(${field}, …)`);
      const size = btf.size(pointer.type);
      const key = field === "key" ? "keySize" : "valueSize";
      if (spec[key] !== 0 && spec[key] !== size)
        refuse(`conflicting ${field}_size: ${spec[key]} and ${size}`);
      spec[key] = size;
      spec[field === "key" ? "keyTypeId" : "valueTypeId"] = pointer.type;
    } else if (field === "values") {
      values = member;
      const element =
        elementOfValues(btf, member) ?? refuse("attribute 'values': expected __array(values, …)");
      if (spec.valueSize !== 0 && spec.valueSize !== 4)
        refuse(`conflicting value_size: ${spec.valueSize} and 4`);
      spec.valueSize = 4;
      if (spec.type === MAP_TYPE.PROG_ARRAY) {
        if (element.kind !== "func_proto") refuse("attribute 'values': expected function pointers");
      } else if (element.kind === "struct") {
        spec.inner = { ...readDefinition(elf, btf, `${name}.inner`, element).spec };
      } else refuse(`attribute 'values': expected maps, found ${describe(element)}`);
    } else {
      refuse(`unknown attribute '${field}'`);
    }
  }
  if (spec.type === 0) refuse("expected an attribute 'type', found none");
  return values === undefined ? { spec } : { spec, values };
}

/** `int (*name)[n]` gives n. */
function number(btf: Btf, member: BtfMember): number | undefined {
  const pointer = btf.resolve(member.type);
  const array = pointer.kind === "ptr" ? btf.resolve(pointer.type) : undefined;
  return array?.kind === "array" ? array.nelems : undefined;
}

/** `enum { v = n } *name` gives n: how `__ulong` writes numbers that no array length can be. */
function long(btf: Btf, member: BtfMember): bigint | undefined {
  const pointer = btf.resolve(member.type);
  const enumeration = pointer.kind === "ptr" ? btf.resolve(pointer.type) : undefined;
  if (enumeration?.kind !== "enum" && enumeration?.kind !== "enum64") return undefined;
  const value = enumeration.values[0]?.value;
  return value === undefined ? undefined : BigInt(value);
}

/** `typeof(x) *values[]` gives x's type. */
function elementOfValues(btf: Btf, member: BtfMember): ReturnType<Btf["resolve"]> | undefined {
  const array = btf.resolve(member.type);
  const pointer = array.kind === "array" ? btf.resolve(array.type) : undefined;
  return pointer?.kind === "ptr" ? btf.resolve(pointer.type) : undefined;
}

/** What relocations put into the `values` array of a map, 8 bytes a slot. */
function staticSlots(
  elf: Elf,
  section: ElfSection,
  spec: MapSpec,
  start: number,
  datasec: { readonly vars: readonly { readonly offset: number; readonly size: number }[] },
): MapSlot[] {
  const whole = datasec.vars.find(({ offset, size }) => offset <= start && start <= offset + size);
  const end = whole === undefined ? start : whole.offset + whole.size;
  return elf
    .relocations(section)
    .filter(({ offset }) => offset >= start && offset < end)
    .map(({ offset, symbol }) => {
      const index = (offset - start) / 8;
      if (!Number.isInteger(index)) {
        throw new ObjectError(
          elf.file,
          `map '${spec.name}': expected slots of 8 bytes, found one at ${offset}`,
        );
      }
      return spec.type === MAP_TYPE.PROG_ARRAY
        ? { index, program: symbol.name }
        : { index, map: symbol.name };
    });
}

/** The kinds of data sections, by the section's name or its stem before a dot. */
const DATA_SECTIONS = { ".data": "data", ".rodata": "rodata", ".bss": "bss" } as const;

/** The kind of a data section by its name, or undefined if it is none. */
function dataKind(section: ElfSection): DataSpec["kind"] | undefined {
  for (const [stem, kind] of Object.entries(DATA_SECTIONS)) {
    if (section.name === stem || section.name.startsWith(`${stem}.`)) {
      return (section.type === SHT.NOBITS) === (kind === "bss") ? kind : undefined;
    }
  }
  return undefined;
}

/** The maps that hold the object's variables: one for each section of data, and one for `.kconfig`. */
export function dataMaps(
  elf: Elf,
  objectName: string,
  btf: Btf | undefined,
  kconfigSize: number,
): PlacedMap[] {
  const maps: PlacedMap[] = [];
  for (const section of elf.sections) {
    const kind = dataKind(section);
    if (kind === undefined || section.size === 0) continue;
    if (section.size > 0x7fffffff) {
      throw new ObjectError(
        elf.file,
        `section ${section.name}: expected less than 2 GiB, found ${section.size} bytes`,
      );
    }
    const bytes = kind === "bss" ? new Uint8Array(section.size) : section.data;
    const spec = dataMap(objectName, btf, { kind, section: section.name, bytes });
    maps.push({ spec, section: section.index, offset: 0 });
  }
  if (kconfigSize > 0) {
    const bytes = new Uint8Array(kconfigSize);
    const spec = dataMap(objectName, btf, { kind: "kconfig", section: ".kconfig", bytes });
    maps.push({ spec, section: -1, offset: 0 });
  }
  return maps;
}

function dataMap(objectName: string, btf: Btf | undefined, data: DataSpec): MapSpec {
  const valueTypeId = btf?.find("datasec", data.section) ?? 0;
  const datasec = btf?.type(valueTypeId);
  // Only variables that others may see are worth mapping into memory.
  const visible =
    datasec?.kind === "datasec" &&
    datasec.vars.some(({ type }) => {
      const variable = btf?.type(type);
      return variable?.kind === "var" && variable.linkage !== "static";
    });
  const readOnly = data.kind === "rodata" || data.kind === "kconfig";
  return {
    ...EMPTY,
    name: dataMapName(objectName, data.section),
    type: MAP_TYPE.ARRAY,
    keySize: 4,
    valueSize: data.bytes.length,
    maxEntries: 1,
    flags: (readOnly ? BPF_F_RDONLY_PROG : 0) | (visible ? BPF_F_MMAPABLE : 0),
    valueTypeId,
    data,
  };
}

/**
 * The name that libbpf gives to the map of a data section: the object's name, cut so that the section's name fits
 * into 15 characters (at least 7 are kept for it), then the section's. Sections with a second dot (`.data.custom`)
 * stand alone. Other characters than letters, digits, `_` and `.` become `_`.
 */
export function dataMapName(objectName: string, section: string): string {
  const room = Math.min(15, Math.max(7, section.length));
  const prefix = section.indexOf(".", 1) > 0 ? "" : objectName.slice(0, 15 - room);
  return `${prefix}${section.slice(0, room)}`.replace(/[^A-Za-z0-9_.]/g, "_");
}

/**
 * The maps of a `maps` section (any section named `maps` or `maps/…`): records of 32-bit numbers, all of one size,
 * one for each symbol. The first five are the same in every loader's format: type, key size, value size, entries and
 * flags; iproute2's records of 36 bytes go on with id, pinning, inner id and inner index.
 */
export function legacyMaps(elf: Elf): PlacedMap[] {
  const maps: PlacedMap[] = [];
  for (const section of elf.sections) {
    if (section.name !== "maps" && !section.name.startsWith("maps/")) continue;
    if (section.type !== SHT.PROGBITS || section.size === 0) continue;
    const symbols = elf.symbols
      .filter((s) => s.section === section.index && s.type !== STT.SECTION && s.bind !== STB.LOCAL)
      .sort((a, b) => a.value - b.value);
    if (symbols.length === 0) continue;
    const size = section.size / symbols.length;
    if (size < 16 || size % 4 !== 0) {
      throw new ObjectError(
        elf.file,
        `section ${section.name}: expected ${symbols.length} records of 16 bytes or more, found ${section.size} bytes`,
      );
    }
    const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
    for (const symbol of symbols) {
      const at = symbol.value;
      if (at + size > section.size || at % 4 !== 0) {
        throw new ObjectError(
          elf.file,
          `map '${symbol.name}': expected a record of ${size} bytes in ${section.name}, found it at ${at}`,
        );
      }
      const word = (index: number): number => (index * 4 < size ? view.getUint32(at + index * 4, true) : 0);
      const classic = size === 36;
      maps.push({
        section: section.index,
        offset: at,
        spec: {
          ...EMPTY,
          name: symbol.name,
          type: word(0),
          keySize: word(1),
          valueSize: word(2),
          maxEntries: word(3),
          flags: word(4),
          pinning: classic ? word(6) : 0,
          ...(classic ? { classic: { id: word(5), innerId: word(7), innerIndex: word(8) } } : {}),
        },
      });
    }
  }
  return maps;
}
