import { E } from "../../../uapi/errno.ts";
import { MAP_FLAG } from "../../../uapi/flags.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import type { MapFacts } from "../../prog/map_facts.ts";
import { type RegPtr, TYPE, TYPE_FLAG, TYPE_MASK } from "../state/layout.ts";
import { regTypeName } from "../state/print.ts";
import {
  constValue,
  curframe,
  hasTypeFlag,
  isConst,
  isScalar,
  memSize,
  regFrameno,
  regMap,
  regOff,
  regType,
} from "../state/view.ts";
import { coerceToSize, coerceToSizeSigned, markKnown, markUnknown } from "../value/value.ts";
import { type Env, type InsnAux, reject } from "../walk/env.ts";
import { isPointer, mapOf, reg } from "../walk/regs.ts";
import { checkAlignment } from "./align.ts";
import { accessContext } from "./context.ts";
import { checkMapFields } from "./map_fields.ts";
import { accessMapObject } from "./map_object.ts";
import { mayAccessPacket } from "./packet_rule.ts";
import { checkPacketRegion, checkRegion } from "./region.ts";
import { checkSockAccess } from "./sock.ts";
import { type AccessKind, checkStackBounds } from "./stack.ts";
import { readStack } from "./stack_read.ts";
import { writeStack } from "./stack_write.ts";

/** One access of an instruction through a register. */
export interface Access {
  /** The pointer's register. */
  readonly regno: number;
  /** The instruction's offset. */
  readonly off: number;
  /** 1, 2, 4 or 8 bytes. */
  readonly size: number;
  readonly kind: AccessKind;
  /** The register that is loaded or stored, -1 for none. */
  readonly value: number;
  /** Whatever the memory, the access must be aligned (atomics). */
  readonly strictAlignment: boolean;
  /** A load that sign-extends. */
  readonly signed: boolean;
}

type Handler = (env: Env, a: Access, r: RegPtr, off: number) => void;

/** Refuses a store of a pointer where users could read it. */
function refuseLeak(env: Env, a: Access, where: string): void {
  if (a.kind === "write" && a.value >= 0 && isPointer(env, reg(env, a.value))) {
    throw reject(env, E.EACCES, `R${a.value} leaks addr into ${where}`);
  }
}

function loadUnknown(env: Env, a: Access): void {
  if (a.kind === "read" && a.value >= 0) markUnknown(reg(env, a.value));
}

/** Device maps hand out the kernel's own words: programs may never write them. */
const ALWAYS_READ_ONLY: ReadonlySet<number> = new Set<number>([MAP_TYPE.DEVMAP, MAP_TYPE.DEVMAP_HASH]);

/** A map's flags, with those that its type implies. */
export function mapFlags(map: MapFacts): number {
  return ALWAYS_READ_ONLY.has(map.type) ? map.flags | MAP_FLAG.RDONLY_PROG : map.flags;
}

/** Refuses what the map's flags forbid programs to do. */
export function checkMapFlags(env: Env, map: MapFacts, off: number, size: number, kind: AccessKind): void {
  const forbidden = kind === "write" ? MAP_FLAG.RDONLY_PROG : MAP_FLAG.WRONLY_PROG;
  if ((mapFlags(map) & forbidden) === 0) return;
  const verb = kind === "write" ? "write into" : "read from";
  throw reject(env, E.EACCES, `${verb} map forbidden, value_size=${map.valueSize} off=${off} size=${size}`);
}

function mapKey(env: Env, a: Access, r: RegPtr, off: number): void {
  if (a.kind === "write") throw reject(env, E.EACCES, `write to change key R${a.regno} not allowed`);
  checkRegion(env, a.regno, off, a.size, mapOf(env, regMap(r)).keySize, false);
  loadUnknown(env, a);
}

