import type { Btf } from "../btf/btf.ts";
import type { BtfPatch } from "../btf/patch.ts";
import type { BtfDatasec, BtfType } from "../btf/type.ts";
import { BTF_FUNC, BTF_KIND, BTF_VAR } from "../uapi/btf.ts";
import { type Elf, type ElfSymbol, SHN, STB } from "./elf.ts";
import { type ExternSpec, ObjectError } from "./spec.ts";

/** The symbols that an object leaves undefined, and the size of the `.kconfig` map that holds some of them. */
export interface Externs {
  readonly list: readonly ExternSpec[];
  readonly kconfigSize: number;
}

type Config = NonNullable<ExternSpec["config"]>;

/** Where `struct btf_var_secinfo` starts in a datasec's record, in words, and its words. */
const VARS = 3;

/**
 * Finds the externs of an object and mends its BTF so that a kernel takes it: variables of `.kconfig` get places in
 * that map's value, the entries of `.ksyms` become plain integers (the kernel knows no extern variables).
 */
export function collectExterns(elf: Elf, btf: Btf | undefined, patch: BtfPatch | undefined): Externs {
  const symbols = elf.symbols.filter(
    (symbol) =>
      symbol.section === SHN.UNDEF &&
      (symbol.bind === STB.GLOBAL || symbol.bind === STB.WEAK) &&
      symbol.name !== "",
  );
  if (symbols.length === 0) return { list: [], kconfigSize: 0 };
  if (btf === undefined || patch === undefined) {
    const names = symbols.map((symbol) => symbol.name).join(", ");
    throw new ObjectError(elf.file, `extern ${names}: expected BTF that declares it, found no .BTF section`);
  }
  const datasecs = ["kconfig", "ksyms"].map((kind) => btf.type(btf.find("datasec", `.${kind}`)));
  const found = symbols.map((symbol) => findExtern(elf, btf, datasecs, symbol));
  const { list, size } = placeConfigs(found);
  for (const datasec of datasecs) {
    if (datasec.kind !== "datasec") continue;
    if (datasec.name === ".kconfig") mendKconfig(btf, patch, datasec, list, size);
    else mendKsyms(btf, patch, datasec);
  }
  return { list, kconfigSize: size };
}

function findExtern(elf: Elf, btf: Btf, datasecs: readonly BtfType[], symbol: ElfSymbol): ExternSpec {
  const weak = symbol.bind === STB.WEAK;
  for (const datasec of datasecs) {
    if (datasec.kind !== "datasec") continue;
    for (const { type } of datasec.vars) {
      const entry = btf.type(type);
      if (entry.name !== symbol.name) continue;
      if (entry.kind === "func") return { name: entry.name, weak, kind: "kfunc", typeId: entry.id };
      if (entry.kind !== "var") continue;
      if (datasec.name === ".ksyms") return { name: entry.name, weak, kind: "ksym", typeId: entry.type };
      const config = configFormat(btf, entry.type);
      if (config === undefined) {
        throw new ObjectError(
          elf.file,
          `extern (kcfg) '${symbol.name}': expected a bool, char, integer, enum libbpf_tristate or char array`,
        );
      }
      return {
        name: entry.name,
        weak,
        kind: "kconfig",
        typeId: entry.type,
        config: { ...config, offset: 0 },
      };
    }
  }
  throw new ObjectError(
    elf.file,
    `failed to find BTF for extern '${symbol.name}': declare it with __ksym or __kconfig, or define it`,
  );
}

function configFormat(btf: Btf, typeId: number): Omit<Config, "offset"> | undefined {
  const type = btf.resolve(typeId);
  switch (type.kind) {
    case "int": {
      const { size, signed } = type;
      if (type.bool) return size === 1 ? { format: "bool", size, signed } : undefined;
      // clang calls `char` a signed integer of one byte, not a character.
      if (size === 1) return { format: "char", size, signed };
      return size <= 8 ? { format: "int", size, signed } : undefined;
    }
    case "enum":
    case "enum64":
      if (type.name !== "libbpf_tristate") return undefined;
      return { format: "tristate", size: type.size, signed: false };
    case "array": {
      const element = configFormat(btf, type.type);
      if (element?.format !== "char" || type.nelems === 0) return undefined;
      return { format: "string", size: type.nelems, signed: false };
    }
    default:
      return undefined;
  }
}

/** Gives each configuration extern its place: the largest alignment first, then the largest, then by name. */
function placeConfigs(externs: readonly ExternSpec[]): { list: ExternSpec[]; size: number } {
  const align = (config: Config): number => (config.format === "string" ? 1 : config.size);
  const order = externs
    .flatMap(({ name, config }) => (config === undefined ? [] : [{ name, config }]))
    .sort(
      (a, b) =>
        align(b.config) - align(a.config) || b.config.size - a.config.size || (a.name < b.name ? -1 : 1),
    );
  const places = new Map<string, number>();
  let size = 0;
  for (const { name, config } of order) {
    const step = align(config);
    const offset = Math.ceil(size / step) * step;
    places.set(name, offset);
    size = offset + config.size;
  }
  const list = externs.map((ext) =>
    ext.config === undefined ? ext : { ...ext, config: { ...ext.config, offset: places.get(ext.name) ?? 0 } },
  );
  return { list, size };
}

