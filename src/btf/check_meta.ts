import { BTF_KIND, BTF_MAX_TYPE } from "../uapi/btf.ts";
import { E } from "../uapi/errno.ts";
import type { BtfChecker, RawType } from "./check_log.ts";

/** Bits of the info word that may be set: kind flag, kind, vlen. */
const INFO_MASK = 0x9f00ffff;
const INT_MASK = 0x0fffffff;
/** The longest name, its zero byte included (KSYM_NAME_LEN). */
const MAX_NAME = 512;

/** What a kind may hold: the bytes after its record, and the checks of the record by itself. */
interface Rules {
  /** Bytes after the 12 of the record: in all, and for each of vlen. */
  readonly once?: number;
  readonly each?: number;
  check(checker: BtfChecker, type: RawType): void;
}

/**
 * Checks one type record by itself, without following its references, and gives the bytes that it takes.
 * `left` is what is left of the type section.
 */
export function checkMeta(checker: BtfChecker, id: number, at: number, left: number): number {
  if (left < 12) checker.refuseBare(E.EINVAL, `[${id}] meta_left:${left} meta_needed:12`);
  const info = checker.u32(at + 4);
  const type: RawType = {
    id,
    at,
    nameOff: checker.u32(at),
    info,
    kind: (info >>> 24) & 0x1f,
    vlen: info & 0xffff,
    kflag: info >>> 31 === 1,
    word: checker.u32(at + 8),
  };
  if ((info & ~INFO_MASK) !== 0)
    checker.refuseBare(E.EINVAL, `[${id}] Invalid btf_info:${info.toString(16)}`);
  const rules = RULES[type.kind];
  if (rules === undefined) return checker.refuseBare(E.EINVAL, `[${id}] Invalid kind:${type.kind}`);
  if (type.nameOff >= checker.strings.length) {
    checker.refuseBare(E.EINVAL, `[${id}] Invalid name_offset:${type.nameOff}`);
  }
  const needed = (rules.once ?? 0) + (rules.each ?? 0) * type.vlen;
  if (left - 12 < needed) {
    checker.refuse(E.EINVAL, () => `${checker.basic(type)} meta_left:${left - 12} meta_needed:${needed}`);
  }
  rules.check(checker, type);
  checker.types.push(type);
  return 12 + needed;
}

/** A letter to the kernel, whose character table is Latin-1. */
function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return true;
  return byte >= 0xc0 && byte !== 0xd7 && byte !== 0xf7;
}

/** A C identifier; dots are taken too, compilers make such names. */
function isIdentifier(name: Uint8Array | undefined): boolean {
  if (name === undefined || name.length === 0 || name.length >= MAX_NAME) return false;
  return name.every((byte, i) => {
    if (isLetter(byte) || byte === 0x5f || byte === 0x2e) return true;
    return i > 0 && byte >= 0x30 && byte <= 0x39;
  });
}

function isPrintable(name: Uint8Array | undefined): boolean {
  if (name === undefined || name.length === 0 || name.length >= MAX_NAME) return false;
  return name.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0);
}

const noVlen = (checker: BtfChecker, type: RawType): void => {
  if (type.vlen !== 0) checker.refuseType(E.EINVAL, type, "vlen != 0");
};
const noKflag = (checker: BtfChecker, type: RawType): void => {
  if (type.kflag) checker.refuseType(E.EINVAL, type, "Invalid btf_info kind_flag");
};
const anonymous = (checker: BtfChecker, type: RawType): void => {
  if (type.nameOff !== 0) checker.refuseType(E.EINVAL, type, "Invalid name");
};
const named = (checker: BtfChecker, type: RawType): void => {
  if (!isIdentifier(checker.nameBytes(type.nameOff))) checker.refuseType(E.EINVAL, type, "Invalid name");
};
const maybeNamed = (checker: BtfChecker, type: RawType): void => {
  if (type.nameOff !== 0) named(checker, type);
};
const validId = (id: number): boolean => id <= BTF_MAX_TYPE;
const printed = (checker: BtfChecker, type: RawType): void => checker.say(() => checker.line(type));

