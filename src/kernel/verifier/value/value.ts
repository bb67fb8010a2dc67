import { words } from "../state/arena.ts";
import { REG, type RegPtr, STATE, type StatePtr, TYPE } from "../state/layout.ts";
import { valueUnit } from "./unit.ts";

// The names say what happens to a record; Linux's function of the same effect stands in each comment. All work is
// done in the compiled unit: a call costs about as much as a JavaScript one.

/**
 * Prepares for a verification: whether unknown numbers start out imprecise (the loader has CAP_BPF) or precise.
 * Compiles the arithmetic on first use.
 */
export function configureValues(bpfCapable: boolean): void {
  valueUnit().configure(bpfCapable ? 1 : 0);
}

/** Makes a register NOT_INIT with unknown value. Linux: __mark_reg_not_init. */
export function markNotInit(r: RegPtr): void {
  valueUnit().markNotInit(r);
}

/** Makes a register a number of which nothing is known; clears ids. Linux: mark_reg_unknown. */
export function markUnknown(r: RegPtr): void {
  valueUnit().markUnknown(r);
}

/** Makes a register the number `hi:lo`, with nothing left of what it was. Linux: mark_reg_unknown + __mark_reg_known. */
export function markKnown(r: RegPtr, lo: number, hi: number): void {
  valueUnit().markUnknown(r);
  valueUnit().setKnown(r, lo, hi);
}

/** Makes a register the number that a sign-extended 32-bit immediate is. */
export function markKnownImm(r: RegPtr, imm: number): void {
  markKnown(r, imm, imm >> 31);
}

/** Makes a register the number zero (precise if the loader lacks CAP_BPF). Linux: __mark_reg_const_zero. */
export function markConstZero(r: RegPtr): void {
  markKnown(r, 0, 0);
}

/**
 * Gives a register the constant value `hi:lo` and clears offset, map and other facts, and ids; type and precision
 * stay. Linux: __mark_reg_known.
 */
export function setKnown(r: RegPtr, lo: number, hi: number): void {
  valueUnit().setKnown(r, lo, hi);
}

/** `setKnown(r, 0, 0)`: the state of a fresh pointer, whose type is set beside it. Linux: mark_reg_known_zero. */
export function setKnownZero(r: RegPtr): void {
  valueUnit().setKnown(r, 0, 0);
}

/** Gives the low half a constant value; what is known of the whole number otherwise stays. Linux: __mark_reg32_known. */
export function setConst32(r: RegPtr, value: number): void {
  valueUnit().setConst32(r, value);
}

/** Forgets all ranges, but not the known bits. Linux: __mark_reg_unbounded. */
export function setUnbounded(r: RegPtr): void {
  valueUnit().setUnbounded(r);
}

/** Sets both signed ranges (64 and 32 bits) to [min, max], for values that fit in 32 bits; call `syncBounds` after. */
export function setSignedRange(r: RegPtr, min: number, max: number): void {
  valueUnit().setSignedRange(r, min, max);
}

/** Makes known bits and all ranges agree with each other. Linux: reg_bounds_sync. */
export function syncBounds(r: RegPtr): void {
  valueUnit().syncBounds(r);
}

/**
 * 0 if a number's facts agree. Otherwise a dead branch was walked: 1 if a range is empty, 2 or 3 if the known bits are
 * all known (of 64, of the low 32) and a range says something else.
 */
export function boundsBroken(r: RegPtr): number {
  return valueUnit().boundsBroken(r);
}

/** Clears the high half, as a write to the low half does. Linux: zext_32_to_64. */
export function zeroExtend32(r: RegPtr): void {
  valueUnit().zeroExtend32(r);
}

/** Cuts a number to `size` bytes (1, 2, 4 or 8) as a load of that size does. Linux: coerce_reg_to_size. */
export function coerceToSize(r: RegPtr, size: number): void {
  valueUnit().coerceToSize(r, size);
}

/** Cuts a number to `size` bytes and sign-extends it to 64 bits. Linux: coerce_reg_to_size_sx. */
export function coerceToSizeSigned(r: RegPtr, size: number): void {
  valueUnit().coerceToSizeSigned(r, size);
}

/** Cuts the low half to `size` bytes and sign-extends it to 32 bits. Linux: coerce_subreg_to_size_sx. */
export function coerceSubregToSizeSigned(r: RegPtr, size: number): void {
  valueUnit().coerceSubregToSizeSigned(r, size);
}

/**
 * Computes a number from numbers: `code` is the opcode byte of any ALU or ALU64 instruction but MOV (`off` its
 * offset field: 1 for signed division). For NEG and END `src` is not read. For END, `imm` is the width.
 * Operands keep their type; ids are the caller's business. Linux: adjust_scalar_min_max_vals.
 */
export function aluScalar(code: number, off: number, imm: number, dst: RegPtr, src: RegPtr): void {
  valueUnit().aluScalar(code, off, imm, dst, src);
}

