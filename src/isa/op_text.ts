import { ALU, ATOMIC, JMP, SIZE } from "./opcode.ts";

/** The operators of arithmetic as the verifier log writes them, by operation bits. `MOV`, `NEG` and `END` have forms of their own. */
export const ALU_TEXT: Readonly<Record<number, string>> = {
  [ALU.ADD]: "+=",
  [ALU.SUB]: "-=",
  [ALU.MUL]: "*=",
  [ALU.DIV]: "/=",
  [ALU.OR]: "|=",
  [ALU.AND]: "&=",
  [ALU.LSH]: "<<=",
  [ALU.RSH]: ">>=",
  [ALU.MOD]: "%=",
  [ALU.XOR]: "^=",
  [ALU.MOV]: "=",
  [ALU.ARSH]: "s>>=",
};

/** Division and remainder of signed numbers: the same operation bits with `off` 1. */
export const SIGNED_ALU_TEXT: Readonly<Record<number, string>> = {
  [ALU.DIV]: "s/=",
  [ALU.MOD]: "s%=",
};

/** The comparisons of conditional jumps, by operation bits. */
export const JMP_TEXT: Readonly<Record<number, string>> = {
  [JMP.JEQ]: "==",
  [JMP.JGT]: ">",
  [JMP.JGE]: ">=",
  [JMP.JSET]: "&",
  [JMP.JNE]: "!=",
  [JMP.JSGT]: "s>",
  [JMP.JSGE]: "s>=",
  [JMP.JLT]: "<",
  [JMP.JLE]: "<=",
  [JMP.JSLT]: "s<",
  [JMP.JSLE]: "s<=",
};

/** The unsigned C type of a load or store, by size bits. */
export const SIZE_TEXT: Readonly<Record<number, string>> = {
  [SIZE.W]: "u32",
  [SIZE.H]: "u16",
  [SIZE.B]: "u8",
  [SIZE.DW]: "u64",
};

/** The signed C type of a sign-extending load, by size bits. There is none of 64 bits. */
export const SIGNED_SIZE_TEXT: Readonly<Record<number, string>> = {
  [SIZE.W]: "s32",
  [SIZE.H]: "s16",
  [SIZE.B]: "s8",
};

/** Atomic operations without a result, written `lock *(u64 *)(r1 +0) += r2`. */
export const LOCK_TEXT: Readonly<Record<number, string>> = {
  [ATOMIC.ADD]: "+=",
  [ATOMIC.OR]: "|=",
  [ATOMIC.AND]: "&=",
  [ATOMIC.XOR]: "^=",
};

/** Atomic operations that give the old value in the source register, written `r2 = atomic64_fetch_add(…)`. */
export const FETCH_TEXT: Readonly<Record<number, string>> = {
  [ATOMIC.ADD | ATOMIC.FETCH]: "fetch_add",
  [ATOMIC.OR | ATOMIC.FETCH]: "fetch_or",
  [ATOMIC.AND | ATOMIC.FETCH]: "fetch_and",
  [ATOMIC.XOR | ATOMIC.FETCH]: "fetch_xor",
  [ATOMIC.XCHG]: "xchg",
};

/** The byte-order conversions, by opcode. */
export const END_TEXT: Readonly<Record<number, string>> = { 212: "le", 220: "be", 215: "bswap" };

/** Turns one of these tables round: from the text to the bits. */
export function byText(table: Readonly<Record<number, string>>): ReadonlyMap<string, number> {
  return new Map(Object.entries(table).map(([bits, text]) => [text, Number(bits)]));
}