function mendKconfig(
  btf: Btf,
  patch: BtfPatch,
  datasec: BtfDatasec,
  externs: readonly ExternSpec[],
  size: number,
): void {
  patch.set(datasec.id, 2, size);
  const vars = datasec.vars.map((info) => {
    const variable = btf.type(info.type);
    const ext = externs.find(({ name, kind }) => kind === "kconfig" && name === variable.name);
    if (variable.kind === "var") patch.set(variable.id, 3, BTF_VAR.GLOBAL_ALLOCATED);
    return { ...info, offset: ext?.config?.offset ?? 0 };
  });
  vars.sort((a, b) => a.offset - b.offset);
  vars.forEach((info, i) => {
    patch.set(datasec.id, VARS + i * 3, info.type);
    patch.set(datasec.id, VARS + i * 3 + 1, info.offset);
    patch.set(datasec.id, VARS + i * 3 + 2, info.size);
  });
}

function mendKsyms(btf: Btf, patch: BtfPatch, datasec: BtfDatasec): void {
  const int = findInt(btf) ?? patch.addType([patch.addString("int"), BTF_KIND.INT << 24, 4, 0x01000020]);
  let dummy: { id: number; name: number } | undefined;
  const dummyVar = (): { id: number; name: number } => {
    if (dummy === undefined) {
      const name = patch.addString("dummy_ksym");
      dummy = { name, id: patch.addType([name, BTF_KIND.VAR << 24, int, BTF_VAR.GLOBAL_ALLOCATED]) };
    }
    return dummy;
  };
  datasec.vars.forEach((info, i) => {
    const entry = btf.type(info.type);
    if (entry.kind === "func") {
      const { id, name } = dummyVar();
      patch.set(datasec.id, VARS + i * 3, id);
      patch.set(entry.id, 1, (BTF_KIND.FUNC << 24) | BTF_FUNC.GLOBAL);
      // The kernel wants a name for every parameter of a function that is defined.
      const proto = btf.type(entry.type);
      if (proto.kind === "func_proto") {
        proto.params.forEach((param, p) => {
          if (param.type !== 0 && param.name === "") patch.set(proto.id, 3 + p * 2, name);
        });
      }
    } else if (entry.kind === "var") {
      patch.set(entry.id, 2, int);
      patch.set(entry.id, 3, BTF_VAR.GLOBAL_ALLOCATED);
    }
    patch.set(datasec.id, VARS + i * 3 + 1, i * 4);
    patch.set(datasec.id, VARS + i * 3 + 2, 4);
  });
  patch.set(datasec.id, 2, datasec.vars.length * 4);
}

function findInt(btf: Btf): number | undefined {
  for (const type of btf.types()) {
    if (type.kind === "int" && type.size === 4 && type.bits === 32) return type.id;
  }
  return undefined;
}

/** What a loader knows of the kernel that it loads into. */
export interface KernelConfig {
  /** LINUX_KERNEL_VERSION: `major << 16 | minor << 8 | patch`. */
  readonly kernelVersion: number;
  /** The lines of the kernel's configuration by name: `CONFIG_HZ: "250"`, `CONFIG_BPF: "y"`, `CONFIG_X: "\"text\""`. */
  readonly kconfig?: Readonly<Record<string, string>>;
}

/** The contents of the `.kconfig` map. Throws ObjectError for what is missing (unless weak) or does not fit. */
export function kconfigBytes(
  file: string,
  externs: Externs["list"],
  size: number,
  kernel: KernelConfig,
): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const { name, weak, config } of externs) {
    if (config === undefined) continue;
    const text = VIRTUAL[name]?.(kernel) ?? kernel.kconfig?.[name];
    if (text === undefined) {
      if (weak) continue;
      throw new ObjectError(
        file,
        `extern (kcfg) '${name}' is not set in the kernel configuration given, and not weak`,
      );
    }
    const refuse = (expected: string): never => {
      throw new ObjectError(file, `extern (kcfg) '${name}': expected ${expected}, found ${text}`);
    };
    if (config.format === "string") {
      const raw = new TextEncoder().encode(/^"(.*)"$/.exec(text)?.[1] ?? refuse("a text in quotes"));
      // As much as fits, with a zero byte after it.
      bytes.set(raw.subarray(0, config.size - 1), config.offset);
      continue;
    }
    const tristate = { n: 0, y: 1, m: 2 }[text];
    let value: bigint;
    if (tristate !== undefined) {
      if (config.format === "int") return refuse("a number");
      if (config.format === "char") {
        bytes[config.offset] = text.charCodeAt(0);
        continue;
      }
      if (config.format === "bool" && text === "m") return refuse("y or n");
      value = BigInt(tristate);
    } else {
      if (!/^-?(0x[0-9a-fA-F]+|\d+)$/.test(text)) return refuse("a number");
      value = text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
      const bits = config.size * 8;
      const cut = config.signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
      if (cut !== value || (config.format === "bool" && value > 1n))
        return refuse(`a value of ${config.size} bytes`);
      if (config.format === "tristate") return refuse("y, m or n");
    }
    for (let i = 0; i < config.size; i++)
      view.setUint8(config.offset + i, Number((value >> BigInt(8 * i)) & 0xffn));
  }
  return bytes;
}

/** The externs that are no lines of a configuration file. */
const VIRTUAL: Readonly<Record<string, (kernel: KernelConfig) => string>> = {
  LINUX_KERNEL_VERSION: (kernel) => String(kernel.kernelVersion),
  LINUX_HAS_BPF_COOKIE: () => "1",
  LINUX_HAS_SYSCALL_WRAPPER: () => "1",
};
