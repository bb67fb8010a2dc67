import { words } from "./arena.ts";
import {
  ADD_CONST,
  type FramePtr,
  MAX_REGS,
  REG,
  type RegPtr,
  SLOT,
  SLOT_KIND,
  type SlotPtr,
  type StatePtr,
  TYPE,
  TYPE_FLAG,
  TYPE_MASK,
} from "./layout.ts";
import {
  allocatedStack,
  btfHandle,
  btfId,
  constValue,
  dynptrType,
  frameno,
  frameReg,
  inAsyncCallbackFn,
  inCallbackFn,
  isConst,
  isConstZero,
  isPrecise,
  iterDepth,
  iterState,
  memSize,
  pktRange,
  refAt,
  refCount,
  refId,
  regFrameno,
  regId,
  regMap,
  regOff,
  regRefObjId,
  regType,
  slotAt,
  slotKind,
  slotReg,
  varMaskHi,
  varMaskLo,
  varValueBig,
  varValueHi,
  varValueLo,
} from "./view.ts";

/** What printing needs to know besides the state. */
export interface PrintNames {
  /** A map by its handle (`regMap`). */
  map(handle: number): { readonly name: string; readonly keySize: number; readonly valueSize: number };
  /** The name of a BTF type (`btfHandle`, `btfId`). */
  btfType(handle: number, id: number): string;
}

/** Which registers and slots changed since the last print: bit n for Rn, bit i for slot i. */
export interface Scratched {
  regs: number;
  /** Slots 0 to 31 and 32 to 63. */
  slotsLo: number;
  slotsHi: number;
}

const TYPE_NAME: Readonly<Record<number, string>> = {
  [TYPE.NOT_INIT]: "?",
  [TYPE.SCALAR_VALUE]: "scalar",
  [TYPE.PTR_TO_CTX]: "ctx",
  [TYPE.CONST_PTR_TO_MAP]: "map_ptr",
  [TYPE.PTR_TO_MAP_VALUE]: "map_value",
  [TYPE.PTR_TO_MAP_KEY]: "map_key",
  [TYPE.PTR_TO_STACK]: "fp",
  [TYPE.PTR_TO_PACKET_META]: "pkt_meta",
  [TYPE.PTR_TO_PACKET]: "pkt",
  [TYPE.PTR_TO_PACKET_END]: "pkt_end",
  [TYPE.PTR_TO_FLOW_KEYS]: "flow_keys",
  [TYPE.PTR_TO_SOCKET]: "sock",
  [TYPE.PTR_TO_SOCK_COMMON]: "sock_common",
  [TYPE.PTR_TO_TCP_SOCK]: "tcp_sock",
  [TYPE.PTR_TO_TP_BUFFER]: "tp_buffer",
  [TYPE.PTR_TO_XDP_SOCK]: "xdp_sock",
  [TYPE.PTR_TO_BTF_ID]: "ptr_",
  [TYPE.PTR_TO_MEM]: "mem",
  [TYPE.PTR_TO_ARENA]: "arena",
  [TYPE.PTR_TO_BUF]: "buf",
  [TYPE.PTR_TO_FUNC]: "func",
  [TYPE.CONST_PTR_TO_DYNPTR]: "dynptr_ptr",
};

const FLAG_PREFIX: readonly (readonly [number, string])[] = [
  [TYPE_FLAG.MEM_RDONLY, "rdonly_"],
  [TYPE_FLAG.MEM_RINGBUF, "ringbuf_"],
  [TYPE_FLAG.MEM_USER, "user_"],
  [TYPE_FLAG.MEM_PERCPU, "percpu_"],
  [TYPE_FLAG.MEM_RCU, "rcu_"],
  [TYPE_FLAG.PTR_UNTRUSTED, "untrusted_"],
  [TYPE_FLAG.PTR_TRUSTED, "trusted_"],
];

const DYNPTR_NAME: Readonly<Record<number, string>> = {
  [TYPE_FLAG.DYNPTR_TYPE_LOCAL]: "local",
  [TYPE_FLAG.DYNPTR_TYPE_RINGBUF]: "ringbuf",
  [TYPE_FLAG.DYNPTR_TYPE_SKB]: "skb",
  [TYPE_FLAG.DYNPTR_TYPE_XDP]: "xdp",
};

