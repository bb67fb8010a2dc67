import { BTF_KIND } from "../uapi/btf.ts";
import { E } from "../uapi/errno.ts";
import type { BtfChecker, RawType } from "./check_log.ts";
import { isParamName } from "./check_meta.ts";

const MAX_DEPTH = 32;
const U32_MAX = 0xffffffff;

const K = BTF_KIND;
const MODIFIERS: ReadonlySet<number> = new Set([K.TYPEDEF, K.VOLATILE, K.CONST, K.RESTRICT, K.TYPE_TAG]);
/** Kinds that refer to others and must be followed. */
const FOLLOWED: ReadonlySet<number> = new Set([
  ...MODIFIERS,
  K.PTR,
  K.STRUCT,
  K.UNION,
  K.ARRAY,
  K.VAR,
  K.FUNC,
  K.DECL_TAG,
  K.DATASEC,
]);
/** Kinds that nothing but a section or a tag may refer to. */
const SOURCE_ONLY: ReadonlySet<number> = new Set([K.VAR, K.DECL_TAG, K.DATASEC]);
/** Kinds without a size (void, which has no record, is another). */
const SIZELESS: ReadonlySet<number> = new Set([K.FWD, K.FUNC, K.FUNC_PROTO, K.DECL_TAG]);
const TAGGABLE: ReadonlySet<number> = new Set([K.STRUCT, K.UNION, K.FUNC, K.VAR, K.TYPEDEF]);
const SIZED: ReadonlySet<number> = new Set([K.INT, K.STRUCT, K.UNION, K.ENUM, K.ENUM64, K.FLOAT, K.DATASEC]);

const VOID: RawType = { id: 0, at: 0, nameOff: 0, info: 0, kind: 0, vlen: 0, kflag: false, word: 0 };

/** What is being followed: pointers end a walk through structs, and structs a walk through pointers. */
type Mode = "any" | "pointer" | "layout";

/** A type that is being followed, and how far it is with its references. */
interface Frame {
  readonly type: RawType;
  next: number;
}

/**
 * The second phase: follows the references between types, depth first, and checks that what they lead to fits.
 * Loops (EEXIST), chains of more than 32 (E2BIG) and misfits (EINVAL) end it.
 */
export function resolveTypes(checker: BtfChecker): void {
  checker.resolving = true;
  const resolver = new Resolver(checker);
  for (const type of checker.types) {
    if (FOLLOWED.has(type.kind)) resolver.resolve(type);
    else if (type.kind === K.FUNC_PROTO) resolver.checkProto(type);
  }
  checkTags(checker, resolver);
}

class Resolver {
  readonly #checker: BtfChecker;
  readonly #state: Uint8Array;
  #mode: Mode = "any";

  constructor(checker: BtfChecker) {
    this.#checker = checker;
    this.#state = new Uint8Array(checker.types.length + 1);
  }

  /** The type of an id, void for 0, undefined if there is none. */
  type(id: number): RawType | undefined {
    return id === 0 ? VOID : this.#checker.types[id - 1];
  }

