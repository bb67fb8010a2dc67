import type { BtfExt, CoreRelo } from "../btf/ext.ts";
import { decodeInsns, INSN_SIZE, type Insn, isLdImm64 } from "../isa/insn.ts";
import { CALL, PSEUDO } from "../isa/opcode.ts";
import {
  type Elf,
  ElfError,
  type ElfRelocation,
  type ElfSection,
  R_BPF,
  SHF,
  SHN,
  SHT,
  STB,
  STT,
  STV,
} from "./elf.ts";
import { ObjectError, type Ref } from "./spec.ts";

/** BPF_JMP | BPF_CALL. */
const CALL_CODE = 0x85;
/** Visibilities of symbols that are for their own object alone. */
const HIDDEN: ReadonlySet<number> = new Set([STV.INTERNAL, STV.HIDDEN]);
/** Slots that one program may grow to by appending subprograms: what the kernel takes at most. */
const MAX_INSNS = 1_000_000;

/** A function of an object: a program, or a subprogram. */
export interface Func {
  readonly name: string;
  readonly section: ElfSection;
  /** Index of its first slot in the section. */
  readonly start: number;
  readonly insns: readonly Insn[];
  readonly global: boolean;
  /** True for a global symbol that is hidden: verified like a static function. */
  readonly hidden: boolean;
}

/** A function with all that it calls behind it. */
export interface Linked {
  readonly insns: readonly Insn[];
  readonly refs: readonly Ref[];
  readonly coreRelos: readonly { readonly insn: number; readonly relo: CoreRelo }[];
  /** Records of `struct bpf_func_info` (8 bytes) and `struct bpf_line_info` (16 bytes). */
  readonly funcInfo: Uint8Array;
  readonly lineInfo: Uint8Array;
}

/** What relocations may point at. */
export interface Targets {
  /** The index of the map at a place of a section, and the offset in its value for data maps. */
  map(section: number, offset: number, name: string): { map: number; offset?: number } | undefined;
  /** What an undefined symbol stands for. */
  extern(
    name: string,
  ): { ref: "ksym" | "kfunc"; extern: number } | { ref: "map"; map: number; offset: number } | undefined;
}

/** Finds the functions of all code sections, in the order of the file. */
export function findFuncs(elf: Elf): Func[] {
  const funcs: Func[] = [];
  for (const section of elf.sections) {
    if ((section.flags & SHF.EXECINSTR) === 0 || section.type !== SHT.PROGBITS || section.size === 0)
      continue;
    if (section.size % INSN_SIZE !== 0) {
      throw new ElfError(
        elf.file,
        section.offset,
        `section ${section.name}: expected whole instructions of 8 bytes, found ${section.size} bytes`,
      );
    }
    const insns = decodeInsns(section.data);
    const symbols = elf.symbols
      .filter((symbol) => symbol.section === section.index && symbol.type === STT.FUNC)
      .sort((a, b) => a.value - b.value);
    let end = 0;
    for (const symbol of symbols) {
      const { name, value, size } = symbol;
      if (value % INSN_SIZE !== 0 || size % INSN_SIZE !== 0 || value + size > section.size || value < end) {
        throw new ElfError(
          elf.file,
          section.offset,
          `section ${section.name}: expected function '${name}' within it and apart from others, found ${value} + ${size}`,
        );
      }
      if (size === 0) continue;
      end = value + size;
      funcs.push({
        name,
        section,
        start: value / INSN_SIZE,
        insns: insns.slice(value / INSN_SIZE, end / INSN_SIZE),
        global: symbol.bind !== STB.LOCAL,
        hidden: symbol.bind !== STB.LOCAL && HIDDEN.has(symbol.visibility),
      });
    }
    // Assembled by hand, without function symbols: the section is one program.
    if (symbols.length === 0 && section.name !== ".text") {
      funcs.push({ name: labelOf(elf, section), section, start: 0, insns, global: true, hidden: false });
    }
  }
  return funcs;
}

function labelOf(elf: Elf, section: ElfSection): string {
  const label = elf.symbols.find(
    (s) => s.section === section.index && s.type === STT.NOTYPE && s.value === 0 && s.bind !== STB.LOCAL,
  );
  return label?.name ?? section.name.replace(/[^A-Za-z0-9_]/g, "_");
}

/** Links programs: puts the subprograms that they call behind them and mends the calls. */
export class Linker {
  readonly #elf: Elf;
  readonly #funcs: readonly Func[];
  readonly #ext: BtfExt | undefined;
  readonly #targets: Targets;
  /** Relocations by section and slot. */
  readonly #relocations = new Map<number, Map<number, ElfRelocation>>();