const ITER_STATE = ["<invalid>", "active", "drained"];

/** One character per `SLOT_KIND`. */
const KIND_CHAR = "?rm0dif";

/** The name of a register type as messages and states show it. Linux: reg_type_str. */
export function regTypeName(type: number): string {
  const base = type & TYPE_MASK;
  let prefix = "";
  for (const [flag, text] of FLAG_PREFIX) if ((type & flag) !== 0) prefix += text;
  const nullable = (type & TYPE_FLAG.PTR_MAYBE_NULL) !== 0;
  const postfix = nullable ? (base === TYPE.PTR_TO_BTF_ID ? "or_null_" : "_or_null") : "";
  return `${prefix}${TYPE_NAME[base] ?? "?"}${postfix}`;
}

/** The name of a dynptr's kind. */
export function dynptrTypeName(kind: number): string {
  return DYNPTR_NAME[kind] ?? "<unknown>";
}

function hex(v: bigint): string {
  return `0x${BigInt.asUintN(64, v).toString(16)}`;
}

/** A signed number: decimal if it fits in 16 bits, else the hexadecimal of its 64 bits. */
export function formatSigned(v: bigint): string {
  return v >= -32768n && v <= 32767n ? v.toString() : hex(v);
}

/** An unsigned number: decimal if it fits in 16 bits, else hexadecimal. */
export function formatUnsigned(v: bigint): string {
  return v <= 65535n ? v.toString() : hex(v);
}

/** Known and unknown bits as `(value; mask)`. */
export function formatTnum(value: bigint, mask: bigint): string {
  return `(${hex(value)}; ${hex(mask)})`;
}

// Most printed lines are of paths that the log forgets again, so the common texts are made without BigInt.

function hexWords(hi: number, lo: number): string {
  const low = (lo >>> 0).toString(16);
  return hi === 0 ? `0x${low}` : `0x${(hi >>> 0).toString(16)}${low.padStart(8, "0")}`;
}

/** `formatSigned` of the two halves of a number. */
function signedWords(hi: number, lo: number): string {
  return lo >= -32768 && lo <= 32767 && hi === lo >> 31 ? `${lo}` : hexWords(hi, lo);
}

/** `formatUnsigned` of the two halves of a number. */
function unsignedWords(hi: number, lo: number): string {
  return hi === 0 && lo >>> 0 <= 65535 ? `${lo >>> 0}` : hexWords(hi, lo);
}

const RANGE_NAMES = ["smin=", "smax=", "umin=", "umax=", "smin32=", "smax32=", "umin32=", "umax32="];
/**
 * The limits as low and high halves. The high half has the sign of the mathematical value, so that equal halves are
 * equal values: a 32-bit signed limit outside 16 bits counts as unsigned.
 */
const rangeLo = new Int32Array(8);
const rangeHi = new Float64Array(8);
const rangeSkip = new Uint8Array(8);

function setRange(i: number, hi: number, lo: number, skip: boolean): void {
  rangeLo[i] = lo;
  rangeHi[i] = hi;
  rangeSkip[i] = skip ? 1 : 0;
}

function setSigned32(i: number, v: number, nothing: number): void {
  setRange(i, v >= -32768 && v < 0 ? -1 : 0, v, v === nothing);
}

