/**
 * The parts of an opcode byte (RFC 9669 section 3). The low three bits are the class; arithmetic and jump
 * opcodes then have a source bit and four bits of operation, loads and stores two bits of size and three of mode.
 *
 * ```
 *   7 6 5 4   3   2 1 0          7 6 5   4 3   2 1 0
 *  +-------+---+-------+        +------+-----+-------+
 *  |  op   | s | class |        | mode | size| class |
 *  +-------+---+-------+        +------+-----+-------+
 * ```
 */
export const CLASS = {
  LD: 0x00,
  LDX: 0x01,
  ST: 0x02,
  STX: 0x03,
  ALU: 0x04,
  JMP: 0x05,
  JMP32: 0x06,
  ALU64: 0x07,
} as const;
/** The operand: the immediate, or the source register. For `END`: to little or to big endian. */
export const SRC = { K: 0x00, X: 0x08 } as const;
/** The operations of classes ALU and ALU64. */
export const ALU = {
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  MOD: 0x90,
  XOR: 0xa0,
  MOV: 0xb0,
  ARSH: 0xc0,
  END: 0xd0,
} as const;
/** The operations of classes JMP and JMP32. */
export const JMP = {
  JA: 0x00,
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  JNE: 0x50,
  JSGT: 0x60,
  JSGE: 0x70,
  CALL: 0x80,
  EXIT: 0x90,
  JLT: 0xa0,
  JLE: 0xb0,
  JSLT: 0xc0,
  JSLE: 0xd0,
  JCOND: 0xe0,
} as const;
/** The size bits of loads and stores. */
export const SIZE = { W: 0x00, H: 0x08, B: 0x10, DW: 0x18 } as const;
/** The mode bits of loads and stores. */
export const MODE = { IMM: 0x00, ABS: 0x20, IND: 0x40, MEM: 0x60, MEMSX: 0x80, ATOMIC: 0xc0 } as const;
/** The imm of an ATOMIC store. */
export const ATOMIC = {
  ADD: 0x00,
  OR: 0x40,
  AND: 0x50,
  XOR: 0xa0,
  FETCH: 0x01,
  XCHG: 0xe1,
  CMPXCHG: 0xf1,
  LOAD_ACQ: 0x100,
  STORE_REL: 0x110,
} as const;
/** The src field of a 64-bit immediate load: what the immediate stands for. */
export const PSEUDO = {
  MAP_FD: 1,
  MAP_VALUE: 2,
  BTF_ID: 3,
  FUNC: 4,
  MAP_IDX: 5,
  MAP_IDX_VALUE: 6,
} as const;
/** The src field of a call: a helper id, an offset to a subprogram, or a kernel function's BTF id. */
export const CALL = { HELPER: 0, LOCAL: 1, KFUNC: 2 } as const;

/** The bytes that a load or store of these size bits moves. */
export function sizeBytes(code: number): 1 | 2 | 4 | 8 {
  switch (code & 0x18) {
    case SIZE.W:
      return 4;
    case SIZE.H:
      return 2;
    case SIZE.B:
      return 1;
    default:
      return 8;
  }
}
