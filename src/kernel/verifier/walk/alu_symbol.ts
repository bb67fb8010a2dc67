import { ALU } from "../../../isa/opcode.ts";

/** The operators of ALU instructions, by the operation's bits, as messages show them. */
export const ALU_SYMBOL: Readonly<Record<number, string>> = {
  [ALU.ADD]: "+=",
  [ALU.SUB]: "-=",
  [ALU.MUL]: "*=",
  [ALU.DIV]: "/=",
  [ALU.OR]: "|=",
  [ALU.AND]: "&=",
  [ALU.LSH]: "<<=",
  [ALU.RSH]: ">>=",
  [ALU.NEG]: "neg",
  [ALU.MOD]: "%=",
  [ALU.XOR]: "^=",
  [ALU.MOV]: "=",
  [ALU.ARSH]: "s>>=",
  [ALU.END]: "endian",
};
