import { Btf } from "../btf/btf.ts";
import { parseBtfExt } from "../btf/ext.ts";
import { BtfPatch } from "../btf/patch.ts";
import { BTF_FUNC, BTF_KIND } from "../uapi/btf.ts";
import { Elf, type ElfSection } from "./elf.ts";
import { collectExterns, type Externs } from "./extern.ts";
import { type Func, findFuncs, Linker, type Targets } from "./link.ts";
import { btfMaps, dataMaps, legacyMaps, type PlacedMap } from "./map_def.ts";
import { legacySectionDef, sectionDef } from "./section.ts";
import { ObjectError, type ObjectSpec, type ProgramSpec } from "./spec.ts";

/** What `parseObject` may be told. */
export interface ParseOptions {
  /** What messages call the file, and where the object's name comes from ("object.o" if not given). */
  readonly file?: string;
  /** Take section names that only start with a known one (`xdp_prog`), as libbpf did before 1.0. */
  readonly legacySections?: boolean;
}

const BPF_F_SLEEPABLE = 1 << 4;
const BPF_F_XDP_HAS_FRAGS = 1 << 5;

/**
 * Reads a BPF object file: a pure function of its bytes. Throws ElfError and BtfError for malformed bytes,
 * ObjectError for an object that asks for what cannot be had.
 */
export function parseObject(bytes: Uint8Array, options: ParseOptions = {}): ObjectSpec {
  const file = options.file ?? "object.o";
  const name = objectName(file);
  const elf = Elf.parse(bytes, file);
  const raw = readBtf(elf);
  const patch = raw === undefined ? undefined : new BtfPatch(raw);
  const funcs = findFuncs(elf);
  const externs = collectExterns(elf, raw, patch);
  if (raw !== undefined && patch !== undefined) {
    mendDatasecs(elf, raw, patch);
    mendHiddenFuncs(raw, patch, funcs);
  }
  const btf = patch?.build();
  const ext = readExt(elf, btf);

  const placed = [
    ...legacyMaps(elf),
    ...(btf === undefined ? [] : btfMaps(elf, btf)),
    ...dataMaps(elf, name, btf, externs.kconfigSize),
  ];
  const linker = new Linker(elf, funcs, ext, targets(placed, externs));
  return {
    file,
    name,
    license: text(elf.section("license")),
    version: word(elf.section("version")),
    ...(btf === undefined ? {} : { btf }),
    maps: placed.map(({ spec }) => spec),
    programs: funcs.filter(isProgram).map((func) => programSpec(func, linker, options)),
    externs: externs.list,
  };
}

/** A file's base name up to its first dot, at most 15 characters. */
function objectName(file: string): string {
  const base = file.slice(file.lastIndexOf("/") + 1);
  return base.replace(/\..*$/, "").slice(0, 15);
}

/** `.text` holds subprograms; programs have sections of their own. */
function isProgram(func: Func): boolean {
  return func.section.name !== ".text" && func.global;
}

function programSpec(func: Func, linker: Linker, options: ParseOptions): ProgramSpec {
  const section = func.section.name;
  const autoload = !section.startsWith("?");
  const bare = autoload ? section : section.slice(1);
  const def = sectionDef(bare) ?? (options.legacySections === true ? legacySectionDef(bare) : undefined);
  const slash = bare.indexOf("/");
  return {
    name: func.name,
    section,
    type: def?.type,
    attachType: def?.attachType ?? 0,
    flags:
      (def?.sleepable === true ? BPF_F_SLEEPABLE : 0) | (def?.xdpFrags === true ? BPF_F_XDP_HAS_FRAGS : 0),
    ...(def?.attachBtf === true && slash > 0 ? { attachTo: bare.slice(slash + 1) } : {}),
    autoload,
    ...linker.link(func),
  };
}

function readBtf(elf: Elf): Btf | undefined {
  const section = elf.section(".BTF");
  return section === undefined ? undefined : Btf.parse(section.data, { name: `${elf.file}: .BTF` });
}

