import { BTF_HEADER_SIZE, BTF_INT, BTF_KIND, BTF_MAGIC, BTF_MAX_TYPE, BTF_VERSION } from "../uapi/btf.ts";
import { printable } from "./printable.ts";
import { type BtfKind, type BtfMember, type BtfType, isModifier, KIND_NAMES } from "./type.ts";

/** Bytes that are not the BTF that they should be. */
export class BtfError extends Error {
  /** Where in the bytes, from their start. */
  readonly offset: number;
  constructor(name: string, offset: number, message: string) {
    super(printable(`${name}: offset ${offset}: ${message}`));
    this.name = "BtfError";
    this.offset = offset;
  }
}

/** What `Btf.parse` may be told. */
export interface BtfOptions {
  /** The BTF that this one continues (split BTF): its ids and strings come first. */
  readonly base?: Btf;
  /** What to call the bytes in messages ("BTF" if not given), e.g. `x.bpf.o: .BTF`. */
  readonly name?: string;
}

/** The longest chain of modifiers or array dimensions that Linux and libbpf follow. */
const MAX_RESOLVE_DEPTH = 32;

/**
 * The bytes that follow the 12 of `struct btf_type`, by kind: some once, some for each of vlen.
 */
const TAIL_ONCE: Readonly<Record<number, number>> = {
  [BTF_KIND.INT]: 4,
  [BTF_KIND.ARRAY]: 12,
  [BTF_KIND.VAR]: 4,
  [BTF_KIND.DECL_TAG]: 4,
};
const TAIL_EACH: Readonly<Record<number, number>> = {
  [BTF_KIND.STRUCT]: 12,
  [BTF_KIND.UNION]: 12,
  [BTF_KIND.ENUM]: 8,
  [BTF_KIND.FUNC_PROTO]: 8,
  [BTF_KIND.DATASEC]: 12,
  [BTF_KIND.ENUM64]: 12,
};
const LINKAGES = ["static", "global", "extern"] as const;
const utf8 = new TextDecoder();

/**
 * The types of a program, map or kernel: what `.BTF` holds and BPF_BTF_LOAD takes. Little endian only.
 *
 * Parsing checks that everything lies inside the bytes and that type ids and names exist; whether the types make
 * sense (sizes, loops, names) is `checkBtf`'s question. Types are decoded when asked for, so that the kernel's own
 * BTF of some 150,000 types is cheap to open.
 */
export class Btf {
  /** The raw bytes, header included, as BPF_BTF_LOAD takes them. Not a copy. */
  readonly bytes: Uint8Array;
  /** The BTF that this one continues, if it is a split one. */
  readonly base: Btf | undefined;
  /** One more than the highest type id; ids from 1 (0 is void). */
  readonly typeCount: number;
  /** The lowest id that this BTF itself defines: 1, or the base's typeCount. */
  readonly firstId: number;
  /** What messages call it. */
  readonly name: string;

  readonly #view: DataView;
  readonly #offsets: Uint32Array;
  readonly #strings: Uint8Array;
  readonly #stringsBase: number;
  readonly #types: (BtfType | undefined)[] = [];
  readonly #texts = new Map<number, string>();
  #index: Map<string, number[]> | undefined;

  private constructor(bytes: Uint8Array, offsets: Uint32Array, strings: Uint8Array, options: BtfOptions) {
    this.bytes = bytes;
    this.base = options.base;
    this.name = options.name ?? "BTF";
    this.firstId = options.base?.typeCount ?? 1;
    this.typeCount = this.firstId + offsets.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offsets = offsets;
    this.#strings = strings;
    this.#stringsBase = options.base?.stringsEnd ?? 0;
  }