const int: Rules = {
  once: 4,
  check(checker, type) {
    noVlen(checker, type);
    noKflag(checker, type);
    const data = checker.u32(type.at + 12);
    if ((data & ~INT_MASK) !== 0) {
      checker.refuse(E.EINVAL, () => `${checker.basic(type)} Invalid int_data:${data.toString(16)}`);
    }
    const bits = (data & 0xff) + ((data >>> 16) & 0xff);
    if (bits > 128) checker.refuseType(E.EINVAL, type, "nr_bits exceeds 128");
    if (Math.ceil(bits / 8) > type.word) checker.refuseType(E.EINVAL, type, "nr_bits exceeds type_size");
    const encoding = (data >>> 24) & 0xf;
    if (![0, 1, 2, 4].includes(encoding)) checker.refuseType(E.ENOTSUPP, type, "Unsupported encoding");
    printed(checker, type);
  },
};

/** Kinds that are nothing but a reference to another type. */
function reference(name: "none" | "identifier" | "text", kflag: boolean): Rules {
  return {
    check(checker, type) {
      noVlen(checker, type);
      if (!kflag) noKflag(checker, type);
      if (!validId(type.word)) checker.refuseType(E.EINVAL, type, "Invalid type_id");
      if (name === "none") anonymous(checker, type);
      else if (name === "identifier") named(checker, type);
      else if (checker.nameBytes(type.nameOff)?.length === 0)
        checker.refuseType(E.EINVAL, type, "Invalid name");
      printed(checker, type);
    },
  };
}

const array: Rules = {
  once: 12,
  check(checker, type) {
    anonymous(checker, type);
    noVlen(checker, type);
    noKflag(checker, type);
    if (type.word !== 0) checker.refuseType(E.EINVAL, type, "size != 0");
    const element = checker.u32(type.at + 12);
    if (element === 0 || !validId(element)) checker.refuseType(E.EINVAL, type, "Invalid elem");
    const index = checker.u32(type.at + 16);
    if (index === 0 || !validId(index)) checker.refuseType(E.EINVAL, type, "Invalid index");
    printed(checker, type);
  },
};

const composite: Rules = {
  each: 12,
  check(checker, type) {
    maybeNamed(checker, type);
    printed(checker, type);
    let last = 0;
    for (let i = 0; i < type.vlen; i++) {
      const at = type.at + 12 + 12 * i;
      const refuse = (message: string): never =>
        checker.refuse(E.EINVAL, () => checker.member(type, i, message));
      const nameOff = checker.u32(at);
      if (nameOff >= checker.strings.length) refuse(`Invalid member name_offset:${nameOff}`);
      if (nameOff !== 0 && !isIdentifier(checker.nameBytes(nameOff))) refuse("Invalid name");
      const id = checker.u32(at + 4);
      if (id === 0 || !validId(id)) refuse("Invalid type_id");
      const word = checker.u32(at + 8);
      const offset = type.kflag ? word & 0xffffff : word;
      if (type.kind === BTF_KIND.UNION && offset !== 0) refuse("Invalid member bits_offset");
      if (offset < last) refuse("Invalid member bits_offset");
      if (Math.ceil(offset / 8) > type.word) refuse("Member bits_offset exceeds its struct size");
      checker.say(() => checker.member(type, i));
      last = offset;
    }
  },
};

function enumeration(each: 8 | 12): Rules {
  return {
    each,
    check(checker, type) {
      if (![1, 2, 4, 8].includes(type.word)) checker.refuseType(E.EINVAL, type, "Unexpected size");
      maybeNamed(checker, type);
      printed(checker, type);
      for (let i = 0; i < type.vlen; i++) {
        const at = type.at + 12 + each * i;
        const nameOff = checker.u32(at);
        if (nameOff >= checker.strings.length) {
          checker.refuseBare(E.EINVAL, `\tInvalid name_offset:${nameOff}`);
        }
        if (!isIdentifier(checker.nameBytes(nameOff))) checker.refuseType(E.EINVAL, type, "Invalid name");
        checker.say(() => `\t${checker.name(nameOff)} val=${enumValue(checker, type, at + 4, each)}`);
      }
    },
  };
}

function enumValue(checker: BtfChecker, type: RawType, at: number, each: 8 | 12): string {
  if (each === 8) return String(type.kflag ? checker.i32(at) : checker.u32(at));
  const bits = checker.view.getBigUint64(at, true);
  return String(type.kflag ? BigInt.asIntN(64, bits) : bits);
}