/** The ranges that say something, those with equal values joined: `smin=umin=5,umax=9`. */
function addRanges(r: RegPtr, parts: string[]): void {
  const at = r >> 2;
  const lo = (field: number): number => words[at + (field >> 2)] as number;
  const hi = (field: number): number => words[at + (field >> 2) + 1] as number;
  setRange(0, hi(REG.smin), lo(REG.smin), hi(REG.smin) === -0x80000000 && lo(REG.smin) === 0);
  setRange(1, hi(REG.smax), lo(REG.smax), hi(REG.smax) === 0x7fffffff && lo(REG.smax) === -1);
  setRange(2, hi(REG.umin) >>> 0, lo(REG.umin), hi(REG.umin) === 0 && lo(REG.umin) === 0);
  setRange(3, hi(REG.umax) >>> 0, lo(REG.umax), hi(REG.umax) === -1 && lo(REG.umax) === -1);
  setSigned32(4, lo(REG.s32min), -0x80000000);
  setSigned32(5, lo(REG.s32max), 0x7fffffff);
  setRange(6, 0, lo(REG.u32min), lo(REG.u32min) === 0);
  setRange(7, 0, lo(REG.u32max), lo(REG.u32max) === -1);
  for (let i = 0; i < 8; i++) {
    if (rangeSkip[i] === 1) continue;
    let text = RANGE_NAMES[i] as string;
    // Minima are joined with minima and maxima with maxima.
    for (let j = i + 2; j < 8; j += 2) {
      if (rangeSkip[j] === 1 || rangeLo[j] !== rangeLo[i] || rangeHi[j] !== rangeHi[i]) continue;
      rangeSkip[j] = 1;
      text += RANGE_NAMES[j] as string;
    }
    const high = (rangeHi[i] as number) | 0;
    const low = rangeLo[i] as number;
    parts.push(text + ((i & 2) === 0 ? signedWords(high, low) : unsignedWords(high, low)));
  }
}

function holdsMap(base: number): boolean {
  return base === TYPE.CONST_PTR_TO_MAP || base === TYPE.PTR_TO_MAP_VALUE || base === TYPE.PTR_TO_MAP_KEY;
}

/**
 * One register's state, as `R1=` is followed by in a log; `inFrame` is the number of the frame that is printed.
 * Linux: print_reg_state.
 */
export function printReg(r: RegPtr, names: PrintNames, inFrame: number): string {
  const type = regType(r);
  const base = type & TYPE_MASK;
  let out = type === TYPE.SCALAR_VALUE && isPrecise(r) !== 0 ? "P" : "";
  if (type === TYPE.SCALAR_VALUE && isConst(r)) {
    return out + signedWords(varValueHi(r), varValueLo(r));
  }
  if (base === TYPE.PTR_TO_STACK) {
    out += regFrameno(r) === inFrame ? "fp" : `fp[${regFrameno(r)}]`;
    if (isConst(r)) {
      const at = constValue(r) + regOff(r);
      if (at >= -32768 && at <= 32767) return `${out}${at}`;
      return out + formatSigned(BigInt.asIntN(64, varValueBig(r) + BigInt(regOff(r))));
    }
  } else {
    out += regTypeName(type);
    if (base === TYPE.PTR_TO_BTF_ID) out += names.btfType(btfHandle(r), btfId(r));
  }
  const parts: string[] = [];
  const id = regId(r);
  if (id !== 0) {
    const off = regOff(r);
    const delta = (id & ADD_CONST) === 0 ? "" : `${off < 0 ? "" : "+"}${off}`;
    parts.push(`id=${id & ~ADD_CONST}${delta}`);
  }
  if (regRefObjId(r) !== 0) parts.push(`ref_obj_id=${regRefObjId(r)}`);
  if ((type & TYPE_FLAG.NON_OWN_REF) !== 0) parts.push("non_own_ref");
  if (holdsMap(base)) {
    const map = names.map(regMap(r));
    if (map.name !== "") parts.push(`map=${map.name}`);
    parts.push(`ks=${map.keySize}`, `vs=${map.valueSize}`);
  }
  if (type !== TYPE.SCALAR_VALUE && regOff(r) !== 0) {
    parts.push(`off=${signedWords(regOff(r) >> 31, regOff(r))}`);
  }
  if (base === TYPE.PTR_TO_PACKET || base === TYPE.PTR_TO_PACKET_META) {
    parts.push(`r=${unsignedWords(pktRange(r) >> 31, pktRange(r))}`);
  }
  if (base === TYPE.PTR_TO_MEM) parts.push(`sz=${unsignedWords(0, memSize(r))}`);
  if (base === TYPE.CONST_PTR_TO_DYNPTR) parts.push(`type=${dynptrTypeName(dynptrType(r))}`);
  if (isConst(r)) {
    if (!isConstZero(r)) parts.push(`imm=${signedWords(varValueHi(r), varValueLo(r))}`);
  } else {
    addRanges(r, parts);
    if (varMaskHi(r) !== -1 || varMaskLo(r) !== -1) {
      const value = hexWords(varValueHi(r), varValueLo(r));
      parts.push(`var_off=(${value}; ${hexWords(varMaskHi(r), varMaskLo(r))})`);
    }
  }
  return `${out}(${parts.join(",")})`;
}