  /** The type behind modifiers and variables; undefined in a loop. */
  behind(id: number): RawType | undefined {
    let type = this.type(id);
    for (let i = 0; type !== undefined && (MODIFIERS.has(type.kind) || type.kind === K.VAR); i++) {
      if (i > this.#checker.types.length) return undefined;
      type = this.type(type.word);
    }
    return type;
  }

  /** The bytes of a type, or undefined if it has no size. */
  size(id: number): number | undefined {
    let count = 1;
    let type = this.behind(id);
    for (let i = 0; type?.kind === K.ARRAY; i++) {
      if (i > MAX_DEPTH) return undefined;
      count *= this.#checker.u32(type.at + 20);
      type = this.behind(this.#checker.u32(type.at + 12));
    }
    if (type === undefined) return undefined;
    if (type.kind === K.PTR) return count * 8;
    return SIZED.has(type.kind) ? count * type.word : undefined;
  }

  resolve(root: RawType): void {
    if (this.#state[root.id] !== 0) return;
    this.#mode = "any";
    const stack: Frame[] = [];
    const push = (type: RawType): void => {
      if (stack.length === MAX_DEPTH) {
        this.#checker.refuseType(E.E2BIG, root, `Exceeded max resolving depth:${MAX_DEPTH}`);
      }
      if (this.#state[type.id] !== 0) this.#checker.refuseType(E.EEXIST, root, "Loop detected");
      this.#state[type.id] = 1;
      stack.push({ type, next: 0 });
      if (this.#mode !== "any") return;
      if (type.kind === K.PTR) this.#mode = "pointer";
      else if (type.kind === K.STRUCT || type.kind === K.UNION || type.kind === K.ARRAY)
        this.#mode = "layout";
    };
    push(root);
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      const child = this.#step(frame);
      if (child !== undefined) push(child);
      else {
        this.#state[frame.type.id] = 2;
        stack.pop();
      }
    }
  }

  /** True if a type must be followed before the one that refers to it is done. */
  #pending(type: RawType): boolean {
    if (this.#state[type.id] === 2) return false;
    switch (this.#mode) {
      case "any":
        return FOLLOWED.has(type.kind);
      case "pointer":
        return MODIFIERS.has(type.kind) || type.kind === K.PTR;
      case "layout":
        return (
          MODIFIERS.has(type.kind) || type.kind === K.ARRAY || type.kind === K.STRUCT || type.kind === K.UNION
        );
    }
  }

  /** Goes on with a type; gives the type to follow first, or undefined when it is done. */
  #step(frame: Frame): RawType | undefined {
    const { type } = frame;
    switch (type.kind) {
      case K.ARRAY:
        return this.#array(type);
      case K.STRUCT:
      case K.UNION:
        return this.#composite(frame);
      case K.DATASEC:
        return this.#datasec(frame);
      case K.FUNC:
        this.#func(type);
        return undefined;
      case K.DECL_TAG:
        return this.#declTag(type);
      default:
        return this.#reference(type);
    }
  }

  #reference(type: RawType): RawType | undefined {
    const next = this.type(type.word);
    if (next === undefined || SOURCE_ONLY.has(next.kind)) {
      return this.#checker.refuseType(E.EINVAL, type, "Invalid type_id");
    }
    if (this.#pending(next)) return next;
    if (!MODIFIERS.has(type.kind) && MODIFIERS.has(next.kind)) {
      // A pointer behind modifiers that were followed for a struct's sake has not been followed itself.
      const behind = this.behind(next.id);
      if (behind?.kind === K.PTR && this.#pending(behind)) return behind;
    }
    // A function stands for its prototype once it has been followed itself, which structs and pointers do not wait for.
    const behind = this.behind(next.id);
    if (behind?.kind === K.FUNC && this.#state[behind.id] !== 2) {
      this.#checker.refuseType(E.EINVAL, type, "Invalid type_id");
    }
    if (type.kind === K.VAR && this.size(type.word) === undefined) {
      this.#checker.refuseType(E.EINVAL, type, "Invalid type_id");
    }
    return undefined;
  }

  /** An element or member type that may have a size: undefined otherwise. */
  #layoutType(id: number): RawType | undefined {
    const type = this.type(id);
    const fits =
      type !== undefined && type.kind !== 0 && !SOURCE_ONLY.has(type.kind) && !SIZELESS.has(type.kind);
    return fits ? type : undefined;
  }

  #array(type: RawType): RawType | undefined {
    const checker = this.#checker;
    const indexId = checker.u32(type.at + 16);
    const index = this.#layoutType(indexId);
    if (index === undefined) return checker.refuseType(E.EINVAL, type, "Invalid index");
    if (this.#pending(index)) return index;
    const int = this.behind(indexId);
    if (int?.kind !== K.INT || !this.#regular(int)) checker.refuseType(E.EINVAL, type, "Invalid index");
    const elementId = checker.u32(type.at + 12);
    const element = this.#layoutType(elementId);
    if (element === undefined) return checker.refuseType(E.EINVAL, type, "Invalid elem");
    if (this.#pending(element)) return element;
    const size = this.size(elementId);
    if (size === undefined) return checker.refuseType(E.EINVAL, type, "Invalid elem");
    const behind = this.behind(elementId);
    if (behind?.kind === K.INT && !this.#regular(behind)) {
      checker.refuseType(E.EINVAL, type, "Invalid array of int");
    }
    if (size * checker.u32(type.at + 20) > U32_MAX) {
      checker.refuseType(E.EINVAL, type, "Array size overflows U32_MAX");
    }
    return undefined;
  }

  /** True for integers of 8, 16, 32, 64 or 128 bits, whatever their size. */
  #regular(type: RawType): boolean {
    const data = this.#checker.u32(type.at + 12);
    const bits = data & 0xff;
    return ((data >>> 16) & 0xff) === 0 && [8, 16, 32, 64, 128].includes(bits);
  }

  #composite(frame: Frame): RawType | undefined {
    const { type } = frame;
    for (; frame.next < type.vlen; frame.next++) {
      const i = frame.next;
      const id = this.#checker.u32(type.at + 12 + 12 * i + 4);
      const member = this.#layoutType(id);
      if (member === undefined) return this.#refuseMember(type, i, "Invalid member");
      if (this.#pending(member)) return member;
      this.#member(type, i, id);
    }
    return undefined;
  }

  #refuseMember(type: RawType, index: number, message: string): never {
    return this.#checker.refuse(E.EINVAL, () => this.#checker.member(type, index, message));
  }

  /** Checks that a member lies within its struct, as its kind demands. */
  #member(struct: RawType, index: number, id: number): void {
    const type = this.behind(id);
    const size = this.size(id);
    if (type === undefined || size === undefined) this.#refuseMember(struct, index, "Invalid member");
    // The log names the type behind modifiers.
    const refuse: (message: string) => never = (message) =>
      this.#checker.refuse(E.EINVAL, () => this.#checker.member(struct, index, message, type.id));
    const word = this.#checker.u32(struct.at + 12 + 12 * index + 8);
    const offset = struct.kflag ? word & 0xffffff : word;
    const bitfield = struct.kflag ? word >>> 24 : 0;
    if (type.kind === K.INT) {
      this.#intMember(struct, type, offset, bitfield, refuse);
      return;
    }
    if (struct.kflag && (type.kind === K.ENUM || type.kind === K.ENUM64) && bitfield !== 0) {
      if (bitfield > 32) refuse("Invalid member bitfield_size");
      if (struct.word < Math.ceil((offset + bitfield) / 8)) refuse("Member exceeds struct_size");
      return;
    }
    if (bitfield !== 0) refuse("Invalid member bitfield_size");
    if (type.kind === K.FLOAT) {
      if (offset % (Math.min(8, size) * 8) !== 0) refuse("Member is not properly aligned");
    } else if (offset % 8 !== 0) refuse("Member is not byte aligned");
    const room = struct.word - Math.floor(offset / 8);
    if (room < size) refuse("Member exceeds struct_size");
  }

  #intMember(
    struct: RawType,
    type: RawType,
    offset: number,
    bitfield: number,
    refuse: (message: string) => never,
  ): void {
    const data = this.#checker.u32(type.at + 12);
    let bits = data & 0xff;
    let start = offset;
    if (struct.kflag) {
      if (!this.#regular(type)) refuse("Invalid member base type");
      if (bitfield === 0) {
        if (offset % 8 !== 0) refuse("Invalid member offset");
      } else {
        if (bitfield > bits) refuse("Invalid member bitfield_size");
        bits = bitfield;
      }
    } else {
      const inner = (data >>> 16) & 0xff;
      if (U32_MAX - offset < inner) refuse("bits_offset exceeds U32_MAX");
      start += inner;
    }
    const copied = bits + (start % 8);
    if (copied > 128) refuse("nr_copy_bits exceeds 128");
    const at = Math.floor(start / 8);
    if (struct.word < at || struct.word - at < Math.ceil(copied / 8)) refuse("Member exceeds struct_size");
  }

  #datasec(frame: Frame): RawType | undefined {
    const checker = this.#checker;
    const { type } = frame;
    for (; frame.next < type.vlen; frame.next++) {
      const i = frame.next;
      const at = type.at + 12 + 12 * i;
      const refuse: (message: string) => never = (message) =>
        checker.refuse(E.EINVAL, () => checker.secinfo(type, i, message));
      const variable = this.type(checker.u32(at));
      if (variable?.kind !== K.VAR) return refuse("Not a VAR kind member");
      if (this.#pending(variable)) {
        // As Linux has it: a variable that comes after its section is followed, but its size is not compared.
        frame.next++;
        return variable;
      }
      const size = this.size(variable.word);
      if (size === undefined) return refuse("Invalid type");
      if (checker.u32(at + 8) < size) refuse("Invalid size");
    }
    return undefined;
  }

  #func(type: RawType): void {
    const proto = this.type(type.word);
    if (proto?.kind !== K.FUNC_PROTO) this.#checker.refuseType(E.EINVAL, type, "Invalid type_id");
    for (let i = 0; i < proto.vlen; i++) {
      const at = proto.at + 12 + 8 * i;
      if (this.#checker.u32(at) === 0 && this.#checker.u32(at + 4) !== 0) {
        this.#checker.refuseType(E.EINVAL, type, `Invalid arg#${i + 1}`);
      }
    }
  }

