import type { Insn } from "../../../isa/insn.ts";
import { ALU, CLASS } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { checkPointerStaysInside } from "../access/sanitize.ts";
import { bytes, scratchReg } from "../state/arena.ts";
import { REG, type RegPtr, TYPE, TYPE_FLAG, TYPE_MASK } from "../state/layout.ts";
import { regTypeName } from "../state/print.ts";
import {
  constValue,
  copyReg,
  hasTypeFlag,
  isConst,
  isConstZero,
  regOff,
  regType,
  setPktRange,
  setRegId,
  setRegOff,
  setRegType,
  smaxBig,
  smin,
  sminBig,
  umaxBig,
  uminBig,
  varValueBig,
} from "../state/view.ts";
import { addOffset, constFitsOffset, markKnown, markUnknown, subOffset } from "../value/value.ts";
import { ALU_SYMBOL } from "./alu_symbol.ts";
import { type Env, reject } from "./env.ts";

/** Offsets beyond this are not reasoned about: 2^29. */
export const MAX_VAR_OFF = 1 << 29;

/** Pointers that a number may be added to. */
const MOVABLE: ReadonlySet<number> = new Set<number>([
  TYPE.PTR_TO_CTX,
  TYPE.PTR_TO_MAP_VALUE,
  TYPE.PTR_TO_MAP_KEY,
  TYPE.PTR_TO_STACK,
  TYPE.PTR_TO_PACKET_META,
  TYPE.PTR_TO_PACKET,
  TYPE.PTR_TO_TP_BUFFER,
  TYPE.PTR_TO_BTF_ID,
  TYPE.PTR_TO_MEM,
  TYPE.PTR_TO_BUF,
  TYPE.PTR_TO_FUNC,
  TYPE.CONST_PTR_TO_DYNPTR,
]);

/** True for the three kinds of packet pointers that have a range. */
export function isPacketPointer(r: RegPtr): boolean {
  const type = regType(r);
  return type === TYPE.PTR_TO_PACKET || type === TYPE.PTR_TO_PACKET_META;
}

const BEFORE = 1;
const OPERAND = 2;

/** Copies what a packet's or map's pointer knows beside its offset: range, map, size, type ids. */
function copyFacts(dst: RegPtr, src: RegPtr): void {
  bytes.copyWithin(dst + REG.map, src + REG.map, src + REG.pad);
}

/**
 * Computes pointer plus or minus number into `dst`, which is one of the two. A number that comes to point somewhere
 * keeps its own frame number and reference, as Linux does. Linux: adjust_ptr_min_max_vals.
 */
export function pointerAlu(env: Env, insn: Insn, dst: RegPtr, pointer: RegPtr, number: RegPtr): void {
  const op = insn.code & 0xf0;
  const n = insn.dst;
  const known = isConst(number);
  if (
    (known && (sminBig(number) !== smaxBig(number) || uminBig(number) !== umaxBig(number))) ||
    sminBig(number) > smaxBig(number) ||
    uminBig(number) > umaxBig(number)
  ) {
    // The ranges contradict each other: a branch that is never taken.
    markUnknown(dst);
    return;
  }
  if ((insn.code & 7) !== CLASS.ALU64) {
    if (op === ALU.SUB && env.allowPtrLeaks) {
      markUnknown(dst);
      return;
    }
    throw reject(env, E.EACCES, `R${n} 32-bit pointer arithmetic prohibited`);
  }
  const type = regType(pointer);
  const name = regTypeName(type);
  if ((type & TYPE_FLAG.PTR_MAYBE_NULL) !== 0) {
    throw reject(env, E.EACCES, `R${n} pointer arithmetic on ${name} prohibited, null-check it first`);
  }
  const base = type & TYPE_MASK;
  if (base === TYPE.PTR_TO_MEM && hasTypeFlag(pointer, TYPE_FLAG.PTR_UNTRUSTED)) return;
  if (!MOVABLE.has(base)) {
    const stays = base === TYPE.CONST_PTR_TO_MAP && isConstZero(number) && op === ALU.ADD;
    if (!stays && !(base === TYPE.PTR_TO_FLOW_KEYS && known)) {
      throw reject(env, E.EACCES, `R${n} pointer arithmetic on ${name} prohibited`);
    }
  }
  if (!isSaneOffset(env, number, name) || !isSaneOffset(env, pointer, name)) throw reject(env, E.EINVAL);

  const from = scratchReg(BEFORE);
  const by = scratchReg(OPERAND);
  copyReg(from, pointer);
  copyReg(by, number);
  const wasPointer = dst === pointer;
  setRegType(dst, type);
  switch (op) {
    case ALU.ADD:
      move(env, dst, from, by, false);
      break;
    case ALU.SUB:
      if (!wasPointer) throw reject(env, E.EACCES, `R${n} tried to subtract pointer from scalar`);
      if (type === TYPE.PTR_TO_STACK) {
        throw reject(env, E.EACCES, `R${n} subtraction from stack pointer prohibited`);
      }
      move(env, dst, from, by, true);
      break;
    case ALU.AND:
    case ALU.OR:
    case ALU.XOR:
      throw reject(env, E.EACCES, `R${n} bitwise operator ${ALU_SYMBOL[op]} on pointer prohibited`);
    default:
      throw reject(env, E.EACCES, `R${n} pointer arithmetic with ${ALU_SYMBOL[op]} operator prohibited`);
  }
  if (!isSaneOffset(env, dst, name)) throw reject(env, E.EINVAL);
  checkPointerStaysInside(env, insn, dst);
}

function move(env: Env, dst: RegPtr, from: RegPtr, by: RegPtr, subtract: boolean): void {
  const zero = scratchReg(3);
  copyFacts(dst, from);
  bytes.copyWithin(dst + REG.id, from + REG.id, from + REG.id + 4);
  if (constFitsOffset(from, by, subtract)) {
    const delta = constValue(by);
    markKnown(zero, 0, 0);
    addOffset(dst, from, zero);
    setRegOff(dst, subtract ? regOff(from) - delta : regOff(from) + delta);
    return;
  }
  setRegOff(dst, regOff(from));
  if (subtract) subOffset(dst, from, by);
  else addOffset(dst, from, by);
  if (!isPacketPointer(from)) return;
  // Something unknown was added: what was known of the packet's length says nothing of this place.
  setRegId(dst, ++env.idGen);
  if (!subtract || smin(by) < 0) {
    bytes.fill(0, dst + REG.aux0, dst + REG.pad);
    setPktRange(dst, 0);
  }
}

/** True if a pointer's or number's offset is within what is reasoned about; logs why if not. */
function isSaneOffset(env: Env, r: RegPtr, name: string): boolean {
  const say = (text: string): boolean => {
    env.log.line(text);
    return false;
  };
  if (isConst(r)) {
    const value = constValue(r);
    if (value >= MAX_VAR_OFF || value <= -MAX_VAR_OFF) {
      return say(`math between ${name} pointer and ${BigInt.asIntN(64, varValueBig(r))} is not allowed`);
    }
  }
  const off = regOff(r);
  // A number may have one too, which ties it to its link's base; Linux looks at that as well.
  if (off >= MAX_VAR_OFF || off <= -MAX_VAR_OFF) {
    return say(`${name} pointer offset ${off} is not allowed`);
  }
  if (sminBig(r) === -(1n << 63n)) {
    return say(`math between ${name} pointer and register with unbounded min value is not allowed`);
  }
  if (smin(r) >= MAX_VAR_OFF || smin(r) <= -MAX_VAR_OFF) {
    return say(`value ${sminBig(r)} makes ${name} pointer be out of bounds`);
  }
  return true;
}