function readExt(elf: Elf, btf: Btf | undefined): ReturnType<typeof parseBtfExt> | undefined {
  const section = elf.section(".BTF.ext");
  if (section === undefined || btf === undefined) return undefined;
  return parseBtfExt(section.data, btf, `${elf.file}: .BTF.ext`);
}

/**
 * The compiler leaves the sizes of data sections and the offsets of global variables to the linker: takes them from
 * the section headers and symbols, and sorts the variables by offset as the kernel wants them.
 */
function mendDatasecs(elf: Elf, btf: Btf, patch: BtfPatch): void {
  for (const type of btf.types()) {
    if (type.kind !== "datasec" || type.name === ".ksyms" || type.name === ".kconfig") continue;
    const section = elf.section(type.name);
    if (section === undefined) continue;
    if (type.size === 0) patch.set(type.id, 2, section.size);
    const vars = type.vars.map((info) => {
      const variable = btf.type(info.type);
      if (variable.kind !== "var" || variable.linkage === "static") return info;
      const symbol = elf.symbols.find((s) => s.name === variable.name && s.section === section.index);
      return symbol === undefined ? info : { ...info, offset: symbol.value };
    });
    vars.sort((a, b) => a.offset - b.offset);
    vars.forEach((info, i) => {
      [info.type, info.offset, info.size].forEach((value, w) => {
        if (patch.get(type.id, 3 + i * 3 + w) !== value) patch.set(type.id, 3 + i * 3 + w, value);
      });
    });
  }
}

/** A hidden global function is for this object alone: the verifier may take it as a static one. */
function mendHiddenFuncs(btf: Btf, patch: BtfPatch, funcs: readonly Func[]): void {
  for (const func of funcs) {
    if (!func.hidden || func.section.name !== ".text") continue;
    const id = btf.find("func", func.name);
    if (id !== 0) patch.set(id, 1, (BTF_KIND.FUNC << 24) | BTF_FUNC.STATIC);
  }
}

function targets(maps: readonly PlacedMap[], externs: Externs): Targets {
  const kconfig = maps.findIndex(({ spec }) => spec.data?.kind === "kconfig");
  return {
    map(section, offset) {
      const data = maps.findIndex((m) => m.section === section && m.spec.data !== undefined);
      if (data >= 0) return { map: data, offset };
      const map = maps.findIndex((m) => m.section === section && m.offset === offset);
      return map < 0 ? undefined : { map };
    },
    extern(name) {
      const index = externs.list.findIndex((ext) => ext.name === name);
      const ext = externs.list[index];
      if (ext === undefined) return undefined;
      if (ext.kind !== "kconfig") return { ref: ext.kind, extern: index };
      return { ref: "map", map: kconfig, offset: ext.config?.offset ?? 0 };
    },
  };
}

function text(section: ElfSection | undefined): string {
  if (section === undefined) return "";
  const end = section.data.indexOf(0);
  return new TextDecoder().decode(section.data.subarray(0, end < 0 ? section.data.length : end));
}

function word(section: ElfSection | undefined): number {
  if (section === undefined || section.data.length < 4) return 0;
  return new DataView(section.data.buffer, section.data.byteOffset).getUint32(0, true);
}

/** The program of this name, or the only one there is when no name is given. Throws ObjectError with the choice. */
export function pickProgram(spec: ObjectSpec, name?: string): ProgramSpec {
  const names = spec.programs.map((program) => program.name).join(", ");
  const [first, second] = spec.programs;
  if (name === undefined) {
    if (first === undefined) throw new ObjectError(spec.file, "expected a program, found none");
    if (second !== undefined)
      throw new ObjectError(spec.file, `holds several programs, name one of them: ${names}`);
    return first;
  }
  const found = spec.programs.find((program) => program.name === name || program.section === name);
  if (found === undefined) throw new ObjectError(spec.file, `no program '${name}', only: ${names || "none"}`);
  return found;
}