  /** Reads BTF. The bytes are kept, not copied: they must not change. Throws BtfError. */
  static parse(bytes: Uint8Array, options: BtfOptions = {}): Btf {
    const name = options.name ?? "BTF";
    const fail = (offset: number, message: string): never => {
      throw new BtfError(name, offset, message);
    };
    if (bytes.length < BTF_HEADER_SIZE) {
      fail(0, `expected a BTF header of ${BTF_HEADER_SIZE} bytes, found ${bytes.length} bytes in all`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const magic = view.getUint16(0, true);
    if (magic === 0x9feb) fail(0, "expected little-endian BTF, found big-endian BTF, which is not supported");
    if (magic !== BTF_MAGIC) fail(0, `expected magic 0xeb9f, found 0x${magic.toString(16)}`);
    const version = view.getUint8(2);
    if (version !== BTF_VERSION) fail(2, `expected BTF version ${BTF_VERSION}, found ${version}`);
    const hdrLen = view.getUint32(4, true);
    if (hdrLen < BTF_HEADER_SIZE || hdrLen > bytes.length) {
      fail(4, `expected a header length of ${BTF_HEADER_SIZE} to ${bytes.length}, found ${hdrLen}`);
    }
    const room = bytes.length - hdrLen;
    const [typeOff, typeLen, strOff, strLen] = [8, 12, 16, 20].map((at) => view.getUint32(at, true)) as [
      number,
      number,
      number,
      number,
    ];
    if (typeOff + typeLen > room) {
      fail(8, `expected the type section to end within ${room} bytes, found ${typeOff} + ${typeLen}`);
    }
    if (typeOff % 4 !== 0) fail(8, `expected a type section at a multiple of 4, found ${typeOff}`);
    if (strOff + strLen > room) {
      fail(16, `expected the string section to end within ${room} bytes, found ${strOff} + ${strLen}`);
    }
    const strAt = hdrLen + strOff;
    const strings = bytes.subarray(strAt, strAt + strLen);
    if (strLen === 0 && options.base === undefined) fail(20, "expected a string section, found none");
    if (strLen > 0 && strings[strLen - 1] !== 0) {
      fail(strAt + strLen - 1, "expected the string section to end in a zero byte");
    }
    if (strLen > 0 && options.base === undefined && strings[0] !== 0) {
      fail(strAt, "expected the string section to start with an empty string");
    }

    const at = hdrLen + typeOff;
    const offsets = scanTypes(view, at, at + typeLen, fail);
    const btf = new Btf(bytes, offsets, strings, options);
    if (btf.typeCount - 1 > BTF_MAX_TYPE) fail(at, `expected at most ${BTF_MAX_TYPE} types`);
    btf.#checkReferences(fail);
    return btf;
  }

  /** The bytes of all strings, base's included: names are offsets below it. */
  get stringsEnd(): number {
    return this.#stringsBase + this.#strings.length;
  }

  /** The string at an offset of the string section (base's strings first). Throws BtfError out of it. */
  string(offset: number): string {
    if (offset < this.#stringsBase && this.base !== undefined) return this.base.string(offset);
    const known = this.#texts.get(offset);
    if (known !== undefined) return known;
    const start = offset - this.#stringsBase;
    if (start >= this.#strings.length && offset !== 0) {
      throw new BtfError(
        this.name,
        offset,
        `expected a string offset below ${this.stringsEnd}, found ${offset}`,
      );
    }
    const end = this.#strings.indexOf(0, start);
    const text = utf8.decode(this.#strings.subarray(start, Math.max(end, start)));
    this.#texts.set(offset, text);
    return text;
  }

  /** True if there is a type of this id (0, void, included). */
  has(id: number): boolean {
    return id >= 0 && id < this.typeCount;
  }

  /** The type of an id; void for 0. Throws BtfError if there is none. */
  type(id: number): BtfType {
    if (id === 0) return VOID;
    if (id < this.firstId && id > 0 && this.base !== undefined) return this.base.type(id);
    const known = this.#types[id - this.firstId];
    if (known !== undefined) return known;
    const at = this.#offsets[id - this.firstId];
    if (at === undefined) {
      throw new BtfError(this.name, 0, `expected a type id of 0 to ${this.typeCount - 1}, found ${id}`);
    }
    const type = this.#decode(id, at);
    this.#types[id - this.firstId] = type;
    return type;
  }

  /** Where the record of a type (`struct btf_type`) starts in `bytes`; undefined for void and the base's types. */
  recordOffset(id: number): number | undefined {
    return this.#offsets[id - this.firstId];
  }

  /** All types in the order of their ids, void and base's excluded. */
  *types(): Generator<BtfType> {
    for (let id = this.firstId; id < this.typeCount; id++) yield this.type(id);
  }

  /**
   * The type behind typedefs, const, volatile, restrict and type tags. Throws BtfError on a chain of more than 32,
   * which is a loop.
   */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let depth = 0; isModifier(type); depth++) {
      if (depth === MAX_RESOLVE_DEPTH) {
        throw new BtfError(this.name, 0, `expected an end of the modifiers of type ${id}, found a loop`);
      }
      type = this.type(type.type);
    }
    return type;
  }

  /** The bytes of a value of this type. Throws BtfError for types without a size (void, functions, forwards). */
  size(id: number): number {
    let count = 1;
    let type = this.resolve(id);
    for (let depth = 0; type.kind === "array" || type.kind === "var"; depth++) {
      if (depth === MAX_RESOLVE_DEPTH) {
        throw new BtfError(this.name, 0, `expected an element type of type ${id}, found a loop`);
      }
      if (type.kind === "array") count *= type.nelems;
      type = this.resolve(type.type);
    }
    if (type.kind === "ptr") return count * 8;
    if ("size" in type) return count * type.size;
    throw new BtfError(this.name, 0, `expected a type with a size, found ${describe(type)} (type ${id})`);
  }

  /** The id of the first type of this kind and name, or 0. */
  find(kind: BtfKind, name: string): number {
    return this.findAll(kind, name)[0] ?? 0;
  }

  /** The ids of all types of this kind and name, base's first. */
  findAll(kind: BtfKind, name: string): readonly number[] {
    if (this.#index === undefined) {
      this.#index = new Map();
      for (let i = 0; i < this.#offsets.length; i++) {
        const at = this.#offsets[i] ?? 0;
        const nameOff = this.#view.getUint32(at, true);
        if (nameOff === 0) continue;
        const key = `${KIND_NAMES[kindOf(this.#view.getUint32(at + 4, true))]} ${this.string(nameOff)}`;
        const ids = this.#index.get(key);
        if (ids === undefined) this.#index.set(key, [this.firstId + i]);
        else ids.push(this.firstId + i);
      }
    }
    const own = this.#index.get(`${kind} ${name}`) ?? [];
    return this.base === undefined ? own : [...this.base.findAll(kind, name), ...own];
  }

  /** Every name and type id that the records hold must exist, so that `type` and `string` never throw for them. */
  #checkReferences(fail: (offset: number, message: string) => never): void {
    const view = this.#view;
    const strings = this.stringsEnd;
    const name = (at: number): void => {
      const offset = view.getUint32(at, true);
      if (offset >= strings && offset !== 0)
        fail(at, `expected a name offset below ${strings}, found ${offset}`);
    };
    const type = (at: number): void => {
      const id = view.getUint32(at, true);
      if (id >= this.typeCount) fail(at, `expected a type id below ${this.typeCount}, found ${id}`);
    };
    for (const at of this.#offsets) {
      name(at);
      const info = view.getUint32(at + 4, true);
      const kind = kindOf(info);
      if (REFERS.has(kind)) type(at + 8);
      if (kind === BTF_KIND.ARRAY) {
        type(at + 12);
        type(at + 16);
      }
      const each = TAIL_EACH[kind];
      if (each === undefined) continue;
      for (let i = 0, tail = at + 12; i < (info & 0xffff); i++, tail += each) {
        if (kind === BTF_KIND.DATASEC) type(tail);
        else {
          name(tail);
          if (kind !== BTF_KIND.ENUM && kind !== BTF_KIND.ENUM64) type(tail + 4);
        }
      }
    }
  }

  #decode(id: number, at: number): BtfType {
    const view = this.#view;
    const u32 = (offset: number): number => view.getUint32(offset, true);
    const name = this.string(u32(at));
    const info = u32(at + 4);
    const kind = KIND_NAMES[kindOf(info)] ?? "void";
    const vlen = info & 0xffff;
    const kindFlag = info >>> 31 === 1;
    const word = u32(at + 8);
    const tail = at + 12;
    switch (kind) {
      case "void":
        return VOID;
      case "int": {
        const data = u32(tail);
        const encoding = (data >>> 24) & 0xf;
        return {
          kind,
          id,
          name,
          size: word,
          signed: (encoding & BTF_INT.SIGNED) !== 0,
          char: (encoding & BTF_INT.CHAR) !== 0,
          bool: (encoding & BTF_INT.BOOL) !== 0,
          bits: data & 0xff,
          bitOffset: (data >>> 16) & 0xff,
        };
      }
      case "ptr":
        return { kind, id, name, type: word };
      case "array":
        return { kind, id, name, type: u32(tail), indexType: u32(tail + 4), nelems: u32(tail + 8) };
      case "struct":
      case "union": {
        const members: BtfMember[] = list(vlen, (i) => {
          const offset = u32(tail + 12 * i + 8);
          return {
            name: this.string(u32(tail + 12 * i)),
            type: u32(tail + 12 * i + 4),
            bitOffset: kindFlag ? offset & 0xffffff : offset,
            bitSize: kindFlag ? offset >>> 24 : 0,
          };
        });
        return { kind, id, name, size: word, members, kindFlag };
      }
      case "enum": {
        const values = list(vlen, (i) => ({
          name: this.string(u32(tail + 8 * i)),
          value: kindFlag ? view.getInt32(tail + 8 * i + 4, true) : u32(tail + 8 * i + 4),
        }));
        return { kind, id, name, size: word, signed: kindFlag, values };
      }
      case "enum64": {
        const values = list(vlen, (i) => {
          const bits = BigInt(u32(tail + 12 * i + 4)) | (BigInt(u32(tail + 12 * i + 8)) << 32n);
          return { name: this.string(u32(tail + 12 * i)), value: kindFlag ? BigInt.asIntN(64, bits) : bits };
        });
        return { kind, id, name, size: word, signed: kindFlag, values };
      }
      case "fwd":
        return { kind, id, name, union: kindFlag };
      case "typedef":
      case "volatile":
      case "const":
      case "restrict":
      case "type_tag":
        return { kind, id, name, type: word, kindFlag };
      case "func":
        return { kind, id, name, type: word, linkage: LINKAGES[vlen] ?? vlen };
      case "func_proto": {
        const params = list(vlen, (i) => ({
          name: this.string(u32(tail + 8 * i)),
          type: u32(tail + 8 * i + 4),
        }));
        return { kind, id, name, type: word, params };
      }
      case "var":
        return { kind, id, name, type: word, linkage: LINKAGES[u32(tail)] ?? u32(tail) };
      case "datasec": {
        const vars = list(vlen, (i) => ({
          type: u32(tail + 12 * i),
          offset: u32(tail + 12 * i + 4),
          size: u32(tail + 12 * i + 8),
        }));
        return { kind, id, name, size: word, vars };
      }
      case "float":
        return { kind, id, name, size: word };
      case "decl_tag":
        return { kind, id, name, type: word, componentIndex: view.getInt32(tail, true) };
    }
  }
}

