import { sha256 } from "@noble/hashes/sha2.js";
import { encodeInsns, INSN_SIZE, type Insn, isLdImm64 } from "./insn.ts";
import { PSEUDO } from "./opcode.ts";

const TAG_SIZE = 8;

/**
 * Computes a program's tag: the first eight bytes of SHA-256 over its instructions as loaded, with both immediates of
 * each load of a map or map value by file descriptor zeroed, so that it does not depend on descriptors. Loads by index
 * into an fd array stay as they are. Linux up to 6.17 used SHA-1; 6.18 answers BPF_OBJ_GET_INFO_BY_FD like this.
 */
export function progTag(insns: readonly Insn[]): Uint8Array {
  const bytes = encodeInsns(insns);
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    if (insn === undefined || !isLdImm64(insn)) continue;
    if (insn.src === PSEUDO.MAP_FD || insn.src === PSEUDO.MAP_VALUE) {
      bytes.fill(0, i * INSN_SIZE + 4, (i + 1) * INSN_SIZE);
      bytes.fill(0, (i + 1) * INSN_SIZE + 4, (i + 2) * INSN_SIZE);
    }
    i++;
  }
  return sha256(bytes).slice(0, TAG_SIZE);
}
