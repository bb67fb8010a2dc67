import { BTF_KIND } from "../uapi/btf.ts";

/** The kinds as the kernel's log writes them, by number. */
const KIND_TEXT = [
  "UNKN",
  "INT",
  "PTR",
  "ARRAY",
  "STRUCT",
  "UNION",
  "ENUM",
  "FWD",
  "TYPEDEF",
  "VOLATILE",
  "CONST",
  "RESTRICT",
  "FUNC",
  "FUNC_PROTO",
  "VAR",
  "DATASEC",
  "FLOAT",
  "DECL_TAG",
  "TYPE_TAG",
  "ENUM64",
] as const;

/** A type record as its words stand in the bytes: what the kernel's check looks at. */
export interface RawType {
  readonly id: number;
  /** Where the record starts. */
  readonly at: number;
  readonly nameOff: number;
  readonly info: number;
  readonly kind: number;
  readonly vlen: number;
  readonly kflag: boolean;
  /** The third word: a size or a type id. */
  readonly word: number;
}

/** A refusal: what ends the check. */
export class BtfRefusal extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super("BTF refused");
    this.errno = errno;
  }
}

/** The bytes under check, and the log that tells of it in the words of Linux 6.18. */
export class BtfChecker {
  readonly view: DataView;
  /** Where the string section lies. */
  strings: { start: number; length: number } = { start: 0, length: 0 };
  readonly types: RawType[] = [];
  /** In the second phase members are named together with their type. */
  resolving = false;
  readonly #bytes: Uint8Array;
  readonly #lines: string[] | undefined;

  constructor(bytes: Uint8Array, logged: boolean) {
    this.#bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#lines = logged ? [] : undefined;
  }

  /** The log so far. */
  get log(): string {
    return this.#lines?.join("") ?? "";
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  i32(at: number): number {
    return this.view.getInt32(at, true);
  }

  /** Adds a line. Lines are made by a function, for most checks want no log. */
  say(line: () => string): void {
    this.#lines?.push(`${line()}\n`);
  }

  /** Ends the check with a line and an errno. */
  refuse(errno: number, line: () => string): never {
    this.say(line);
    throw new BtfRefusal(errno);
  }

  /** Ends the check with a message that the kernel ends without a newline. */
  refuseBare(errno: number, message: string): never {
    this.#lines?.push(message);
    throw new BtfRefusal(errno);
  }

  /** The bytes of a name up to its zero byte, or undefined if the offset is out of the strings. */
  nameBytes(offset: number): Uint8Array | undefined {
    if (offset >= this.strings.length) return undefined;
    const start = this.strings.start + offset;
    return this.#bytes.subarray(start, this.#bytes.indexOf(0, start));
  }

  /** A name for the log. */
  name(offset: number): string {
    if (offset === 0) return "(anon)";
    const bytes = this.nameBytes(offset);
    return bytes === undefined ? "(invalid-name-offset)" : new TextDecoder("latin1").decode(bytes);
  }

  /** `[id] KIND name`, without what the kind adds. */
  basic(type: RawType): string {
    return `[${type.id}] ${KIND_TEXT[type.kind] ?? "UNKN"} ${this.name(type.nameOff)}`;
  }

  /** A type's whole line, and a message after it. */
  line(type: RawType, message?: string): string {
    const rest = this.#details(type);
    return `${this.basic(type)}${rest === "" ? "" : ` ${rest}`}${message === undefined ? "" : ` ${message}`}`;
  }

  /** Refuses a type with its whole line. */
  refuseType(errno: number, type: RawType, message: string): never {
    return this.refuse(errno, () => this.line(type, message));
  }

  /** The line of a struct's member, and a message after it; `typeId` in place of the type that the record names. */
  member(type: RawType, index: number, message?: string, typeId?: number): string {
    const at = type.at + 12 + 12 * index;
    const id = typeId ?? this.u32(at + 4);
    const offset = this.u32(at + 8);
    const place = type.kflag
      ? `bitfield_size=${offset >>> 24} bits_offset=${offset & 0xffffff}`
      : `bits_offset=${offset}`;
    return this.#part(type, `\t${this.name(this.u32(at))} type_id=${id} ${place}`, message);
  }

  /** The line of a section's variable, and a message after it. */
  secinfo(type: RawType, index: number, message?: string): string {
    const at = type.at + 12 + 12 * index;
    const text = `\t type_id=${this.u32(at)} offset=${this.u32(at + 4)} size=${this.u32(at + 8)}`;
    return this.#part(type, text, message);
  }

  #part(type: RawType, text: string, message: string | undefined): string {
    const line = message === undefined ? text : `${text} ${message}`;
    return this.resolving ? `${this.line(type)}\n${line}` : line;
  }

  #details(type: RawType): string {
    const tail = type.at + 12;
    switch (type.kind) {
      case BTF_KIND.INT: {
        const data = this.u32(tail);
        const encoding = (data >>> 24) & 0xf;
        const text = { 0: "(none)", 1: "SIGNED", 2: "CHAR", 4: "BOOL" }[encoding] ?? "UNKN";
        return `size=${type.word} bits_offset=${(data >>> 16) & 0xff} nr_bits=${data & 0xff} encoding=${text}`;
      }
      case BTF_KIND.ARRAY:
        return `type_id=${this.u32(tail)} index_type_id=${this.u32(tail + 4)} nr_elems=${this.u32(tail + 8)}`;
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
      case BTF_KIND.DATASEC:
        return `size=${type.word} vlen=${type.vlen}`;
      case BTF_KIND.FWD:
        return type.kflag ? "union" : "struct";
      case BTF_KIND.FUNC_PROTO:
        return `return=${type.word} args=(${this.#args(type)})`;
      case BTF_KIND.VAR:
        return `type_id=${type.word} linkage=${this.u32(tail)}`;
      case BTF_KIND.FLOAT:
        return `size=${type.word}`;
      case BTF_KIND.DECL_TAG:
        return `type=${type.word} component_idx=${this.i32(tail)}`;
      default:
        return `type_id=${type.word}`;
    }
  }

  #args(type: RawType): string {
    if (type.vlen === 0) return "void";
    const args = Array.from({ length: type.vlen }, (_, i) => {
      const at = type.at + 12 + 8 * i;
      const id = this.u32(at + 4);
      return id === 0 && i === type.vlen - 1 ? "vararg" : `${id} ${this.name(this.u32(at))}`;
    });
    return args.join(", ");
  }
}