function kinds(slot: SlotPtr): string {
  let text = "";
  for (let b = 0; b < 8; b++) text += KIND_CHAR[slotKind(slot, b)] ?? "?";
  return text;
}

/** True if every byte of a slot is INVALID. */
function isUnused(slot: SlotPtr): boolean {
  const at = (slot + SLOT.kind) >> 2;
  return words[at] === 0 && words[at + 1] === 0;
}

/** One stack slot; the empty string if there is nothing to show. `i` may be moved on by slots that belong together. */
function printSlot(f: FramePtr, i: number, names: PrintNames): string {
  const slot = slotAt(f, i);
  const reg = slotReg(slot);
  const place = ` fp${-8 * (i + 1)}=`;
  switch (slotKind(slot, 7)) {
    case SLOT_KIND.SPILL: {
      const above = kinds(slot).indexOf("r");
      return place + kinds(slot).slice(0, above) + printReg(reg, names, frameno(f));
    }
    case SLOT_KIND.DYNPTR: {
      const parts: string[] = [];
      if (regId(reg) !== 0) parts.push(`id=${regId(reg)}`);
      if (regRefObjId(reg) !== 0) parts.push(`ref_id=${regRefObjId(reg)}`);
      return `${place}dynptr_${dynptrTypeName(dynptrType(reg))}(${parts.join(",")})`;
    }
    case SLOT_KIND.ITER:
      if (regRefObjId(reg) === 0) return "";
      return (
        `${place}iter_${names.btfType(0, btfId(reg))}(ref_id=${regRefObjId(reg)},` +
        `state=${ITER_STATE[iterState(reg)] ?? "<invalid>"},depth=${iterDepth(reg) >>> 0})`
      );
    default:
      return place + kinds(slot);
  }
}

function isScratchedSlot(only: Scratched, i: number): boolean {
  return ((i < 32 ? only.slotsLo >>> i : only.slotsHi >>> (i - 32)) & 1) !== 0;
}

/**
 * A frame's registers and stack and the state's references, each preceded by a space, without the line's end:
 * ` R1=ctx() R10=fp0 fp-8=mmmm????`. Only what `only` names, or everything. Linux: print_verifier_state.
 */
export function printState(
  st: StatePtr,
  f: FramePtr,
  names: PrintNames,
  only: Scratched | undefined,
): string {
  let out = frameno(f) === 0 ? "" : ` frame${frameno(f)}:`;
  for (let n = 0; n < MAX_REGS; n++) {
    const r = frameReg(f, n);
    if (only !== undefined && ((only.regs >>> n) & 1) === 0) continue;
    if (regType(r) === TYPE.NOT_INIT) continue;
    out += ` R${n}=${printReg(r, names, frameno(f))}`;
  }
  const slots = allocatedStack(f) >> 3;
  for (let i = 0; i < slots; i++) {
    if (only !== undefined && !isScratchedSlot(only, i)) continue;
    if (isUnused(slotAt(f, i))) continue;
    // A dynptr takes two slots; its facts are in the second, at the lower address.
    if (slotKind(slotAt(f, i), 7) === SLOT_KIND.DYNPTR) i++;
    out += printSlot(f, i, names);
  }
  if (refCount(st) > 0) out += printRefs(st);
  if (inCallbackFn(f) !== 0) out += " cb";
  if (inAsyncCallbackFn(f) !== 0) out += " async_cb";
  return out;
}

function printRefs(st: StatePtr): string {
  const refs: number[] = [];
  for (let i = 0; i < refCount(st); i++) {
    const id = refId(refAt(st, i));
    if (id !== 0) refs.push(id);
    else if (i === 0) break;
  }
  return refs.length > 0 ? ` refs=${refs.join(",")}` : "";
}
