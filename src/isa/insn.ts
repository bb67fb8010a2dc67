/**
 * One slot of a program: eight bytes, little endian here and everywhere in anybpf (RFC 9669 section 3).
 *
 * ```
 *   byte 0   byte 1       bytes 2-3      bytes 4-7
 *  +-------+-----+-----+--------------+--------------+
 *  | code  | src | dst | off (signed) | imm (signed) |
 *  +-------+-----+-----+--------------+--------------+
 *            7-4   3-0
 * ```
 *
 * A 64-bit immediate load takes two slots; the second has code 0 and the high half in its `imm`. Instruction
 * numbers, jump offsets and log lines count slots, as in the kernel.
 */
export interface Insn {
  /** The opcode byte. */
  readonly code: number;
  /** The destination register, 0 to 15 (11 and up are for the verifier to refuse). */
  readonly dst: number;
  /** The source register, or the kind of a pseudo load or call. */
  readonly src: number;
  /** A signed 16-bit offset. */
  readonly off: number;
  /** A signed 32-bit immediate. */
  readonly imm: number;
}

/** The bytes of one slot. */
export const INSN_SIZE = 8;

/** Reads whole slots; `bytes.length` must be a multiple of eight (RangeError otherwise). */
export function decodeInsns(bytes: Uint8Array): Insn[] {
  if (bytes.length % INSN_SIZE !== 0) {
    throw new RangeError(`${bytes.length} bytes are no whole number of eBPF instructions (8 bytes each)`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const insns: Insn[] = [];
  for (let at = 0; at < bytes.length; at += INSN_SIZE) {
    const regs = view.getUint8(at + 1);
    insns.push({
      code: view.getUint8(at),
      dst: regs & 0x0f,
      src: regs >> 4,
      off: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    });
  }
  return insns;
}

/** Writes slots; each field is cut to its width. */
export function encodeInsns(insns: readonly Insn[]): Uint8Array {
  const bytes = new Uint8Array(insns.length * INSN_SIZE);
  const view = new DataView(bytes.buffer);
  insns.forEach((insn, i) => {
    const at = i * INSN_SIZE;
    view.setUint8(at, insn.code);
    view.setUint8(at + 1, ((insn.src & 0x0f) << 4) | (insn.dst & 0x0f));
    view.setInt16(at + 2, insn.off, true);
    view.setInt32(at + 4, insn.imm, true);
  });
  return bytes;
}

/** True for the first slot of a 64-bit immediate load. */
export function isLdImm64(insn: Insn): boolean {
  return insn.code === 0x18;
}
