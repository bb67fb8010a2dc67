import { BTF_HEADER_SIZE } from "../uapi/btf.ts";
import { Btf } from "./btf.ts";

const encoder = new TextEncoder();

/**
 * A copy of a BTF that can be changed in place and grow at its end; loaders mend a compiler's BTF with it. Type ids
 * and string offsets of the original keep their meaning.
 */
export class BtfPatch {
  readonly #btf: Btf;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #types: Uint8Array[] = [];
  readonly #strings: Uint8Array[] = [];
  #stringsEnd: number;
  #typeCount: number;
  #changed = false;

  constructor(btf: Btf) {
    this.#btf = btf;
    // Not slice(): a Node Buffer's shares its memory.
    this.#bytes = new Uint8Array(btf.bytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#stringsEnd = btf.stringsEnd;
    this.#typeCount = btf.typeCount;
  }

  /** Writes a 32-bit word of a type's record, `word` words from its start (0 name, 1 info, 2 size or type …). */
  set(id: number, word: number, value: number): void {
    this.#view.setUint32(this.#at(id) + word * 4, value, true);
    this.#changed = true;
  }

  /** Reads a 32-bit word of a type's record. */
  get(id: number, word: number): number {
    return this.#view.getUint32(this.#at(id) + word * 4, true);
  }

  /** Adds a string and gives its offset. */
  addString(text: string): number {
    const offset = this.#stringsEnd;
    const bytes = encoder.encode(`${text}\0`);
    this.#strings.push(bytes);
    this.#stringsEnd += bytes.length;
    return offset;
  }

  /** Adds a type record of 32-bit words and gives its id. */
  addType(words: readonly number[]): number {
    const bytes = new Uint8Array(words.length * 4);
    const view = new DataView(bytes.buffer);
    words.forEach((word, i) => {
      view.setUint32(i * 4, word, true);
    });
    this.#types.push(bytes);
    return this.#typeCount++;
  }

  /** The changed BTF, or the original if nothing was changed. */
  build(): Btf {
    if (!this.#changed && this.#types.length === 0 && this.#strings.length === 0) return this.#btf;
    const hdrLen = this.#view.getUint32(4, true);
    const part = (at: number): Uint8Array => {
      const start = hdrLen + this.#view.getUint32(at, true);
      return this.#bytes.subarray(start, start + this.#view.getUint32(at + 4, true));
    };
    const types = [part(8), ...this.#types];
    const strings = [part(16), ...this.#strings];
    const bytes = joinBtf(types, strings);
    const { base, name } = this.#btf;
    return Btf.parse(bytes, base === undefined ? { name } : { base, name });
  }

  #at(id: number): number {
    const at = this.#btf.recordOffset(id);
    if (at === undefined) throw new RangeError(`type ${id} is not this BTF's own`);
    return at;
  }
}

/** Puts a header before pieces of a type section and of a string section. */
export function joinBtf(types: readonly Uint8Array[], strings: readonly Uint8Array[]): Uint8Array {
  const length = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);
  const typeLen = length(types);
  const strLen = length(strings);
  const bytes = new Uint8Array(BTF_HEADER_SIZE + typeLen + strLen);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  view.setUint32(4, BTF_HEADER_SIZE, true);
  view.setUint32(12, typeLen, true);
  view.setUint32(16, typeLen, true);
  view.setUint32(20, strLen, true);
  let at = BTF_HEADER_SIZE;
  for (const part of [...types, ...strings]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