/**
 * Gives `dst` the variable part (known bits and ranges, synced) of pointer `ptr` plus the number `scalar`; `dst` may be
 * either. All else of `dst` stays. Linux: the BPF_ADD part of adjust_ptr_min_max_vals.
 */
export function addOffset(dst: RegPtr, ptr: RegPtr, scalar: RegPtr): void {
  valueUnit().addOffset(dst, ptr, scalar);
}

/** `addOffset` for a subtraction. */
export function subOffset(dst: RegPtr, ptr: RegPtr, scalar: RegPtr): void {
  valueUnit().subOffset(dst, ptr, scalar);
}

/**
 * True if the number `scalar` is constant and the pointer's fixed offset has room for it, so that only that offset
 * changes (the variable part becomes that of `addOffset` with zero).
 */
export function constFitsOffset(ptr: RegPtr, scalar: RegPtr, subtract: boolean): boolean {
  return valueUnit().constFitsOffset(ptr, scalar, subtract ? 1 : 0) !== 0;
}

/**
 * Tells whether a conditional jump between two numbers is always taken (1), never (0), or not known (-1). `op` is the
 * operation's bits of the opcode (`JMP.JEQ` …). Linux: is_scalar_branch_taken.
 */
export function branchTaken(a: RegPtr, b: RegPtr, op: number, is32: boolean): -1 | 0 | 1 {
  return valueUnit().branchTaken(a, b, op, is32 ? 1 : 0) as -1 | 0 | 1;
}

/**
 * Narrows two pairs of copies of the compared numbers by a jump's outcome: the `taken` pair by the condition, the
 * `fall` pair by its opposite; all four are synced. If either of the fall pair is no number nothing happens.
 * For a comparison with an immediate `b` is a scratch register. Linux: reg_set_min_max.
 */
export function refineBranch(
  takenA: RegPtr,
  takenB: RegPtr,
  fallA: RegPtr,
  fallB: RegPtr,
  op: number,
  is32: boolean,
): void {
  if (words[(fallA + REG.type) >> 2] !== TYPE.SCALAR_VALUE) return;
  if (words[(fallB + REG.type) >> 2] !== TYPE.SCALAR_VALUE) return;
  const unit = valueUnit();
  const wide = is32 ? 1 : 0;
  unit.refine(fallA, fallB, op, 0, wide);
  unit.refine(takenA, takenB, op, 1, wide);
}

/**
 * Recomputes the linked number `r` from `known`, which has the same id and was narrowed: they differ by the difference
 * of their offsets (`ADD_CONST`). Keeps r's off, id and subregDef. Linux: the loop body of sync_linked_regs.
 */
export function updateLinked(r: RegPtr, known: RegPtr): void {
  valueUnit().updateLinked(r, known);
}

/** True if `cur`'s ranges lie within `old`'s. Linux: range_within. */
export function rangeWithin(old: RegPtr, cur: RegPtr): boolean {
  return valueUnit().rangeWithin(old, cur) !== 0;
}

/** True if `cur`'s possible bits are all possible in `old`. Linux: tnum_in(old->var_off, cur->var_off). */
export function tnumIn(old: RegPtr, cur: RegPtr): boolean {
  return valueUnit().tnumIn(old, cur) !== 0;
}

/** True if two records agree in everything before `id`: type, offset, facts, known bits, ranges. */
export function sameFacts(a: RegPtr, b: RegPtr): boolean {
  return valueUnit().sameFacts(a, b) !== 0;
}

/** How alike two states have to be for `statesEqual`. Linux: enum exact_level. */
export const EXACT_LEVEL = {
  /** The old state covers the current one: what is imprecise in it does not matter. */
  NOT_EXACT: 0,
  /** Nothing changed at all: an infinite loop. */
  EXACT: 1,
  /** Every range of the current state lies within the old one's, precise or not: a loop that converges. */
  RANGE_WITHIN: 2,
} as const;

/**
 * True if the saved state `old` covers `cur` at one of the `EXACT_LEVEL`s. `live(frame)` gives the registers of each
 * frame that are still read, one bit each; `uninitStack` is true if reading unwritten stack is allowed, `strict` if
 * numbers have to be the same (limits of pointer arithmetic are being explored). Linux: states_equal.
 */
export function statesEqual(
  old: StatePtr,
  cur: StatePtr,
  level: number,
  idGen: number,
  uninitStack: boolean,
  strict: boolean,
  live: (frame: number) => number,
): boolean {
  const unit = valueUnit();
  const depth = words[(old + STATE.curframe) >> 2] as number;
  if (depth !== words[(cur + STATE.curframe) >> 2]) return false;
  const masks = unit.liveMasksAddress() >> 2;
  for (let i = 0; i <= depth; i++) words[masks + i] = live(i);
  return unit.statesEqual(old, cur, level, idGen, (uninitStack ? 1 : 0) | (strict ? 2 : 0)) !== 0;
}
