import { BTF_MAGIC, BTF_VERSION, CORE_RELO_KINDS, type CoreReloKind } from "../uapi/btf.ts";
import { type Btf, BtfError } from "./btf.ts";

/** A function's start and its BTF type, of `.BTF.ext`. */
export interface FuncInfo {
  /** Bytes from the start of the ELF section. */
  readonly offset: number;
  /** The id of a BTF_KIND_FUNC. */
  readonly type: number;
}
/** The source line of an instruction, of `.BTF.ext`. */
export interface LineInfo {
  /** Bytes from the start of the ELF section. */
  readonly offset: number;
  /** Offsets in the BTF's strings: the file's name, and the text of the line. */
  readonly fileNameOff: number;
  readonly lineOff: number;
  /** The line number in the upper 22 bits, the column in the lower 10. */
  readonly lineCol: number;
}
/** A CO-RE relocation, of `.BTF.ext`. */
export interface CoreRelo {
  /** Bytes from the start of the ELF section to the instruction. */
  readonly offset: number;
  /** The local type that the access starts from. */
  readonly type: number;
  /** The access, e.g. `0:1:2`: indexes of an element and of members; or for enums the index of a value. */
  readonly access: string;
  readonly kind: CoreReloKind;
}

/** The records of `.BTF.ext`, by the name of the ELF section that they describe. */
export interface BtfExt {
  readonly funcInfo: ReadonlyMap<string, readonly FuncInfo[]>;
  readonly lineInfo: ReadonlyMap<string, readonly LineInfo[]>;
  readonly coreRelos: ReadonlyMap<string, readonly CoreRelo[]>;
}

/**
 * Reads `.BTF.ext`: three subsections (the third one only in headers of 32 bytes and more), each of a record size
 * and of lists, one for each ELF section: `u32 section name, u32 count, records`. Records may be longer than what is
 * known of them. Throws BtfError.
 */
export function parseBtfExt(bytes: Uint8Array, btf: Btf, name = "BTF.ext"): BtfExt {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (offset: number, message: string): never => {
    throw new BtfError(name, offset, message);
  };
  if (bytes.length < 24) fail(0, `expected a header of 24 bytes or more, found ${bytes.length} bytes in all`);
  const magic = view.getUint16(0, true);
  if (magic !== BTF_MAGIC) fail(0, `expected magic 0xeb9f, found 0x${magic.toString(16)}`);
  if (bytes[2] !== BTF_VERSION) fail(2, `expected version ${BTF_VERSION}, found ${bytes[2]}`);
  const hdrLen = view.getUint32(4, true);
  if (hdrLen < 24 || hdrLen > bytes.length) {
    fail(4, `expected a header length of 24 to ${bytes.length}, found ${hdrLen}`);
  }

  const string = (at: number): string => {
    const offset = view.getUint32(at, true);
    if (offset >= btf.stringsEnd)
      fail(at, `expected a string offset below ${btf.stringsEnd}, found ${offset}`);
    return btf.string(offset);
  };
  const type = (at: number): number => {
    const id = view.getUint32(at, true);
    if (!btf.has(id)) fail(at, `expected a type id below ${btf.typeCount}, found ${id}`);
    return id;
  };

  /** One subsection; `header` is where its offset and length stand in the header. */
  const section = <T>(header: number, minimum: number, read: (at: number) => T): Map<string, T[]> => {
    const lists = new Map<string, T[]>();
    if (header + 8 > hdrLen) return lists;
    const length = view.getUint32(header + 4, true);
    let at = hdrLen + view.getUint32(header, true);
    const end = at + length;
    if (length === 0) return lists;
    if (end > bytes.length)
      fail(header, `expected a subsection within ${bytes.length} bytes, found its end at ${end}`);
    if (length < 4) fail(at, "expected a record size of 4 bytes");
    const size = view.getUint32(at, true);
    if (size < minimum || size % 4 !== 0) {
      fail(at, `expected a record size of ${minimum} or more, a multiple of 4, found ${size}`);
    }
    at += 4;
    while (at < end) {
      if (at + 8 > end) fail(at, `expected a section name and a count in 8 bytes, found ${end - at} bytes`);
      const sectionName = string(at);
      const count = view.getUint32(at + 4, true);
      at += 8;
      if (count === 0) fail(at - 4, "expected a count of records above 0");
      if (at + count * size > end) {
        fail(at, `expected ${count} records of ${size} bytes for ${sectionName}, found ${end - at} bytes`);
      }
      const list = lists.get(sectionName) ?? [];
      lists.set(sectionName, list);
      for (let i = 0; i < count; i++, at += size) list.push(read(at));
    }
    return lists;
  };

  return {
    funcInfo: section(8, 8, (at) => ({ offset: view.getUint32(at, true), type: type(at + 4) })),
    lineInfo: section(16, 16, (at) => ({
      offset: view.getUint32(at, true),
      fileNameOff: view.getUint32(at + 4, true),
      lineOff: view.getUint32(at + 8, true),
      lineCol: view.getUint32(at + 12, true),
    })),
    coreRelos: section(24, 16, (at) => {
      const number = view.getUint32(at + 12, true);
      const kind = CORE_RELO_KINDS[number];
      if (kind === undefined)
        return fail(at + 12, `expected a CO-RE relocation kind of 0 to 12, found ${number}`);
      return { offset: view.getUint32(at, true), type: type(at + 4), access: string(at + 8), kind };
    }),
  };
}
