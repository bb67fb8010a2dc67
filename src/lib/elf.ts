import { printable } from "../btf/printable.ts";

/** Bytes that are not the ELF object that they should be. */
export class ElfError extends Error {
  /** What messages call the file. */
  readonly file: string;
  /** Where in the file, in bytes. */
  readonly offset: number;
  constructor(file: string, offset: number, message: string) {
    super(printable(`${file}: offset ${offset}: ${message}`));
    this.name = "ElfError";
    this.file = file;
    this.offset = offset;
  }
}

/** The section types that matter to BPF objects (ELF gABI). */
export const SHT = { NULL: 0, PROGBITS: 1, SYMTAB: 2, STRTAB: 3, RELA: 4, NOBITS: 8, REL: 9 } as const;
/** Section flags. */
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, MERGE: 16, STRINGS: 32 } as const;
/** Symbol types. */
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4 } as const;
/** Symbol bindings. */
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
/** Symbol visibilities. */
export const STV = { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 } as const;
/** Special section indexes of symbols. */
export const SHN = { UNDEF: 0, LORESERVE: 0xff00, ABS: 0xfff1, COMMON: 0xfff2, XINDEX: 0xffff } as const;
/** Relocation types of EM_BPF (Documentation/bpf/llvm_reloc.rst). */
export const R_BPF = {
  NONE: 0,
  "64_64": 1,
  "64_ABS64": 2,
  "64_ABS32": 3,
  "64_NODYLD32": 4,
  "64_32": 10,
} as const;

const EM_NONE = 0;
const EM_BPF = 247;
const ET_REL = 1;
const HEADER_SIZE = 64;
const SECTION_SIZE = 64;
const SYMBOL_SIZE = 24;
/** More sections or symbols than any compiler makes: refused so that a lying header costs no time. */
const MAX_SECTIONS = 1 << 16;

/** A section of an object file. */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** An SHT number. */
  readonly type: number;
  /** SHF bits. */
  readonly flags: number;
  /** Where its bytes start in the file. */
  readonly offset: number;
  /** Its size in bytes; for NOBITS there are no bytes in the file. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  /** Its bytes in the file, not copied; empty for NOBITS. */
  readonly data: Uint8Array;
}

/** A symbol. */
export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** Offset in its section. */
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly bind: number;
  readonly visibility: number;
  /** The index of its section, or an SHN number. */
  readonly section: number;
}

/** A relocation of a section's bytes. */
export interface ElfRelocation {
  /** Bytes from the start of the section that is changed. */
  readonly offset: number;
  /** An R_BPF number. */
  readonly type: number;
  readonly symbol: ElfSymbol;
  /** The addend of SHT_RELA, undefined for SHT_REL (it is in the bytes then). */
  readonly addend: number | undefined;
}

const utf8 = new TextDecoder();

