/// <reference lib="esnext.disposable" preserve="true" />
import type { Btf } from "../btf/btf.ts";
import { type BtfValue, decodeValue, encodeValue } from "../btf/value.ts";
import { encodeInsns } from "../isa/insn.ts";
import type { Task } from "../transport/task.ts";
import { ATTACH_TYPE } from "../uapi/attach_type.ts";
import { MAP_TYPE } from "../uapi/map_type.ts";
import { BpfError, VerifierError } from "./errors.ts";
import { kconfigBytes } from "./extern.ts";
import { BpfMap } from "./map.ts";
import { WITHOUT_BTF } from "./map_def.ts";
import { type ParseOptions, parseObject } from "./parse_object.ts";
import { BpfProgram } from "./program.ts";
import { type KernelTarget, LINUX_6_18, resolveProgram } from "./resolve.ts";
import { type MapSpec, ObjectError, type ObjectSpec, type ProgramSpec } from "./spec.ts";
import { btfLoad, mapCreate, mapFreeze, mapUpdate, progLoad } from "./sys.ts";

/** How an object is loaded. */
export interface LoadOptions extends ParseOptions {
  /** The programs to load, by name; all but those in `?` sections unless given. */
  readonly programs?: readonly string[];
  /** Create only the maps that those programs use (and what these hold); all unless true. */
  readonly onlyUsedMaps?: boolean;
  /** The BPF_PROG_TYPE_ of programs whose section's name says none. */
  readonly type?: number;
  /** What CO-RE relocations, `__kconfig` and `__ksym` are resolved with. */
  readonly target?: KernelTarget;
  /** First values of global variables, `const volatile` ones included: by BTF type, or as bytes. */
  readonly variables?: Readonly<Record<string, BtfValue | Uint8Array>>;
  /** BPF_LOG_LEVEL bits for every program; without it a log is only asked for when a load fails. */
  readonly logLevel?: number;
  /** BPF_F_ bits that are added to every program's: BPF_F_STRICT_ALIGNMENT, BPF_F_TEST_STATE_FREQ … */
  readonly progFlags?: number;
}

/** The first size of the log buffer, and the largest. */
const LOG_SIZE = 1 << 20;
const MAX_LOG_SIZE = 1 << 28;
const PAGE_SIZE = 4096;

/** An object in a kernel: its maps and programs, loaded through a task. Closing it closes all their descriptors. */
export class BpfObject {
  readonly spec: ObjectSpec;
  /** What went otherwise than asked, but did not stop the load (BTF that the kernel refused). */
  readonly warnings: readonly string[];
  readonly #maps: ReadonlyMap<string, BpfMap>;
  readonly #programs: ReadonlyMap<string, BpfProgram>;
  readonly #fds: readonly number[];
  readonly #task: Task;
  #closed = false;

  private constructor(
    task: Task,
    spec: ObjectSpec,
    warnings: readonly string[],
    maps: ReadonlyMap<string, BpfMap>,
    programs: ReadonlyMap<string, BpfProgram>,
    fds: readonly number[],
  ) {
    this.#task = task;
    this.spec = spec;
    this.warnings = warnings;
    this.#maps = maps;
    this.#programs = programs;
    this.#fds = fds;
  }

  /**
   * Loads an object file's bytes, or a spec: BTF, then maps, then programs. On failure nothing stays behind.
   * Throws ElfError, BtfError and ObjectError for the object, BpfError for what the kernel refuses, VerifierError
   * for a program that the verifier rejects.
   */
  static load(task: Task, object: Uint8Array | ObjectSpec, options: LoadOptions = {}): BpfObject {
    const spec = object instanceof Uint8Array ? parseObject(object, options) : object;
    const loader = new Loader(task, spec, options);
    try {
      loader.loadBtf();
      loader.createMaps();
      loader.loadPrograms();
      loader.fillSlots();
    } catch (error) {
      for (const fd of loader.fds) task.close(fd);
      throw error;
    }
    const { warnings, maps, programs, fds } = loader;
    return new BpfObject(task, spec, warnings, maps, programs, fds);
  }

