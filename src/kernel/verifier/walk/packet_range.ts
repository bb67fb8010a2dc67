import type { Insn } from "../../../isa/insn.ts";
import { CLASS, JMP, SRC } from "../../../isa/opcode.ts";
import { type RegPtr, type StatePtr, TYPE } from "../state/layout.ts";
import {
  curReg,
  forEachReg,
  isConstZero,
  pktRange,
  regId,
  regOff,
  regType,
  setPktRange,
  umax,
} from "../state/view.ts";
import { isPacketPointer } from "./pointer_alu.ts";

/** Offsets in packets beyond this are not reasoned about. */
const MAX_PACKET_OFF = 0xffff;
/** Ranges of pointers that are known to be at the end of the packet, or beyond it. */
const AT_PKT_END = -1;
const BEYOND_PKT_END = -2;

/** True for packet pointers, metadata pointers and the packet's end. */
export function isAnyPacketPointer(r: RegPtr): boolean {
  return isPacketPointer(r) || regType(r) === TYPE.PTR_TO_PACKET_END;
}

/** True if `start` is something that can be compared with the limit `end`: packet and its end, or metadata and packet. */
function isStartAndEnd(start: RegPtr, end: RegPtr): boolean {
  if (regType(start) === TYPE.PTR_TO_PACKET && regType(end) === TYPE.PTR_TO_PACKET_END) return true;
  return (
    regType(start) === TYPE.PTR_TO_PACKET_META &&
    regType(end) === TYPE.PTR_TO_PACKET &&
    regId(end) === 0 &&
    regOff(end) === 0 &&
    isConstZero(end)
  );
}

interface Rule {
  /** The branch in which the bytes before the pointer are known to be there. */
  readonly good: "taken" | "fall";
  /** In the good branch the pointer is strictly before the end: one more byte is there. */
  readonly strict: boolean;
}

/** For `pointer OP end`. The other branch knows the opposite: at the end, or beyond it. */
const RULES: Readonly<Record<number, Rule>> = {
  [JMP.JGT]: { good: "fall", strict: false },
  [JMP.JLT]: { good: "taken", strict: true },
  [JMP.JGE]: { good: "fall", strict: true },
  [JMP.JLE]: { good: "taken", strict: false },
};

/** The operation that says the same with its operands exchanged. */
export const FLIPPED: Readonly<Record<number, number>> = {
  [JMP.JEQ]: JMP.JEQ,
  [JMP.JNE]: JMP.JNE,
  [JMP.JSET]: JMP.JSET,
  [JMP.JGT]: JMP.JLT,
  [JMP.JLT]: JMP.JGT,
  [JMP.JGE]: JMP.JLE,
  [JMP.JLE]: JMP.JGE,
  [JMP.JSGT]: JMP.JSLT,
  [JMP.JSLT]: JMP.JSGT,
  [JMP.JSGE]: JMP.JSLE,
  [JMP.JSLE]: JMP.JSGE,
};

/** Learns the packet's length from a comparison with its end; false if the jump is no such comparison. */
export function learnPacketRange(insn: Insn, fall: StatePtr, taken: StatePtr): boolean {
  if ((insn.code & SRC.X) === 0 || (insn.code & 7) === CLASS.JMP32) return false;
  const op = insn.code & 0xf0;
  if (RULES[op] === undefined) return false;
  const dst = curReg(fall, insn.dst);
  const src = curReg(fall, insn.src);
  let n: number;
  let rule: Rule | undefined;
  if (isStartAndEnd(dst, src)) {
    n = insn.dst;
    rule = RULES[op];
  } else if (isStartAndEnd(src, dst)) {
    n = insn.src;
    rule = RULES[FLIPPED[op] ?? op];
  } else return false;
  if (rule === undefined) return false;
  const good = rule.good === "fall" ? fall : taken;
  const bad = rule.good === "fall" ? taken : fall;
  extendRange(good, curReg(fall, n), rule.strict);
  const beyond = curReg(bad, n);
  if (regType(beyond) === TYPE.PTR_TO_PACKET) {
    // Not strictly before the end is at least at it; not at most the end is beyond it.
    setPktRange(beyond, rule.strict ? AT_PKT_END : BEYOND_PKT_END);
  }
  return true;
}

/** Every pointer from the same place may reach as far as the compared one. Linux: find_good_pkt_pointers. */
function extendRange(state: StatePtr, pointer: RegPtr, strict: boolean): void {
  const off = regOff(pointer);
  if (off < 0 || (off === 0 && strict)) return;
  if (umax(pointer) > MAX_PACKET_OFF || umax(pointer) + off > MAX_PACKET_OFF) return;
  const range = strict ? off + 1 : off;
  const type = regType(pointer);
  const id = regId(pointer);
  forEachReg(state, (r) => {
    if (regType(r) === type && regId(r) === id) setPktRange(r, Math.max(pktRange(r), range));
  });
}

/** Tells a comparison with the packet's end whose outcome an earlier one decided: 1, 0 or -1 for unknown. */
export function packetBranchTaken(dst: RegPtr, src: RegPtr, op: number): -1 | 0 | 1 {
  let pointer = dst;
  let cmp: number = op;
  if (regType(src) !== TYPE.PTR_TO_PACKET_END) {
    if (regType(dst) !== TYPE.PTR_TO_PACKET_END) return -1;
    pointer = src;
    cmp = FLIPPED[op] ?? op;
  }
  const range = pktRange(pointer);
  if (range >= 0) return -1;
  if (cmp === JMP.JLE || cmp === JMP.JGT) {
    if (range === BEYOND_PKT_END) return cmp === JMP.JGT ? 1 : 0;
  } else if (cmp === JMP.JLT || cmp === JMP.JGE) {
    if (range === BEYOND_PKT_END || range === AT_PKT_END) return cmp === JMP.JGE ? 1 : 0;
  }
  return -1;
}
