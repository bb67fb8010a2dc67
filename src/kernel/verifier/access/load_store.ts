import type { Insn } from "../../../isa/insn.ts";
import { MODE, sizeBytes } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { TYPE, TYPE_MASK } from "../state/layout.ts";
import { regType } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { checkInvariants } from "../walk/invariants.ts";
import { checkReg, reg } from "../walk/regs.ts";
import { checkAccess } from "./memory.ts";

/** Types for which an instruction is compiled in a way of its own, so that no other type may reach it too. */
const OWN_CODE: ReadonlySet<number> = new Set<number>([
  TYPE.PTR_TO_CTX,
  TYPE.PTR_TO_SOCKET,
  TYPE.PTR_TO_SOCK_COMMON,
  TYPE.PTR_TO_TCP_SOCK,
  TYPE.PTR_TO_XDP_SOCK,
  TYPE.PTR_TO_BTF_ID,
  TYPE.PTR_TO_ARENA,
]);

/** Refuses an instruction that is reached with pointers of kinds that need different code. */
function noteType(env: Env, type: number): void {
  const aux = env.aux[env.insnIdx];
  if (aux === undefined) return;
  if (aux.ptrType === TYPE.NOT_INIT) {
    aux.ptrType = type;
  } else if (
    type !== aux.ptrType &&
    (OWN_CODE.has(type & TYPE_MASK) || OWN_CODE.has(aux.ptrType & TYPE_MASK))
  ) {
    throw reject(env, E.EINVAL, "same insn cannot be used with different pointers");
  }
}

/** Checks a load into a register; `strict` demands alignment (atomic loads). */
export function checkLoad(env: Env, insn: Insn, strict = false): void {
  checkReg(env, insn.src, "src");
  checkReg(env, insn.dst, "dst_no_mark");
  const type = regType(reg(env, insn.src));
  checkAccess(env, {
    regno: insn.src,
    off: insn.off,
    size: sizeBytes(insn.code),
    kind: "read",
    value: insn.dst,
    strictAlignment: strict,
    signed: (insn.code & 0xe0) === MODE.MEMSX,
  });
  noteType(env, type);
  checkInvariants(env, reg(env, insn.dst), "ldx");
}

/** Checks a store of a register. */
export function checkStore(env: Env, insn: Insn, strict: boolean): void {
  checkReg(env, insn.src, "src");
  checkReg(env, insn.dst, "src");
  const type = regType(reg(env, insn.dst));
  checkAccess(env, {
    regno: insn.dst,
    off: insn.off,
    size: sizeBytes(insn.code),
    kind: "write",
    value: insn.src,
    strictAlignment: strict,
    signed: false,
  });
  noteType(env, type);
}

/** Checks a store of an immediate. */
export function checkStoreImm(env: Env, insn: Insn): void {
  if ((insn.code & 0xe0) !== MODE.MEM || insn.src !== 0) {
    throw reject(env, E.EINVAL, "BPF_ST uses reserved fields");
  }
  checkReg(env, insn.dst, "src");
  const type = regType(reg(env, insn.dst));
  checkAccess(env, {
    regno: insn.dst,
    off: insn.off,
    size: sizeBytes(insn.code),
    kind: "write",
    value: -1,
    strictAlignment: false,
    signed: false,
  });
  noteType(env, type);
}
