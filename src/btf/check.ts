import { BTF_HEADER_SIZE, BTF_MAGIC, BTF_MAX_NAME_OFFSET, BTF_MAX_TYPE, BTF_VERSION } from "../uapi/btf.ts";
import { E } from "../uapi/errno.ts";
import { Btf, BtfError } from "./btf.ts";
import { BtfChecker, BtfRefusal } from "./check_log.ts";
import { checkMeta } from "./check_meta.ts";
import { resolveTypes } from "./check_resolve.ts";

/** What BPF_BTF_LOAD's check may be told. */
export interface CheckOptions {
  /** BPF_LOG_LEVEL bits; without any the log stays empty. */
  readonly logLevel: number;
}

/** The verdict on a BTF, and the log of the check in the words of Linux 6.18. */
export type BtfVerdict =
  | { readonly ok: true; readonly btf: Btf; readonly log: string }
  | { readonly ok: false; readonly errno: number; readonly log: string };

/**
 * Checks the bytes of a BTF as BPF_BTF_LOAD does: never throws, whatever they are. The errno is EINVAL, E2BIG (a
 * header with unknown fields, references that are too deep), EEXIST (references in a loop), ELOOP or ENOTSUPP.
 *
 * Structs with members that the kernel itself manages (bpf_spin_lock, kptrs …) are not looked into.
 */
export function checkBtf(bytes: Uint8Array, options: CheckOptions): BtfVerdict {
  const checker = new BtfChecker(bytes, options.logLevel !== 0);
  try {
    const { start, length } = checkHeader(checker, bytes);
    for (let at = start; at < start + length; ) {
      const id = checker.types.length + 1;
      if (id > BTF_MAX_TYPE) checker.refuseBare(E.E2BIG, "Too many types");
      at += checkMeta(checker, id, at, start + length - at);
    }
    resolveTypes(checker);
    return { ok: true, btf: Btf.parse(bytes), log: checker.log };
  } catch (error) {
    if (error instanceof BtfRefusal) return { ok: false, errno: error.errno, log: checker.log };
    if (error instanceof BtfError) return { ok: false, errno: E.EINVAL, log: checker.log };
    throw error;
  }
}

/** Checks the header and the sections that it tells of; gives the type section's place. */
function checkHeader(checker: BtfChecker, bytes: Uint8Array): { start: number; length: number } {
  const refuse = (errno: number, line: string): never => checker.refuseBare(errno, line);
  if (bytes.length < 8) refuse(E.EINVAL, "hdr_len not found");
  const claimed = checker.u32(4);
  if (claimed > bytes.length) refuse(E.EINVAL, "btf_header not found");
  if (bytes.subarray(BTF_HEADER_SIZE, claimed).some((byte) => byte !== 0)) {
    refuse(E.E2BIG, "Unsupported btf_header");
  }
  // A shorter header counts as one that goes on with zeros.
  const raw = new Uint8Array(BTF_HEADER_SIZE);
  raw.set(bytes.subarray(0, Math.min(claimed, BTF_HEADER_SIZE)));
  const header = new DataView(raw.buffer);
  const hdrLen = header.getUint32(4, true);
  const [typeOff, typeLen, strOff, strLen] = [8, 12, 16, 20].map((at) => header.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  const magic = header.getUint16(0, true);
  const version = raw[2] ?? 0;
  const flags = raw[3] ?? 0;
  checker.say(() =>
    [
      `magic: 0x${magic.toString(16)}`,
      `version: ${version}`,
      `flags: 0x${flags.toString(16)}`,
      `hdr_len: ${hdrLen}`,
      `type_off: ${typeOff}`,
      `type_len: ${typeLen}`,
      `str_off: ${strOff}`,
      `str_len: ${strLen}`,
      `btf_total_size: ${bytes.length}`,
    ].join("\n"),
  );
  if (magic !== BTF_MAGIC) refuse(E.EINVAL, "Invalid magic");
  if (version !== BTF_VERSION) refuse(E.ENOTSUPP, "Unsupported version");
  if (flags !== 0) refuse(E.ENOTSUPP, "Unsupported flags");
  if (bytes.length === hdrLen) refuse(E.EINVAL, "No data");

  const room = bytes.length - hdrLen;
  const sections = [
    { offset: typeOff, length: typeLen },
    { offset: strOff, length: strLen },
    // As Linux sorts them: by offset, then by length, both as differences that are cut to 32 bits.
  ].sort((a, b) => (a.offset - b.offset) | 0 || (a.length - b.length) | 0);
  let total = 0;
  for (const { offset, length } of sections) {
    if (offset > room) refuse(E.EINVAL, "Invalid section offset");
    if (offset > total) refuse(E.EINVAL, "Unsupported section found");
    if (offset < total) refuse(E.EINVAL, "Section overlap found");
    if (length > room - total) refuse(E.EINVAL, "Total section length too long");
    total += length;
  }
  if (total !== room) refuse(E.EINVAL, "Unsupported section found");

  const strings = { start: hdrLen + strOff, length: strLen };
  if (strings.start + strLen !== bytes.length) refuse(E.EINVAL, "String section is not at the end");
  const wrapped = strLen > 0 && bytes[strings.start] === 0 && bytes[bytes.length - 1] === 0;
  if (!wrapped || strLen - 1 > BTF_MAX_NAME_OFFSET) refuse(E.EINVAL, "Invalid string section");
  checker.strings = strings;
  if (typeOff % 4 !== 0) refuse(E.EINVAL, "Unaligned type_off");
  if (typeLen === 0) refuse(E.EINVAL, "No type found");
  return { start: hdrLen + typeOff, length: typeLen };
}