const VOID: BtfType = { kind: "void", id: 0, name: "" };

/** The kinds whose third word is a type id. */
const REFERS: ReadonlySet<number> = new Set([
  BTF_KIND.PTR,
  BTF_KIND.TYPEDEF,
  BTF_KIND.VOLATILE,
  BTF_KIND.CONST,
  BTF_KIND.RESTRICT,
  BTF_KIND.FUNC,
  BTF_KIND.FUNC_PROTO,
  BTF_KIND.VAR,
  BTF_KIND.DECL_TAG,
  BTF_KIND.TYPE_TAG,
]);

function kindOf(info: number): number {
  return (info >>> 24) & 0x1f;
}

function list<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

/** Where each type starts; fails at the first record that does not fit. */
function scanTypes(
  view: DataView,
  start: number,
  end: number,
  fail: (offset: number, message: string) => never,
): Uint32Array {
  const offsets: number[] = [];
  let at = start;
  while (at < end) {
    if (at + 12 > end) fail(at, `expected a type of 12 bytes or more, found ${end - at} bytes`);
    const info = view.getUint32(at + 4, true);
    const kind = kindOf(info);
    if (kind === 0 || kind >= KIND_NAMES.length)
      fail(at + 4, `expected a BTF kind of 1 to 19, found ${kind}`);
    const size = 12 + (TAIL_ONCE[kind] ?? 0) + (TAIL_EACH[kind] ?? 0) * (info & 0xffff);
    if (at + size > end) {
      fail(
        at,
        `expected ${size} bytes of type ${offsets.length + 1} (${KIND_NAMES[kind]}), found ${end - at}`,
      );
    }
    offsets.push(at);
    at += size;
  }
  return Uint32Array.from(offsets);
}

/** A type in a few words for messages: `struct foo`, `anonymous union`, `void`. */
export function describe(type: BtfType): string {
  if (type.kind === "void") return "void";
  return type.name === "" ? `anonymous ${type.kind}` : `${type.kind} ${type.name}`;
}