function mapValue(env: Env, a: Access, r: RegPtr, off: number): void {
  const map = mapOf(env, regMap(r));
  refuseLeak(env, a, "map");
  checkMapFlags(env, map, off, a.size, a.kind);
  checkRegion(env, a.regno, off, a.size, map.valueSize, false);
  checkMapFields(env, a.regno, off, a.size);
  if (a.kind !== "read" || a.value < 0) return;
  const dst = reg(env, a.value);
  const at = off + constValue(r);
  if (isConst(r) && map.constValue !== undefined && (map.flags & MAP_FLAG.RDONLY_PROG) !== 0) {
    loadConstant(dst, map.constValue, at, a.size, a.signed);
  } else {
    markUnknown(dst);
  }
}

function loadConstant(dst: RegPtr, bytes: Uint8Array, at: number, size: number, signed: boolean): void {
  let lo = 0;
  let hi = 0;
  for (let i = 0; i < size; i++) {
    const byte = bytes[at + i] ?? 0;
    if (i < 4) lo |= byte << (8 * i);
    else hi |= byte << (8 * (i - 4));
  }
  if (signed && size < 8) {
    const shift = 32 - 8 * size;
    lo = (lo << shift) >> shift;
    hi = lo >> 31;
  }
  markKnown(dst, lo, hi);
}

function plainMemory(env: Env, a: Access, r: RegPtr, off: number): void {
  const type = regType(r);
  const name = regTypeName(type);
  if ((type & TYPE_FLAG.PTR_UNTRUSTED) === 0 && (type & TYPE_FLAG.PTR_MAYBE_NULL) !== 0) {
    throw reject(env, E.EACCES, `R${a.regno} invalid mem access '${name}'`);
  }
  if (a.kind === "write" && (type & TYPE_FLAG.MEM_RDONLY) !== 0) {
    throw reject(env, E.EACCES, `R${a.regno} cannot write into ${name}`);
  }
  refuseLeak(env, a, "mem");
  if ((type & TYPE_FLAG.PTR_UNTRUSTED) === 0) checkRegion(env, a.regno, off, a.size, memSize(r), false);
  loadUnknown(env, a);
}

function stack(env: Env, a: Access, r: RegPtr, off: number): void {
  checkStackBounds(env, a.regno, off, a.size, a.kind);
  noteStackOffset(env, r, off);
  if (a.kind === "read") readStack(env, a.regno, off, a.size, a.value);
  else writeStack(env, a.regno, off, a.size, a.value);
}

function packet(env: Env, a: Access, _r: RegPtr, off: number): void {
  if (a.kind === "write" && !mayAccessPacket(env, undefined, "write")) {
    throw reject(env, E.EACCES, "cannot write into packet");
  }
  refuseLeak(env, a, "packet");
  checkPacketRegion(env, a.regno, off, a.size, false);
  loadUnknown(env, a);
}

/** Bytes of struct bpf_flow_keys. */
const FLOW_KEYS_SIZE = 56;

function flowKeys(env: Env, a: Access, _r: RegPtr, off: number): void {
  refuseLeak(env, a, "flow keys");
  if (off < 0 || off + a.size > FLOW_KEYS_SIZE) {
    throw reject(env, E.EACCES, `invalid access to flow keys off=${off} size=${a.size}`);
  }
  loadUnknown(env, a);
}

function socket(env: Env, a: Access, r: RegPtr, off: number): void {
  if (a.kind === "write") {
    throw reject(env, E.EACCES, `R${a.regno} cannot write into ${regTypeName(regType(r))}`);
  }
  checkSockAccess(env, a.regno, off, a.size);
  loadUnknown(env, a);
}

function tpBuffer(env: Env, a: Access, r: RegPtr, off: number): void {
  if (off < 0) {
    throw reject(env, E.EACCES, `R${a.regno} invalid tracepoint buffer access: off=${off}, size=${a.size}`);
  }
  if (!isConst(r) || constValue(r) !== 0) {
    throw reject(env, E.EACCES, `R${a.regno} invalid variable buffer offset: off=${off}`);
  }
  loadUnknown(env, a);
}