  #declTag(type: RawType): RawType | undefined {
    const target = this.type(type.word);
    if (target === undefined || !TAGGABLE.has(target.kind)) {
      return this.#checker.refuseType(E.EINVAL, type, "Invalid type_id");
    }
    if (this.#pending(target)) return target;
    const component = this.#checker.i32(type.at + 12);
    if (component === -1) return undefined;
    const count = target.kind === K.FUNC ? (this.type(target.word)?.vlen ?? 0) : target.vlen;
    const whole = target.kind === K.VAR || target.kind === K.TYPEDEF;
    if (whole || component >= count) this.#checker.refuseType(E.EINVAL, type, "Invalid component_idx");
    return undefined;
  }

  /** A prototype's return type and parameters must be types that values have; the last one may be `...`. */
  checkProto(type: RawType): void {
    const checker = this.#checker;
    if (type.word !== 0 && !this.#valueType(type.word)) {
      checker.refuseType(E.EINVAL, type, "Invalid return type");
    }
    for (let i = 0; i < type.vlen; i++) {
      const at = type.at + 12 + 8 * i;
      const nameOff = checker.u32(at);
      const id = checker.u32(at + 4);
      const refuse: () => never = () => checker.refuseType(E.EINVAL, type, `Invalid arg#${i + 1}`);
      if (id === 0 && i === type.vlen - 1) {
        if (nameOff !== 0) refuse();
        return;
      }
      const target = this.type(id);
      if (target === undefined || SOURCE_ONLY.has(target.kind)) refuse();
      if (nameOff !== 0 && !isParamName(checker, nameOff)) refuse();
      if (!this.#valueType(id)) refuse();
    }
  }

  #valueType(id: number): boolean {
    const type = this.type(id);
    if (type === undefined || type.kind === 0 || SOURCE_ONLY.has(type.kind)) return false;
    if (FOLLOWED.has(type.kind)) this.resolve(type);
    return this.size(id) !== undefined;
  }
}

/** Type tags stand before const, volatile, restrict and typedefs, not behind them. */
function checkTags(checker: BtfChecker, resolver: Resolver): void {
  for (const start of checker.types) {
    if (!MODIFIERS.has(start.kind)) continue;
    let inTags = start.kind === K.TYPE_TAG;
    let type: RawType | undefined = start;
    for (let left = MAX_DEPTH; type !== undefined && MODIFIERS.has(type.kind); left--) {
      if (left === 0) checker.refuseBare(E.ELOOP, "Max chain length or cycle detected");
      if (type.kind !== K.TYPE_TAG) inTags = false;
      else if (!inTags) checker.refuseBare(E.EINVAL, "Type tags don't precede modifiers");
      type = resolver.type(type.word);
    }
  }
}