  constructor(elf: Elf, funcs: readonly Func[], ext: BtfExt | undefined, targets: Targets) {
    this.#elf = elf;
    this.#funcs = funcs;
    this.#ext = ext;
    this.#targets = targets;
  }

  /**
   * Links one program. Subprograms follow in the order in which their calls stand, each before those that it calls
   * in turn: libbpf's order, which shows in the verifier's log.
   */
  link(main: Func): Linked {
    const out: Insn[] = [];
    const refs: Ref[] = [];
    const placed = new Map<Func, number>();
    const place = (func: Func): number => {
      const at = out.length;
      if (at + func.insns.length > MAX_INSNS) {
        throw new ObjectError(
          this.#elf.file,
          `program '${main.name}': expected at most ${MAX_INSNS} instructions`,
        );
      }
      placed.set(func, at);
      for (const insn of func.insns) out.push(insn);
      return at;
    };
    // A list of work in place of recursion: a chain of calls may be as long as the file likes.
    const work: { func: Func; at: number; next: number }[] = [{ func: main, at: place(main), next: 0 }];
    for (let top = work.at(-1); top !== undefined; top = work.at(-1)) {
      const { func, at } = top;
      if (top.next >= func.insns.length) {
        work.pop();
        continue;
      }
      const slot = top.next;
      const insn = func.insns[slot];
      if (insn === undefined) break;
      top.next += isLdImm64(insn) ? 2 : 1;
      const index = at + slot;
      const callee = this.#relocate(func, slot, index, out, refs);
      if (callee === undefined) continue;
      let start = placed.get(callee);
      if (start === undefined) {
        start = place(callee);
        work.push({ func: callee, at: start, next: 0 });
      }
      const linked = out[index];
      if (linked !== undefined) out[index] = { ...linked, imm: start - index - 1 };
    }
    return { insns: out, refs, ...this.#infos(placed) };
  }

  /** Mends one instruction in `out`; gives the function whose place its `imm` needs, if it needs one. */
  #relocate(func: Func, slot: number, index: number, out: Insn[], refs: Ref[]): Func | undefined {
    const insn = out[index];
    if (insn === undefined) return undefined;
    const relocation = this.#at(func.section, func.start + slot);
    if (insn.code === CALL_CODE) return this.#relocateCall(func, slot, index, insn, relocation, out, refs);
    if (relocation === undefined) {
      // A static function's address within its own section needs no relocation.
      if (isLdImm64(insn) && insn.src === PSEUDO.FUNC)
        return this.#funcAt(func, func.section.index, func.start + slot + insn.imm + 1, "function");
      return undefined;
    }
    const { symbol } = relocation;
    const next = out[index + 1];
    if (!isLdImm64(insn) || next === undefined) {
      throw this.#error(
        func,
        slot,
        `expected a 64-bit load or a call at the relocation against '${symbol.name}'`,
      );
    }
    const addend = relocation.addend ?? insn.imm;
    if (symbol.section === SHN.UNDEF) {
      const target = this.#targets.extern(symbol.name);
      if (target === undefined)
        throw this.#error(func, slot, `extern '${symbol.name}' is not declared with BTF`);
      if (target.ref === "map") {
        out[index] = { ...insn, src: PSEUDO.MAP_VALUE, imm: 0 };
        out[index + 1] = { ...next, imm: target.offset };
        refs.push({ insn: index, kind: "map", map: target.map, offset: target.offset });
      } else refs.push({ insn: index, kind: "ksym", extern: target.extern });
      return undefined;
    }
    const section = this.#elf.sections[symbol.section];
    if (section === undefined) {
      throw this.#error(
        func,
        slot,
        `expected '${symbol.name}' in a section, found section index ${symbol.section}`,
      );
    }
    if ((section.flags & SHF.EXECINSTR) !== 0) {
      out[index] = { ...insn, src: PSEUDO.FUNC, imm: 0 };
      out[index + 1] = { ...next, imm: 0 };
      return this.#funcAt(func, section.index, (symbol.value + addend) / INSN_SIZE, symbol.name);
    }
    // A map's own symbol may leave anything in the immediate; against a section the immediate is the offset.
    const found = this.#targets.map(section.index, symbol.value + addend, symbol.name);
    if (found === undefined) {
      throw this.#error(
        func,
        slot,
        `expected a map or variable at '${symbol.name}' + ${addend} in ${section.name}`,
      );
    }
    if (found.offset === undefined) {
      out[index] = { ...insn, src: PSEUDO.MAP_FD, imm: 0 };
      out[index + 1] = { ...next, imm: 0 };
      refs.push({ insn: index, kind: "map", map: found.map });
    } else {
      out[index] = { ...insn, src: PSEUDO.MAP_VALUE, imm: 0 };
      out[index + 1] = { ...next, imm: found.offset };
      refs.push({ insn: index, kind: "map", map: found.map, offset: found.offset });
    }
    return undefined;
  }

  #relocateCall(
    func: Func,
    slot: number,
    index: number,
    insn: Insn,
    relocation: ElfRelocation | undefined,
    out: Insn[],
    refs: Ref[],
  ): Func | undefined {
    if (relocation === undefined) {
      if (insn.src !== CALL.LOCAL) return undefined;
      return this.#funcAt(func, func.section.index, func.start + slot + insn.imm + 1, "a subprogram");
    }
    const { symbol } = relocation;
    if (symbol.section === SHN.UNDEF) {
      const target = this.#targets.extern(symbol.name);
      if (target?.ref !== "kfunc")
        throw this.#error(func, slot, `function '${symbol.name}' is neither defined nor a __ksym`);
      out[index] = { ...insn, src: CALL.KFUNC, imm: 0 };
      refs.push({ insn: index, kind: "ksym", extern: target.extern });
      return undefined;
    }
    if (relocation.type !== R_BPF["64_32"] && relocation.type !== R_BPF["64_64"]) {
      throw this.#error(
        func,
        slot,
        `expected a call relocation against '${symbol.name}', found type ${relocation.type}`,
      );
    }
    if (insn.src !== CALL.LOCAL) out[index] = { ...insn, src: CALL.LOCAL };
    return this.#funcAt(func, symbol.section, symbol.value / INSN_SIZE + insn.imm + 1, symbol.name);
  }

  #funcAt(from: Func, section: number, start: number, name: string): Func {
    const func = this.#funcs.find((f) => f.section.index === section && f.start === start);
    if (func === undefined) {
      throw this.#error(
        from,
        0,
        `expected a function at instruction ${start} of section ${section} for '${name}'`,
      );
    }
    return func;
  }

  #at(section: ElfSection, slot: number): ElfRelocation | undefined {
    let slots = this.#relocations.get(section.index);
    if (slots === undefined) {
      slots = new Map();
      for (const relocation of this.#elf.relocations(section)) {
        if (relocation.offset % INSN_SIZE !== 0 || relocation.offset >= section.size) {
          throw new ElfError(
            this.#elf.file,
            section.offset,
            `section ${section.name}: expected relocations at instructions, found one at offset ${relocation.offset}`,
          );
        }
        slots.set(relocation.offset / INSN_SIZE, relocation);
      }
      this.#relocations.set(section.index, slots);
    }
    return slots.get(slot);
  }

  #error(func: Func, slot: number, message: string): ObjectError {
    return new ObjectError(
      this.#elf.file,
      `program '${func.name}' (section ${func.section.name}), instruction ${slot}: ${message}`,
    );
  }

  /** The records of BTF.ext of all placed functions, with the program's own instruction numbers. */
  #infos(placed: ReadonlyMap<Func, number>): Pick<Linked, "coreRelos" | "funcInfo" | "lineInfo"> {
    const funcInfo: number[] = [];
    const lineInfo: number[] = [];
    const coreRelos: { insn: number; relo: CoreRelo }[] = [];
    for (const [func, at] of placed) {
      const inFunc = <T extends { readonly offset: number }>(
        lists: ReadonlyMap<string, readonly T[]> | undefined,
      ) =>
        (lists?.get(func.section.name) ?? []).flatMap((record) => {
          const slot = record.offset / INSN_SIZE - func.start;
          return slot >= 0 && slot < func.insns.length ? [{ insn: at + slot, record }] : [];
        });
      for (const { insn, record } of inFunc(this.#ext?.funcInfo)) funcInfo.push(insn, record.type);
      for (const { insn, record } of inFunc(this.#ext?.lineInfo)) {
        lineInfo.push(insn, record.fileNameOff, record.lineOff, record.lineCol);
      }
      for (const { insn, record } of inFunc(this.#ext?.coreRelos)) coreRelos.push({ insn, relo: record });
    }
    return { coreRelos, funcInfo: words(funcInfo), lineInfo: words(lineInfo) };
  }
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setUint32(i * 4, value, true);
  });
  return bytes;
}
