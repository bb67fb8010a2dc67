import { type Btf, describe } from "../btf/btf.ts";
import {
  essentialName,
  fieldsCompatible,
  kindsCompatible,
  typesCompatible,
  typesMatch,
} from "../btf/compat.ts";
import type { CoreRelo } from "../btf/ext.ts";
import { type BtfMember, type BtfType, isComposite } from "../btf/type.ts";
import { bitfieldSize, findMember } from "../btf/value.ts";
import { type Insn, isLdImm64 } from "../isa/insn.ts";
import { CLASS, SIZE, sizeBytes } from "../isa/opcode.ts";
import type { CoreReloKind } from "../uapi/btf.ts";
import { ObjectError, type ObjectSpec, type ProgramSpec } from "./spec.ts";

/** The place in a type that an access string leads to. */
interface Access {
  readonly btf: Btf;
  /** The type that the access starts from. */
  readonly root: number;
  /** Each step after the first: a named member, or an element of an array. */
  readonly steps: readonly Step[];
  /** Bits from the start of the root type. */
  readonly bitOffset: number;
  /** The index of the first step: how many whole root types come before. */
  readonly first: number;
}
type Step = { readonly member: BtfMember } | { readonly element: number; readonly type: number };

/** What a relocation comes to. `poison`: the target has no such thing, and the instruction must not be reached. */
type Outcome =
  | { readonly poison: true }
  | {
      readonly poison: false;
      readonly value: bigint;
      /** For the offset of a whole field: its bytes and type, for loads and stores to take the right width. */
      readonly field?: { readonly size: number; readonly type: BtfType };
      /** For the offset of a bitfield: several candidates may differ. */
      readonly loose?: boolean;
    };

const POISON: Outcome = { poison: true };
/** What libbpf puts in place of an instruction that cannot be relocated: a call of a helper that does not exist. */
const POISON_INSN: Insn = { code: 0x85, dst: 0, src: 0, off: 0, imm: 195896080 };

/**
 * Applies a program's CO-RE relocations to `insns` in place: what the compiler recorded of the local types is looked
 * up in the target's. Throws ObjectError if they need a target and none is given, or if the target is ambiguous.
 */
export function applyCoreRelos(
  object: ObjectSpec,
  program: ProgramSpec,
  insns: Insn[],
  target: Btf | undefined,
): void {
  for (const { insn, relo } of program.coreRelos) {
    const fail = (message: string): never => {
      throw new ObjectError(
        object.file,
        `program '${program.name}', instruction ${insn}: CO-RE relocation ${relo.kind} of type ${relo.type}, access ${relo.access}: ${message}`,
      );
    };
    const local = object.btf ?? fail("expected BTF, found none");
    const outcome = resolveRelo(local, relo, target, fail);
    const original =
      relo.kind === "field_byte_offset"
        ? calculate(relo.kind, parseAccess(local, relo, fail), fail)
        : undefined;
    patch(insns, insn, outcome, original, fail);
  }
}

type Fail = (message: string) => never;

function resolveRelo(local: Btf, relo: CoreRelo, target: Btf | undefined, fail: Fail): Outcome {
  if (relo.kind === "type_id_local") return { poison: false, value: BigInt(relo.type) };
  if (target === undefined) {
    return fail(
      "expected the kernel's types to relocate against (BTF such as /sys/kernel/btf/vmlinux), none were given",
    );
  }
  const candidates = findCandidates(local, relo, target);
  let found: Outcome | undefined;
  for (const id of candidates) {
    const outcome = tryCandidate(local, relo, target, id, fail);
    if (outcome === undefined) continue;
    if (found === undefined) found = outcome;
    else if (!same(found, outcome)) fail("the target has several types of this name that disagree");
  }
  return found ?? absent(relo.kind);
}

/** What a relocation comes to if the target has no such thing. */
function absent(kind: CoreReloKind): Outcome {
  return kind.endsWith("_exists") || kind.startsWith("type_") ? { poison: false, value: 0n } : POISON;
}

function same(a: Outcome, b: Outcome): boolean {
  if (a.poison || b.poison) return a.poison === b.poison;
  return a.value === b.value || a.loose === true || b.loose === true;
}

const candidateCache = new WeakMap<Btf, Map<string, readonly number[]>>();