  /** The maps, in the object's order. */
  get maps(): readonly BpfMap[] {
    return [...this.#maps.values()];
  }

  /** The programs, in the object's order. */
  get programs(): readonly BpfProgram[] {
    return [...this.#programs.values()];
  }

  /** A map by its name in the source; data maps also by their section (`.rodata`). Throws ObjectError with the choice. */
  map(name: string): BpfMap {
    const found = this.#maps.get(name) ?? this.maps.find((_, i) => this.#dataSection(i) === name);
    if (found !== undefined) return found;
    throw new ObjectError(
      this.spec.file,
      `no map '${name}', only: ${[...this.#maps.keys()].join(", ") || "none"}`,
    );
  }

  /** A program by its name; without a name the only one. Throws ObjectError with the choice. */
  program(name?: string): BpfProgram {
    const only = this.#programs.size === 1 ? this.programs[0] : undefined;
    const found = name === undefined ? only : this.#programs.get(name);
    if (found !== undefined) return found;
    const names = [...this.#programs.keys()].join(", ") || "none";
    throw new ObjectError(
      this.spec.file,
      name === undefined ? `expected one program, found: ${names}` : `no program '${name}', only: ${names}`,
    );
  }

  /** The value of a global variable by BTF type, read from the kernel. Throws ObjectError if there is none. */
  variable(name: string): BtfValue {
    const { map, offset, typeId, btf } = this.#variable(name);
    const value = map.lookup(new Uint8Array(4)) ?? new Uint8Array(map.valueSize);
    return decodeValue(btf, typeId, value.subarray(offset));
  }

  /** Writes a global variable. It is read, changed and written as part of its section: not atomic. */
  setVariable(name: string, value: BtfValue): void {
    const { map, offset, typeId, btf } = this.#variable(name);
    const key = new Uint8Array(4);
    const bytes = map.lookup(key) ?? new Uint8Array(map.valueSize);
    bytes.set(encodeValue(btf, typeId, value), offset);
    map.update(key, bytes);
  }

  /** Closes every descriptor. Maps and programs that something else still holds live on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const fd of this.#fds) this.#task.close(fd);
  }

  /** `using object = …` closes it. */
  [Symbol.dispose](): void {
    this.close();
  }

  #dataSection(index: number): string | undefined {
    const name = [...this.#maps.keys()][index];
    return this.spec.maps.find((map) => map.name === name)?.data?.section;
  }

  #variable(name: string): { map: BpfMap; offset: number; typeId: number; btf: Btf } {
    const place = findVariable(this.spec, name);
    const map = place === undefined ? undefined : this.#maps.get(place.map.name);
    if (place === undefined || map === undefined) {
      throw new ObjectError(this.spec.file, `no global variable '${name}' with BTF`);
    }
    return { ...place, map };
  }
}

/** Where a global variable lives: the data map, the offset in its value, and its type. */
export function findVariable(
  spec: ObjectSpec,
  name: string,
): { map: MapSpec; offset: number; size: number; typeId: number; btf: Btf } | undefined {
  const { btf } = spec;
  if (btf === undefined) return undefined;
  for (const map of spec.maps) {
    const datasec = map.data === undefined ? undefined : btf.type(map.valueTypeId);
    if (datasec?.kind !== "datasec") continue;
    for (const { type, offset, size } of datasec.vars) {
      const variable = btf.type(type);
      if (variable.kind === "var" && variable.name === name) {
        return { map, offset, size, typeId: variable.type, btf };
      }
    }
  }
  return undefined;
}

/** The steps of a load; keeps what is to be undone when one fails. */
class Loader {
  readonly fds: number[] = [];
  readonly warnings: string[] = [];
  readonly maps = new Map<string, BpfMap>();
  readonly programs = new Map<string, BpfProgram>();
  readonly #task: Task;
  readonly #spec: ObjectSpec;
  readonly #options: LoadOptions;
  readonly #wanted: readonly ProgramSpec[];
  #btfFd: number | undefined;

  constructor(task: Task, spec: ObjectSpec, options: LoadOptions) {
    this.#task = task;
    this.#spec = spec;
    this.#options = options;
    this.#wanted = wantedPrograms(spec, options);
  }

  loadBtf(): void {
    if (this.#spec.btf === undefined) return;
    try {
      this.#btfFd = this.#own(btfLoad(this.#task, this.#spec.btf.bytes));
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      // Types are a convenience: an object works without them, as with libbpf.
      this.warnings.push(`${this.#spec.file}: ${error.message}; going on without BTF`);
    }
  }

  createMaps(): void {
    const used = this.#options.onlyUsedMaps === true ? usedMaps(this.#spec, this.#wanted) : undefined;
    for (const spec of this.#spec.maps) {
      if (used !== undefined && !used.has(spec.name)) continue;
      const fd = this.#own(this.#create(spec));
      const map = new BpfMap(this.#task, fd, { ...spec, ...(this.#spec.btf ? { btf: this.#spec.btf } : {}) });
      this.maps.set(spec.name, map);
      if (spec.data !== undefined) this.#fillData(spec, fd);
    }
  }

  #create(spec: MapSpec): number {
    const inner = spec.inner ?? this.#classicInner(spec);
    const innerFd = inner === undefined ? undefined : this.#create(inner);
    try {
      const fields = {
        map_type: spec.type,
        key_size: spec.keySize,
        value_size: spec.valueSize,
        max_entries: this.#maxEntries(spec),
        map_flags: spec.flags,
        numa_node: spec.numaNode,
        map_name: spec.name,
        map_extra: spec.mapExtra,
        ...(innerFd === undefined ? {} : { inner_map_fd: innerFd }),
      };
      if (this.#btfFd === undefined || spec.valueTypeId === 0 || WITHOUT_BTF.has(spec.type)) {
        return mapCreate(this.#task, fields);
      }
      try {
        const types = { btf_key_type_id: spec.keyTypeId, btf_value_type_id: spec.valueTypeId };
        return mapCreate(this.#task, { ...fields, ...types, btf_fd: this.#btfFd });
      } catch (error) {
        if (!(error instanceof BpfError)) throw error;
        const fd = mapCreate(this.#task, fields);
        this.warnings.push(`${this.#spec.file}: map '${spec.name}': ${error.message}; created without BTF`);
        return fd;
      }
    } finally {
      if (innerFd !== undefined) this.#task.close(innerFd);
    }
  }

  #classicInner(spec: MapSpec): MapSpec | undefined {
    const id = spec.classic?.innerId ?? 0;
    return id === 0 ? undefined : this.#spec.maps.find((map) => map.classic?.id === id);
  }

  #maxEntries(spec: MapSpec): number {
    if (spec.type === MAP_TYPE.PERF_EVENT_ARRAY && spec.maxEntries === 0) return this.#task.possibleCpus ?? 1;
    if (spec.type !== MAP_TYPE.RINGBUF && spec.type !== MAP_TYPE.USER_RINGBUF) return spec.maxEntries;
    // A ring buffer's size is a power of two of whole pages; zero is for the kernel to refuse.
    if (spec.maxEntries === 0) return 0;
    let size = PAGE_SIZE;
    while (size < spec.maxEntries && size < 2 ** 31) size *= 2;
    return size;
  }

  #fillData(spec: MapSpec, fd: number): void {
    const { data } = spec;
    if (data === undefined) return;
    const bytes =
      data.kind === "kconfig"
        ? kconfigBytes(this.#spec.file, this.#spec.externs, spec.valueSize, this.#target)
        : new Uint8Array(data.bytes);
    for (const [name, value] of Object.entries(this.#options.variables ?? {})) {
      const place = findVariable(this.#spec, name);
      if (place === undefined) {
        throw new ObjectError(this.#spec.file, `no global variable '${name}' with BTF to give a first value`);
      }
      if (place.map !== spec) continue;
      const raw = value instanceof Uint8Array ? value : encodeValue(place.btf, place.typeId, value);
      bytes.set(raw.subarray(0, place.size), place.offset);
    }
    mapUpdate(this.#task, fd, new Uint8Array(4), bytes);
    if (data.kind === "rodata" || data.kind === "kconfig") mapFreeze(this.#task, fd);
  }

  get #target(): KernelTarget {
    return this.#options.target ?? LINUX_6_18;
  }

  loadPrograms(): void {
    for (const spec of this.#wanted) this.programs.set(spec.name, this.#loadProgram(spec));
  }

  #loadProgram(spec: ProgramSpec): BpfProgram {
    const type = spec.type ?? this.#options.type;
    if (type === undefined) {
      throw new ObjectError(
        this.#spec.file,
        `prog '${spec.name}': missing BPF prog type, check ELF section name '${spec.section}'`,
      );
    }
    const insns = resolveProgram(this.#spec, spec, this.#target);
    for (const ref of spec.refs) {
      if (ref.kind !== "map") continue;
      const fd = this.maps.get(this.#spec.maps[ref.map]?.name ?? "")?.fd;
      const insn = insns[ref.insn];
      if (insn !== undefined && fd !== undefined) insns[ref.insn] = { ...insn, imm: fd };
    }
    const btf =
      this.#btfFd === undefined
        ? {}
        : { prog_btf_fd: this.#btfFd, funcInfo: spec.funcInfo, lineInfo: spec.lineInfo };
    const load = {
      ...btf,
      ...this.#attachBtf(spec),
      prog_type: type,
      expected_attach_type: spec.attachType,
      prog_flags: spec.flags | (this.#options.progFlags ?? 0),
      prog_name: spec.name,
      kern_version: this.#spec.version,
      code: encodeInsns(insns),
      licenseText: this.#spec.license,
    };
    const level = this.#options.logLevel ?? 0;
    let result = level === 0 ? progLoad(this.#task, { ...load, logSize: 0 }) : this.#loadWithLog(load, level);
    if (result.ret < 0 && level === 0) result = this.#loadWithLog(load, 1);
    if (result.ret < 0) {
      if (result.log === "") throw new BpfError("PROG_LOAD", -result.ret, `loading program '${spec.name}'`);
      throw new VerifierError(-result.ret, spec.name, result.log);
    }
    return new BpfProgram(this.#task, this.#own(result.ret), type, spec, level === 0 ? "" : result.log);
  }

  /** Loads with a log, with as large a buffer as the log turns out to need. */
  #loadWithLog(
    load: Omit<Parameters<typeof progLoad>[1], "logSize">,
    level: number,
  ): ReturnType<typeof progLoad> {
    let logSize = LOG_SIZE;
    let result = progLoad(this.#task, { ...load, log_level: level, logSize });
    while (result.logTrueSize > logSize && logSize < MAX_LOG_SIZE) {
      if (result.ret >= 0) this.#task.close(result.ret);
      logSize = Math.min(result.logTrueSize, MAX_LOG_SIZE);
      result = progLoad(this.#task, { ...load, log_level: level, logSize });
    }
    return result;
  }

  #attachBtf(spec: ProgramSpec): { attach_btf_id?: number } {
    if (spec.attachTo === undefined) return {};
    const { kind, name } = attachTarget(spec);
    const id = this.#target.btf?.find(kind, name) ?? 0;
    if (id === 0) {
      const why =
        this.#target.btf === undefined
          ? "no kernel BTF was given"
          : `the kernel's BTF has no ${kind} '${name}'`;
      throw new ObjectError(
        this.#spec.file,
        `program '${spec.name}': cannot attach to '${spec.attachTo}': ${why}`,
      );
    }
    return { attach_btf_id: id };
  }

  fillSlots(): void {
    for (const spec of this.#spec.maps) {
      const map = this.maps.get(spec.name);
      if (map === undefined) continue;
      for (const slot of spec.slots) {
        const target =
          slot.map === undefined ? this.programs.get(slot.program ?? "")?.fd : this.maps.get(slot.map)?.fd;
        // A program that was not asked for leaves its slot empty.
        if (target === undefined) continue;
        map.update(word(slot.index), word(target));
      }
    }
  }

  #own(fd: number): number {
    this.fds.push(fd);
    return fd;
  }
}

/** What a program attaches to, as a type of the kernel's BTF. */
export function attachTarget(spec: ProgramSpec): { kind: "func" | "typedef"; name: string } {
  const to = spec.attachTo ?? "";
  switch (spec.attachType) {
    case ATTACH_TYPE.TRACE_RAW_TP:
      return { kind: "typedef", name: `btf_trace_${to}` };
    case ATTACH_TYPE.LSM_MAC:
    case ATTACH_TYPE.LSM_CGROUP:
      return { kind: "func", name: `bpf_lsm_${to}` };
    case ATTACH_TYPE.TRACE_ITER:
      return { kind: "func", name: `bpf_iter_${to}` };
    default:
      return { kind: "func", name: to };
  }
}

function wantedPrograms(spec: ObjectSpec, options: LoadOptions): readonly ProgramSpec[] {
  if (options.programs === undefined) return spec.programs.filter(({ autoload }) => autoload);
  return options.programs.map((name) => {
    const found = spec.programs.find((program) => program.name === name);
    if (found !== undefined) return found;
    const names = spec.programs.map((program) => program.name).join(", ") || "none";
    throw new ObjectError(spec.file, `no program '${name}', only: ${names}`);
  });
}

/** The names of the maps that programs load, and of the maps in those maps' slots. */
function usedMaps(spec: ObjectSpec, programs: readonly ProgramSpec[]): Set<string> {
  const used = new Set<string>();
  for (const { refs } of programs) {
    for (const ref of refs) {
      const name = ref.kind === "map" ? spec.maps[ref.map]?.name : undefined;
      if (name !== undefined) used.add(name);
    }
  }
  // Adding to a set while walking it visits what is added.
  for (const name of used) {
    for (const slot of spec.maps.find((map) => map.name === name)?.slots ?? []) {
      if (slot.map !== undefined) used.add(slot.map);
    }
  }
  return used;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
