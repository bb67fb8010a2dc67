import { Bytes } from "./bytes.ts";
import type { Code } from "./code.ts";
import { VALTYPE, type ValType } from "./opcode.ts";

/** A function type. */
export interface FuncType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  export: 7,
  element: 9,
  code: 10,
} as const;

const KIND = { func: 0, table: 1, memory: 2 } as const;
const FUNCREF = 0x70;

interface Import {
  readonly module: string;
  readonly name: string;
  readonly description: Uint8Array;
}

/**
 * A WebAssembly module being put together (core specification 5.5): imports first, then functions, then `finish`.
 * Functions are numbered imports first, in the order of calls. Equal types are shared, and everything is written in
 * the order of calls, so equal input gives equal bytes.
 */
export class ModuleBuilder {
  readonly #types: Uint8Array[] = [];
  readonly #typeIndex = new Map<string, number>();
  readonly #imports: Import[] = [];
  readonly #functions: { readonly type: number; body: Uint8Array | undefined }[] = [];
  readonly #exports: { readonly name: string; readonly func: number }[] = [];
  readonly #names: string[] = [];
  #importedFuncs = 0;
  #importedTables = 0;
  #privateTable: readonly number[] | undefined;

  /** The index of a type, added if new. */
  type(type: FuncType): number {
    const key = `${type.params.join()}:${type.results.join()}`;
    const known = this.#typeIndex.get(key);
    if (known !== undefined) return known;
    const out = new Bytes(16);
    out.byte(0x60);
    for (const list of [type.params, type.results]) {
      out.u32(list.length);
      for (const t of list) out.byte(VALTYPE[t]);
    }
    this.#typeIndex.set(key, this.#types.length);
    return this.#types.push(out.take()) - 1;
  }

  importMemory(module: string, name: string, shared: boolean): void {
    const out = new Bytes(8);
    out.byte(KIND.memory);
    // A shared memory's import has to state a maximum: the most that 32 bits address.
    out.byte(shared ? 3 : 0);
    out.u32(0);
    if (shared) out.u32(65536);
    this.#imports.push({ module, name, description: out.take() });
  }

  /** Imports a table of functions; returns its index. */
  importTable(module: string, name: string): number {
    const out = new Bytes(8);
    out.raw(Uint8Array.of(KIND.table, FUNCREF, 0));
    out.u32(0);
    this.#imports.push({ module, name, description: out.take() });
    return this.#importedTables++;
  }

  /** Imports a function; returns its index. All imports come before the first `addFunction`. */
  importFunction(module: string, name: string, type: FuncType): number {
    if (this.#functions.length > 0)
      throw new RangeError("imported functions are numbered before the module's own");
    const out = new Bytes(8);
    out.byte(KIND.func);
    out.u32(this.type(type));
    this.#imports.push({ module, name, description: out.take() });
    this.#names.push(name);
    return this.#importedFuncs++;
  }

  /** Declares a function; returns its index. Its body follows with `define`. `name` is for debuggers and profilers. */
  declare(type: FuncType, name: string): number {
    this.#functions.push({ type: this.type(type), body: undefined });
    this.#names.push(name);
    return this.#importedFuncs + this.#functions.length - 1;
  }

  /** Gives a declared function its body; returns the body's size in bytes. */
  define(func: number, code: Code): number {
    const entry = this.#functions[func - this.#importedFuncs];
    if (entry === undefined) throw new RangeError(`function ${func} is not declared`);
    entry.body = code.finish();
    return entry.body.length;
  }

  export(name: string, func: number): void {
    this.#exports.push({ name, func });
  }

  /** Gives the module a table of its own with these functions from index 0; returns its table index. */
  table(funcs: readonly number[]): number {
    this.#privateTable = funcs;
    return this.#importedTables;
  }

  /** The module. `name` goes into the name section. */
  finish(name: string): Uint8Array<ArrayBuffer> {
    const out = new Bytes(4096);
    out.raw(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00));
    section(out, SECTION.type, this.#types, (w, t) => w.raw(t));
    section(out, SECTION.import, this.#imports, (w, i) => {
      w.name(i.module);
      w.name(i.name);
      w.raw(i.description);
    });
    section(out, SECTION.function, this.#functions, (w, f) => w.u32(f.type));
    const table = this.#privateTable;
    if (table !== undefined) {
      section(out, SECTION.table, [table], (w, t) => {
        w.raw(Uint8Array.of(FUNCREF, 1));
        w.u32(t.length);
        w.u32(t.length);
      });
    }
    section(out, SECTION.export, this.#exports, (w, e) => {
      w.name(e.name);
      w.byte(KIND.func);
      w.u32(e.func);
    });
    if (table !== undefined) section(out, SECTION.element, [table], (w, t) => this.#elements(w, t));
    section(out, SECTION.code, this.#functions, (w, f) => {
      if (f.body === undefined) throw new RangeError("a declared function has no body");
      w.raw(f.body);
    });
    this.#nameSection(out, name);
    return out.take();
  }

  #elements(w: Bytes, funcs: readonly number[]): void {
    // Kind 2: active, with a table index and an element kind (0: functions).
    w.u32(2);
    w.u32(this.#importedTables);
    w.raw(Uint8Array.of(0x41, 0, 0x0b, 0));
    w.u32(funcs.length);
    for (const f of funcs) w.u32(f);
  }

  #nameSection(out: Bytes, moduleName: string): void {
    const body = new Bytes();
    body.name("name");
    const module = new Bytes();
    module.name(moduleName);
    body.byte(0);
    body.u32(module.length);
    body.raw(module.view());
    const funcs = new Bytes();
    funcs.u32(this.#names.length);
    this.#names.forEach((n, i) => {
      funcs.u32(i);
      funcs.name(n);
    });
    body.byte(1);
    body.u32(funcs.length);
    body.raw(funcs.view());
    out.byte(SECTION.custom);
    out.u32(body.length);
    out.raw(body.view());
  }
}

/** A section that is a vector; left out if it has no items. */
function section<T>(out: Bytes, id: number, items: readonly T[], write: (w: Bytes, item: T) => void): void {
  if (items.length === 0) return;
  const body = new Bytes(1024);
  body.u32(items.length);
  for (const item of items) write(body, item);
  out.byte(id);
  out.u32(body.length);
  out.raw(body.view());
}