/** The target's types of the same name (flavours aside) and kind. */
function findCandidates(local: Btf, relo: CoreRelo, target: Btf): readonly number[] {
  const type = local.type(relo.type);
  const name = essentialName(type.name);
  if (name === "") return [];
  let cache = candidateCache.get(target);
  if (cache === undefined) {
    cache = new Map();
    candidateCache.set(target, cache);
  }
  const key = `${type.kind} ${name}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const kinds = type.kind === "enum" || type.kind === "enum64" ? (["enum", "enum64"] as const) : [type.kind];
  // The kernel has hardly any flavours of its own; the exact name is what counts there.
  const ids = kinds.flatMap((kind) => target.findAll(kind, name));
  cache.set(key, ids);
  return ids;
}

function tryCandidate(local: Btf, relo: CoreRelo, target: Btf, id: number, fail: Fail): Outcome | undefined {
  const { kind } = relo;
  if (!kindsCompatible(local.type(relo.type), target.type(id))) return undefined;
  if (kind.startsWith("type_")) {
    const fits = kind === "type_matches" ? typesMatch : typesCompatible;
    if (!fits(local, relo.type, target, id)) return undefined;
    if (kind === "type_size") return { poison: false, value: BigInt(target.size(id)) };
    return { poison: false, value: kind === "type_id_target" ? BigInt(id) : 1n };
  }
  if (kind.startsWith("enumval_")) return tryEnumerator(local, relo, target, id, fail);
  const access = matchAccess(parseAccess(local, relo, fail), target, id);
  return access === undefined ? undefined : calculate(kind, access, fail);
}

function tryEnumerator(local: Btf, relo: CoreRelo, target: Btf, id: number, fail: Fail): Outcome | undefined {
  const from = local.resolve(relo.type);
  const to = target.resolve(id);
  if ((from.kind !== "enum" && from.kind !== "enum64") || (to.kind !== "enum" && to.kind !== "enum64")) {
    return undefined;
  }
  const wanted = from.values[Number(relo.access)] ?? fail("expected the index of an enumerator");
  const found = to.values.find(({ name }) => essentialName(name) === essentialName(wanted.name));
  if (found === undefined) return undefined;
  return { poison: false, value: relo.kind === "enumval_exists" ? 1n : BigInt(found.value) };
}

/** Follows an access string through the local types. */
function parseAccess(btf: Btf, relo: CoreRelo, fail: Fail): Access {
  const indexes = relo.access.split(":").map(Number);
  if (!/^\d+(:\d+)*$/.test(relo.access) || indexes.length > 64)
    return fail("expected indexes between colons");
  const [first = 0, ...rest] = indexes;
  let type = btf.resolve(relo.type);
  let bitOffset = first * btf.size(relo.type) * 8;
  const steps: Step[] = [];
  for (const index of rest) {
    if (isComposite(type)) {
      const member = type.members[index] ?? fail(`expected a member ${index} in ${describe(type)}`);
      bitOffset += member.bitOffset;
      // An anonymous struct is passed through: the target may nest differently.
      if (member.name !== "") steps.push({ member });
      type = btf.resolve(member.type);
    } else if (type.kind === "array") {
      steps.push({ element: index, type: type.type });
      bitOffset += index * btf.size(type.type) * 8;
      type = btf.resolve(type.type);
    } else return fail(`expected a struct, union or array, found ${describe(type)}`);
  }
  return { btf, root: relo.type, steps, bitOffset, first };
}

/** The same access in a type of the target, by the names of members; undefined if the target has no such thing. */
function matchAccess(access: Access, target: Btf, root: number): Access | undefined {
  let type = target.resolve(root);
  let typeId = root;
  let bitOffset = access.first * target.size(root) * 8;
  const steps: Step[] = [];
  let inFlexible = false;
  for (const step of access.steps) {
    if ("member" in step) {
      if (!isComposite(type)) return undefined;
      const found = findMember(target, type, step.member.name, 0);
      if (found === undefined) return undefined;
      if (!fieldsCompatible(access.btf, step.member.type, target, found.member.type)) return undefined;
      bitOffset += found.bitOffset;
      steps.push({ member: { ...found.member, bitOffset: found.bitOffset } });
      inFlexible = type.members.at(-1) === found.member;
      typeId = found.member.type;
    } else {
      if (type.kind !== "array") return undefined;
      const flexible = inFlexible && type.nelems === 0;
      if (!flexible && step.element >= type.nelems) return undefined;
      bitOffset += step.element * target.size(type.type) * 8;
      steps.push({ element: step.element, type: type.type });
      typeId = type.type;
    }
    type = target.resolve(typeId);
  }
  return { btf: target, root, steps, bitOffset, first: access.first };
}

/** The number that a field relocation asks for. */
function calculate(kind: CoreReloKind, access: Access, fail: Fail): Outcome {
  if (kind === "field_exists") return { poison: false, value: 1n };
  const { btf, bitOffset } = access;
  const last = access.steps.at(-1);
  if (last === undefined || "element" in last) {
    const type = btf.resolve(last === undefined ? access.root : last.type);
    const size = btf.size(last === undefined ? access.root : last.type);
    if (kind === "field_byte_offset")
      return { poison: false, value: BigInt(bitOffset / 8), field: { size, type } };
    if (kind === "field_byte_size") return { poison: false, value: BigInt(size) };
    return fail("expected a member at the end of the access, found an array element");
  }
  const type = btf.resolve(last.member.type);
  const bits = bitfieldSize(type, last.member);
  let size = btf.size(last.member.type);
  let offset = Math.floor(bitOffset / 8);
  if (bits > 0) {
    // The smallest aligned word that holds the whole bitfield.
    offset = Math.floor(offset / size) * size;
    while (bitOffset + bits > (offset + size) * 8) {
      if (size >= 8) return fail("expected a bitfield within 8 aligned bytes");
      size *= 2;
      offset = Math.floor(bitOffset / 8 / size) * size;
    }
  }
  const width = bits > 0 ? bits : size * 8;
  const loose = bits > 0;
  switch (kind) {
    case "field_byte_offset":
      return { poison: false, value: BigInt(offset), loose, ...(bits > 0 ? {} : { field: { size, type } }) };
    case "field_byte_size":
      return { poison: false, value: BigInt(size), loose };
    case "field_signed":
      return { poison: false, value: "signed" in type && type.signed ? 1n : 0n };
    case "field_lshift_u64":
      return { poison: false, value: BigInt(64 - (bitOffset + width - offset * 8)), loose };
    case "field_rshift_u64":
      return { poison: false, value: BigInt(64 - width) };
    default:
      return fail("expected a field relocation");
  }
}

const SIZE_BITS: Readonly<Record<number, number>> = { 1: SIZE.B, 2: SIZE.H, 4: SIZE.W, 8: SIZE.DW };

/** Puts a number where the instruction holds it: an immediate, or the offset of a load or store. */
function patch(
  insns: Insn[],
  index: number,
  outcome: Outcome,
  original: Outcome | undefined,
  fail: Fail,
): void {
  const insn = insns[index] ?? fail("expected an instruction of the program");
  const next = insns[index + 1];
  if (outcome.poison) {
    insns[index] = POISON_INSN;
    if (isLdImm64(insn)) insns[index + 1] = POISON_INSN;
    return;
  }
  const { value } = outcome;
  const cls = insn.code & 7;
  if (cls === CLASS.ALU || cls === CLASS.ALU64) {
    if ((insn.code & 8) !== 0) fail("expected an immediate operand, found a register");
    insns[index] = { ...insn, imm: Number(BigInt.asIntN(32, value)) };
  } else if (cls === CLASS.LDX || cls === CLASS.ST || cls === CLASS.STX) {
    if (value > 0x7fffn) fail(`expected an offset that fits into an instruction, found ${value}`);
    const code = resized(insn, outcome, original);
    insns[index] = code === undefined ? POISON_INSN : { ...insn, code, off: Number(value) };
  } else if (isLdImm64(insn) && next !== undefined) {
    insns[index] = { ...insn, imm: Number(BigInt.asIntN(32, value)) };
    insns[index + 1] = { ...next, imm: Number(BigInt.asIntN(32, value >> 32n)) };
  } else fail(`expected arithmetic, a load or a store, found opcode 0x${insn.code.toString(16)}`);
}

/** The opcode of a load or store for the target's field size; undefined if the value would not survive. */
function resized(insn: Insn, outcome: Outcome, original: Outcome | undefined): number | undefined {
  const to = outcome.poison ? undefined : outcome.field;
  const from = original === undefined || original.poison ? undefined : original.field;
  if (to === undefined || from === undefined || to.size === from.size) return insn.code;
  const pointers = to.type.kind === "ptr" && from.type.kind === "ptr";
  const unsigned = to.type.kind === "int" && from.type.kind === "int" && !to.type.signed && !from.type.signed;
  const bits = SIZE_BITS[to.size];
  if (!(pointers || unsigned) || sizeBytes(insn.code) !== from.size || bits === undefined) return undefined;
  return (insn.code & ~0x18) | bits;
}
