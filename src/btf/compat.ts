import type { Btf } from "./btf.ts";
import { type BtfType, isComposite } from "./type.ts";

/** How deep types are compared: more is refused, as libbpf does. */
const MAX_DEPTH = 32;

/** A type's name without a flavour: `task_struct___old` stands for `task_struct`. */
export function essentialName(name: string): string {
  // The last three underscores that have something before and after them.
  const at = name.search(/[^_]___[^_]((?![^_]___[^_]).)*$/);
  return at < 0 ? name : name.slice(0, at + 1);
}

/** True if two kinds may stand for each other: equal ones, and enums of both widths. */
export function kindsCompatible(a: BtfType, b: BtfType): boolean {
  return a.kind === b.kind || (isEnum(a) && isEnum(b));
}

function isEnum(type: BtfType): boolean {
  return type.kind === "enum" || type.kind === "enum64";
}

/** An integer that is no old-style bitfield. */
function wholeInt(type: BtfType): boolean {
  return type.kind === "int" && type.bitOffset === 0;
}

/**
 * True if a field of one type may be relocated to a field of the other: structs and pointers always, integers of any
 * size and sign, enums and forwards by name, arrays by element.
 */
export function fieldsCompatible(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  depth = 0,
): boolean {
  const a = local.resolve(localId);
  const b = target.resolve(targetId);
  if (isComposite(a) && isComposite(b)) return true;
  if (!kindsCompatible(a, b) || depth > MAX_DEPTH) return false;
  switch (a.kind) {
    case "ptr":
    case "float":
      return true;
    case "fwd":
    case "enum":
    case "enum64":
      return a.name === "" || b.name === "" || essentialName(a.name) === essentialName(b.name);
    case "int":
      return wholeInt(a) && wholeInt(b);
    case "array":
      return b.kind === "array" && fieldsCompatible(local, a.type, target, b.type, depth + 1);
    default:
      return false;
  }
}

/**
 * True if a type of the local BTF is there in the target in a compatible form (BPF_CORE_TYPE_EXISTS): the kinds agree
 * behind pointers, arrays and in function prototypes; names and members do not matter.
 */
export function typesCompatible(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  depth = 0,
): boolean {
  const a = local.resolve(localId);
  const b = target.resolve(targetId);
  if (!kindsCompatible(a, b) || depth > MAX_DEPTH) return false;
  switch (a.kind) {
    case "void":
    case "struct":
    case "union":
    case "enum":
    case "enum64":
    case "fwd":
    case "float":
      return true;
    case "int":
      return wholeInt(a) && wholeInt(b);
    case "ptr":
      return b.kind === "ptr" && typesCompatible(local, a.type, target, b.type, depth + 1);
    case "array":
      return b.kind === "array" && typesCompatible(local, a.type, target, b.type, depth + 1);
    case "func_proto":
      return (
        b.kind === "func_proto" &&
        a.params.length === b.params.length &&
        a.params.every((p, i) => typesCompatible(local, p.type, target, b.params[i]?.type ?? 0, depth + 1)) &&
        typesCompatible(local, a.type, target, b.type, depth + 1)
      );
    default:
      return false;
  }
}

/**
 * True if a type of the local BTF matches one of the target in names and members (BPF_CORE_TYPE_MATCHES): every
 * member and enumerator of the local type is in the target with a matching type, integers have the same size and
 * sign. Behind a pointer structs are compared by name only.
 */
export function typesMatch(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  behindPointer = false,
  depth = 0,
): boolean {
  const a = local.resolve(localId);
  const b = target.resolve(targetId);
  if (depth > MAX_DEPTH || essentialName(a.name) !== essentialName(b.name)) return false;
  const match = (x: number, y: number, pointer = behindPointer): boolean =>
    typesMatch(local, x, target, y, pointer, depth + 1);
  if (a.kind === "fwd" || b.kind === "fwd") {
    if (a.kind === "fwd" && b.kind === "fwd") return a.union === b.union;
    const whole = a.kind === "fwd" ? b : a;
    const fwd = a.kind === "fwd" ? a : b;
    return behindPointer && fwd.kind === "fwd" && whole.kind === (fwd.union ? "union" : "struct");
  }
  switch (a.kind) {
    case "void":
      return b.kind === "void";
    case "float":
      return b.kind === "float" && a.size === b.size;
    case "int":
      return b.kind === "int" && a.size === b.size && a.signed === b.signed && wholeInt(a) && wholeInt(b);
    case "enum":
    case "enum64": {
      if (b.kind !== "enum" && b.kind !== "enum64") return false;
      const names = new Set(b.values.map(({ name }) => essentialName(name)));
      return a.values.every(({ name }) => names.has(essentialName(name)));
    }
    case "ptr":
      return b.kind === "ptr" && match(a.type, b.type, true);
    case "array":
      return b.kind === "array" && a.nelems === b.nelems && match(a.type, b.type);
    case "func_proto":
      return (
        b.kind === "func_proto" &&
        a.params.length === b.params.length &&
        a.params.every((param, i) => match(param.type, b.params[i]?.type ?? 0)) &&
        match(a.type, b.type)
      );
    case "struct":
    case "union":
      if (b.kind !== a.kind) return false;
      if (behindPointer) return true;
      return a.members.every((member) =>
        b.members.some((other) => other.name === member.name && match(member.type, other.type)),
      );
    default:
      return false;
  }
}
