import { type Btf, BtfError } from "./btf.ts";
import type { BtfComposite, BtfEnum, BtfEnum64, BtfMember, BtfType } from "./type.ts";
import { bitfieldSize } from "./value.ts";

/** Nesting that is followed: more is a loop. */
const MAX_DEPTH = 64;

/**
 * A C declaration of something of this type: `declare(btf, id, "p")` gives `const char *p`. Named structs, unions and
 * enums are named, anonymous ones written out; an empty name gives the type alone (`int *`). `indent` is how far
 * nested lines are indented, in tabs.
 */
export function declare(btf: Btf, typeId: number, name = "", indent = 0): string {
  return build(btf, typeId, name, indent, 0);
}

/** The C definition of a struct, union, enum or typedef, without the final semicolon; of other types the declaration. */
export function define(btf: Btf, typeId: number, indent = 0): string {
  const type = btf.type(typeId);
  switch (type.kind) {
    case "struct":
    case "union":
      return compositeBody(btf, type, indent, 0);
    case "enum":
    case "enum64":
      return enumBody(type, indent);
    case "fwd":
      return `${type.union ? "union" : "struct"} ${type.name}`;
    case "typedef":
      return `typedef ${build(btf, type.type, type.name, indent, 0)}`;
    case "func":
      return build(btf, type.type, type.name, indent, 0);
    case "var":
      return `${type.linkage === "static" ? "static " : ""}${build(btf, type.type, type.name, indent, 0)}`;
    default:
      return build(btf, typeId, "", indent, 0);
  }
}

/** Wraps a declarator from the inside out, as C wants it: `int (*name[3])(char)`. */
function build(btf: Btf, typeId: number, declarator: string, indent: number, depth: number): string {
  if (depth > MAX_DEPTH) throw new BtfError(btf.name, 0, `expected an end of type ${typeId}, found a loop`);
  const type = btf.type(typeId);
  const spaced = (base: string): string => (declarator === "" ? base : `${base} ${declarator}`);
  switch (type.kind) {
    case "void":
      return spaced("void");
    case "int":
    case "float":
    case "typedef":
      return spaced(type.name);
    case "struct":
    case "union":
      return spaced(
        type.name === "" ? compositeBody(btf, type, indent, depth + 1) : `${type.kind} ${type.name}`,
      );
    case "enum":
    case "enum64":
      return spaced(type.name === "" ? enumBody(type, indent) : `enum ${type.name}`);
    case "fwd":
      return spaced(`${type.union ? "union" : "struct"} ${type.name}`);
    case "ptr": {
      const target = skipTags(btf, type.type);
      const wrapped = target.kind === "array" || target.kind === "func_proto";
      return build(btf, type.type, wrapped ? `(*${declarator})` : `*${declarator}`, indent, depth + 1);
    }
    case "const":
    case "volatile":
    case "restrict": {
      const target = skipModifiers(btf, type.type);
      // A qualifier of a pointer stands after the star, of anything else before the type.
      if (target.kind === "ptr")
        return build(btf, type.type, spacedQualifier(type.kind, declarator), indent, depth + 1);
      return `${type.kind} ${build(btf, type.type, declarator, indent, depth + 1)}`;
    }
    case "type_tag":
      return build(btf, type.type, declarator, indent, depth + 1);
    case "array":
      return build(
        btf,
        type.type,
        `${declarator}[${type.nelems === 0 ? "" : type.nelems}]`,
        indent,
        depth + 1,
      );
    case "func_proto": {
      const params = type.params.map(({ type: id, name }) =>
        id === 0 ? "..." : build(btf, id, name, indent, depth + 1),
      );
      return build(btf, type.type, `${declarator}(${params.join(", ") || "void"})`, indent, depth + 1);
    }
    case "func":
      return build(btf, type.type, declarator || type.name, indent, depth + 1);
    case "var":
      return build(btf, type.type, declarator || type.name, indent, depth + 1);
    default:
      throw new BtfError(btf.name, 0, `expected a type that C can declare, found ${type.kind} ${type.name}`);
  }
}

function spacedQualifier(qualifier: string, declarator: string): string {
  return declarator === "" || declarator.startsWith("[")
    ? `${qualifier}${declarator}`
    : `${qualifier} ${declarator}`;
}

function skipTags(btf: Btf, id: number): BtfType {
  let type = btf.type(id);
  for (let i = 0; type.kind === "type_tag" && i < MAX_DEPTH; i++) type = btf.type(type.type);
  return type;
}

/** What qualifiers qualify: a typedef ends the search, for it has a name of its own. */
function skipModifiers(btf: Btf, id: number): BtfType {
  let type = btf.type(id);
  for (let i = 0; i < MAX_DEPTH; i++) {
    if (
      type.kind !== "const" &&
      type.kind !== "volatile" &&
      type.kind !== "restrict" &&
      type.kind !== "type_tag"
    )
      break;
    type = btf.type(type.type);
  }
  return type;
}

function compositeBody(btf: Btf, type: BtfComposite, indent: number, depth: number): string {
  const head = type.name === "" ? type.kind : `${type.kind} ${type.name}`;
  if (type.members.length === 0) return `${head} {}`;
  const tab = "\t".repeat(indent + 1);
  const lines = type.members.map((member) => `${tab}${memberLine(btf, member, indent + 1, depth)};\n`);
  return `${head} {\n${lines.join("")}${"\t".repeat(indent)}}`;
}

function memberLine(btf: Btf, member: BtfMember, indent: number, depth: number): string {
  const bits = bitfieldSize(btf.resolve(member.type), member);
  const declaration = build(btf, member.type, member.name, indent, depth + 1);
  return bits === 0 ? declaration : `${declaration}: ${bits}`;
}

function enumBody(type: BtfEnum | BtfEnum64, indent: number): string {
  const head = type.name === "" ? "enum" : `enum ${type.name}`;
  const tab = "\t".repeat(indent + 1);
  const suffix = type.kind === "enum64" ? (type.signed ? "LL" : "ULL") : "";
  const lines = type.values.map(({ name, value }) => `${tab}${name} = ${value}${suffix},\n`);
  return `${head} {\n${lines.join("")}${"\t".repeat(indent)}}`;
}