const fwd: Rules = {
  check(checker, type) {
    noVlen(checker, type);
    if (type.word !== 0) checker.refuseType(E.EINVAL, type, "type != 0");
    named(checker, type);
    printed(checker, type);
  },
};

const func: Rules = {
  check(checker, type) {
    named(checker, type);
    if (type.vlen > 1) checker.refuseType(E.EINVAL, type, "Invalid func linkage");
    noKflag(checker, type);
    printed(checker, type);
  },
};

const funcProto: Rules = {
  each: 8,
  check(checker, type) {
    anonymous(checker, type);
    noKflag(checker, type);
    printed(checker, type);
  },
};

const variable: Rules = {
  once: 4,
  check(checker, type) {
    noVlen(checker, type);
    noKflag(checker, type);
    named(checker, type);
    if (type.word === 0 || !validId(type.word)) checker.refuseType(E.EINVAL, type, "Invalid type_id");
    if (checker.u32(type.at + 12) > 1) checker.refuseType(E.EINVAL, type, "Linkage not supported");
    printed(checker, type);
  },
};

const datasec: Rules = {
  each: 12,
  check(checker, type) {
    if (type.word === 0) checker.refuseType(E.EINVAL, type, "size == 0");
    noKflag(checker, type);
    if (!isPrintable(checker.nameBytes(type.nameOff))) checker.refuseType(E.EINVAL, type, "Invalid name");
    printed(checker, type);
    let end = 0;
    let sum = 0;
    for (let i = 0; i < type.vlen; i++) {
      const at = type.at + 12 + 12 * i;
      const refuse = (message: string): never =>
        checker.refuse(E.EINVAL, () => checker.secinfo(type, i, message));
      const id = checker.u32(at);
      const offset = checker.u32(at + 4);
      const size = checker.u32(at + 8);
      if (id === 0 || !validId(id)) refuse("Invalid type_id");
      if (offset < end || offset >= type.word) refuse("Invalid offset");
      if (size === 0 || size > type.word) refuse("Invalid size");
      end = offset + size;
      if (end > type.word) refuse("Invalid offset+size");
      checker.say(() => checker.secinfo(type, i));
      sum += size;
    }
    if (type.word < sum) checker.refuseType(E.EINVAL, type, "Invalid btf_info size");
  },
};

const float: Rules = {
  check(checker, type) {
    noVlen(checker, type);
    noKflag(checker, type);
    if (![2, 4, 8, 12, 16].includes(type.word)) checker.refuseType(E.EINVAL, type, "Invalid type_size");
    printed(checker, type);
  },
};

const declTag: Rules = {
  once: 4,
  check(checker, type) {
    if (checker.nameBytes(type.nameOff)?.length === 0) checker.refuseType(E.EINVAL, type, "Invalid value");
    noVlen(checker, type);
    if (checker.i32(type.at + 12) < -1) checker.refuseType(E.EINVAL, type, "Invalid component_idx");
    printed(checker, type);
  },
};

const RULES: Readonly<Record<number, Rules>> = {
  [BTF_KIND.INT]: int,
  [BTF_KIND.PTR]: reference("none", false),
  [BTF_KIND.ARRAY]: array,
  [BTF_KIND.STRUCT]: composite,
  [BTF_KIND.UNION]: composite,
  [BTF_KIND.ENUM]: enumeration(8),
  [BTF_KIND.FWD]: fwd,
  [BTF_KIND.TYPEDEF]: reference("identifier", false),
  [BTF_KIND.VOLATILE]: reference("none", false),
  [BTF_KIND.CONST]: reference("none", false),
  [BTF_KIND.RESTRICT]: reference("none", false),
  [BTF_KIND.FUNC]: func,
  [BTF_KIND.FUNC_PROTO]: funcProto,
  [BTF_KIND.VAR]: variable,
  [BTF_KIND.DATASEC]: datasec,
  [BTF_KIND.FLOAT]: float,
  [BTF_KIND.DECL_TAG]: declTag,
  [BTF_KIND.TYPE_TAG]: reference("text", true),
  [BTF_KIND.ENUM64]: enumeration(12),
};

/** True for a valid name of a function's parameter: an identifier within the strings. */
export function isParamName(checker: BtfChecker, offset: number): boolean {
  return isIdentifier(checker.nameBytes(offset));
}