/** A relocatable BPF object as clang and bpftool write it: ELF64, little endian, machine BPF or none. */
export class Elf {
  /** What messages call the file. */
  readonly file: string;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];

  readonly #relocations: ReadonlyMap<number, readonly ElfRelocation[]>;

  private constructor(
    file: string,
    sections: readonly ElfSection[],
    symbols: readonly ElfSymbol[],
    relocations: ReadonlyMap<number, readonly ElfRelocation[]>,
  ) {
    this.file = file;
    this.sections = sections;
    this.symbols = symbols;
    this.#relocations = relocations;
  }

  /** Reads an object. The bytes are kept, not copied. `file` is for messages. Throws ElfError. */
  static parse(bytes: Uint8Array, file: string): Elf {
    // A Node Buffer is taken as the plain array of bytes that it is.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const sections = readSections(plain, file);
    const symbols = readSymbols(sections, file);
    return new Elf(file, sections, symbols, readRelocations(sections, symbols, file));
  }

  /** The first section of this name. */
  section(name: string): ElfSection | undefined {
    return this.sections.find((section) => section.name === name);
  }

  /** The relocations of a section, in file order. */
  relocations(section: ElfSection): readonly ElfRelocation[] {
    return this.#relocations.get(section.index) ?? [];
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit size or offset; anything past 2^53 is past the end of every file anyway. */
function u64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

/** The zero-terminated text at an offset, or undefined if it does not end within the table. */
function text(table: Uint8Array, at: number): string | undefined {
  const end = at < table.length ? table.indexOf(0, at) : -1;
  return end < 0 ? undefined : utf8.decode(table.subarray(at, end));
}

/** What the header says of the section headers, after all its checks. */
function readHeader(bytes: Uint8Array, file: string): { at: number; count: number; names: number } {
  const fail = (offset: number, message: string): never => {
    throw new ElfError(file, offset, message);
  };
  if (bytes.length < 4 || viewOf(bytes).getUint32(0, false) !== 0x7f454c46) {
    fail(0, "expected an ELF object (magic 7f 45 4c 46), found something else");
  }
  if (bytes.length < HEADER_SIZE) {
    fail(bytes.length, `expected an ELF header of ${HEADER_SIZE} bytes, found the end of the file`);
  }
  const view = viewOf(bytes);
  if (bytes[4] !== 2) fail(4, `expected 64-bit ELF (class 2), found class ${bytes[4]}`);
  if (bytes[5] !== 1) fail(5, `expected little-endian ELF (data 1), found data ${bytes[5]}`);
  const type = view.getUint16(16, true);
  if (type !== ET_REL) fail(16, `expected a relocatable object (type 1), found type ${type}`);
  const machine = view.getUint16(18, true);
  if (machine !== EM_BPF && machine !== EM_NONE) {
    fail(18, `expected a BPF object (machine ${EM_BPF}), found machine ${machine}`);
  }
  const at = u64(view, 40);
  if (at === 0) fail(40, "expected section headers, found none");
  if (at + SECTION_SIZE > bytes.length) {
    fail(40, `expected section headers within ${bytes.length} bytes, found them at ${at}`);
  }
  const entry = view.getUint16(58, true);
  if (entry !== SECTION_SIZE) fail(58, `expected section headers of ${SECTION_SIZE} bytes, found ${entry}`);
  // With 0xff00 sections or more, the true numbers are in the first section header.
  const few = view.getUint16(60, true);
  const count = few === 0 ? u64(view, at + 32) : few;
  if (count > MAX_SECTIONS || at + count * SECTION_SIZE > bytes.length) {
    fail(60, `expected ${count} section headers at ${at}, found the end of the file at ${bytes.length}`);
  }
  const index = view.getUint16(62, true);
  const names = index === SHN.XINDEX ? view.getUint32(at + 40, true) : index;
  if (names >= count) fail(62, `expected the index of the section names below ${count}, found ${names}`);
  return { at, count, names };
}

function readSections(bytes: Uint8Array, file: string): ElfSection[] {
  const { at, count, names } = readHeader(bytes, file);
  const view = viewOf(bytes);
  const raw = Array.from({ length: count }, (_, index) => {
    const header = at + index * SECTION_SIZE;
    const type = view.getUint32(header + 4, true);
    const offset = u64(view, header + 24);
    const size = u64(view, header + 32);
    const inFile = type !== SHT.NOBITS && type !== SHT.NULL;
    if (inFile && offset + size > bytes.length) {
      throw new ElfError(
        file,
        header + 24,
        `expected section ${index} within ${bytes.length} bytes, found ${offset} + ${size}`,
      );
    }
    return {
      index,
      nameOffset: view.getUint32(header, true),
      header,
      type,
      flags: view.getUint32(header + 8, true),
      offset,
      size,
      link: view.getUint32(header + 40, true),
      info: view.getUint32(header + 44, true),
      data: inFile ? bytes.subarray(offset, offset + size) : new Uint8Array(0),
    };
  });
  const table = raw[names]?.data ?? new Uint8Array(0);
  return raw.map(({ nameOffset, header, ...section }) => {
    const name = section.type === SHT.NULL && nameOffset === 0 ? "" : text(table, nameOffset);
    if (name === undefined) {
      throw new ElfError(file, header, `expected the name of section ${section.index} in the name table`);
    }
    return { ...section, name };
  });
}

function readSymbols(sections: readonly ElfSection[], file: string): ElfSymbol[] {
  const symtab = sections.find((section) => section.type === SHT.SYMTAB);
  if (symtab === undefined) return [];
  if (symtab.size % SYMBOL_SIZE !== 0) {
    throw new ElfError(
      file,
      symtab.offset,
      `expected symbols of ${SYMBOL_SIZE} bytes, found ${symtab.size} bytes`,
    );
  }
  const strings = sections[symtab.link];
  if (strings === undefined || strings.type !== SHT.STRTAB) {
    throw new ElfError(
      file,
      symtab.offset,
      `expected the symbols' names in section ${symtab.link}, found none`,
    );
  }
  const view = viewOf(symtab.data);
  return Array.from({ length: symtab.size / SYMBOL_SIZE }, (_, index) => {
    const at = index * SYMBOL_SIZE;
    const nameOffset = view.getUint32(at, true);
    const info = view.getUint8(at + 4);
    const section = view.getUint16(at + 6, true);
    const type = info & 0xf;
    const name = nameOffset === 0 ? "" : text(strings.data, nameOffset);
    if (name === undefined) {
      throw new ElfError(file, symtab.offset + at, `expected the name of symbol ${index} in ${strings.name}`);
    }
    if (section >= sections.length && section < SHN.LORESERVE) {
      throw new ElfError(
        file,
        symtab.offset + at + 6,
        `expected a section index below ${sections.length} for symbol ${index}, found ${section}`,
      );
    }
    return {
      index,
      // A section's symbol has no name of its own: readers expect the section's.
      name: type === STT.SECTION && name === "" ? (sections[section]?.name ?? "") : name,
      value: u64(view, at + 8),
      size: u64(view, at + 16),
      type,
      bind: info >> 4,
      visibility: view.getUint8(at + 5) & 3,
      section,
    };
  });
}

function readRelocations(
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
  file: string,
): Map<number, ElfRelocation[]> {
  const all = new Map<number, ElfRelocation[]>();
  for (const section of sections) {
    if (section.type !== SHT.REL && section.type !== SHT.RELA) continue;
    const entry = section.type === SHT.REL ? 16 : 24;
    if (section.size % entry !== 0) {
      throw new ElfError(
        file,
        section.offset,
        `expected relocations of ${entry} bytes in ${section.name}, found ${section.size} bytes`,
      );
    }
    if (section.info >= sections.length) {
      throw new ElfError(
        file,
        section.offset,
        `expected a section index below ${sections.length} for ${section.name}, found ${section.info}`,
      );
    }
    const view = viewOf(section.data);
    const list = all.get(section.info) ?? [];
    all.set(section.info, list);
    for (let at = 0; at < section.size; at += entry) {
      const index = view.getUint32(at + 12, true);
      const symbol = symbols[index];
      if (symbol === undefined) {
        throw new ElfError(
          file,
          section.offset + at + 12,
          `expected a symbol index below ${symbols.length} in ${section.name}, found ${index}`,
        );
      }
      list.push({
        offset: u64(view, at),
        type: view.getUint32(at + 8, true),
        symbol,
        addend: entry === 24 ? Number(view.getBigInt64(at + 16, true)) : undefined,
      });
    }
  }
  return all;
}