/** What the memory behind a pointer demands, by the pointer's base type. */
const HANDLERS: Readonly<Record<number, Handler>> = {
  [TYPE.PTR_TO_MAP_KEY]: mapKey,
  [TYPE.PTR_TO_MAP_VALUE]: mapValue,
  [TYPE.PTR_TO_MEM]: plainMemory,
  [TYPE.PTR_TO_CTX]: (env, a, r, off) => {
    refuseLeak(env, a, "ctx");
    accessContext(env, a, r, off);
  },
  [TYPE.PTR_TO_STACK]: stack,
  [TYPE.PTR_TO_PACKET]: packet,
  [TYPE.PTR_TO_PACKET_META]: packet,
  [TYPE.PTR_TO_FLOW_KEYS]: flowKeys,
  [TYPE.PTR_TO_SOCKET]: socket,
  [TYPE.PTR_TO_SOCK_COMMON]: socket,
  [TYPE.PTR_TO_TCP_SOCK]: socket,
  [TYPE.PTR_TO_XDP_SOCK]: socket,
  [TYPE.PTR_TO_TP_BUFFER]: tpBuffer,
  [TYPE.PTR_TO_BTF_ID]: (env) => {
    throw reject(env, E.EINVAL, "anybpf: access to kernel objects through BTF is not supported yet");
  },
  [TYPE.CONST_PTR_TO_MAP]: accessMapObject,
};

/** Pointers whose memory may be used while "may be null" is still on them; the handler says what of it. */
const CHECKS_NULL_ITSELF: ReadonlySet<number> = new Set<number>([TYPE.PTR_TO_MEM]);

/** Checks an access through a register and gives a loaded register its state. Linux: check_mem_access. */
export function checkAccess(env: Env, a: Access): void {
  const r = reg(env, a.regno);
  const type = regType(r);
  const base = type & TYPE_MASK;
  checkAlignment(env, r, a.off, a.size, a.strictAlignment);
  const handler = HANDLERS[base];
  const nullable = hasTypeFlag(r, TYPE_FLAG.PTR_MAYBE_NULL) && !CHECKS_NULL_ITSELF.has(base);
  if (handler === undefined || nullable) {
    throw reject(env, E.EACCES, `R${a.regno} invalid mem access '${regTypeName(type)}'`);
  }
  noteAccess(env, base);
  handler(env, a, r, a.off + regOff(r));
  if (a.kind === "read" && a.value >= 0 && a.size < 8) {
    const dst = reg(env, a.value);
    if (!isScalar(dst)) return;
    if (a.signed) coerceToSizeSigned(dst, a.size);
    else coerceToSize(dst, a.size);
  }
}

const ACCESS_NAME: Readonly<Record<number, NonNullable<InsnAux["access"]>>> = {
  [TYPE.PTR_TO_STACK]: "stack",
  [TYPE.PTR_TO_CTX]: "ctx",
  [TYPE.PTR_TO_PACKET]: "packet",
  [TYPE.PTR_TO_PACKET_META]: "packet_meta",
  [TYPE.PTR_TO_MAP_VALUE]: "map_value",
};

/** Notes for executors what kind of memory the running instruction touches. */
function noteAccess(env: Env, base: number): void {
  const aux = env.aux[env.insnIdx];
  if (aux === undefined) return;
  const name = ACCESS_NAME[base] ?? "other";
  aux.access = aux.access === undefined || aux.access === name ? name : "mixed";
}

function noteStackOffset(env: Env, r: RegPtr, off: number): void {
  const aux = env.aux[env.insnIdx];
  if (aux === undefined) return;
  const own = isConst(r) && regFrameno(r) === curframe(env.curState);
  const at = own ? constValue(r) + off : "mixed";
  aux.stackOffset = aux.stackOffset === undefined || aux.stackOffset === at ? at : "mixed";
}
