import type { Insn } from "../../../isa/insn.ts";
import { ATOMIC, SIZE, sizeBytes } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { type RegPtr, TYPE, TYPE_MASK } from "../state/layout.ts";
import { regTypeName } from "../state/print.ts";
import { regType } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { checkReg, isPointer, reg } from "../walk/regs.ts";
import { checkLoad, checkStore } from "./load_store.ts";
import { checkAccess } from "./memory.ts";

/** Memory that atomic operations cannot work on. */
const NOT_ATOMIC: ReadonlySet<number> = new Set<number>([
  TYPE.PTR_TO_CTX,
  TYPE.PTR_TO_PACKET,
  TYPE.PTR_TO_PACKET_META,
  TYPE.PTR_TO_FLOW_KEYS,
  TYPE.PTR_TO_SOCKET,
  TYPE.PTR_TO_SOCK_COMMON,
  TYPE.PTR_TO_TCP_SOCK,
  TYPE.PTR_TO_XDP_SOCK,
]);

/** Operations that read, change and write; those with FETCH return the old value. */
const READ_MODIFY_WRITE: ReadonlySet<number> = new Set<number>([
  ...[ATOMIC.ADD, ATOMIC.OR, ATOMIC.AND, ATOMIC.XOR].flatMap((op) => [op, op | ATOMIC.FETCH]),
  ATOMIC.XCHG,
  ATOMIC.CMPXCHG,
]);

function refuseMemory(env: Env, r: RegPtr, n: number, verb: string): void {
  if (!NOT_ATOMIC.has(regType(r) & TYPE_MASK)) return;
  throw reject(env, E.EACCES, `BPF_ATOMIC ${verb} R${n} ${regTypeName(regType(r))} is not allowed`);
}

/** Checks an atomic instruction. */
export function checkAtomic(env: Env, insn: Insn): void {
  if (READ_MODIFY_WRITE.has(insn.imm)) {
    readModifyWrite(env, insn);
  } else if (insn.imm === ATOMIC.LOAD_ACQ) {
    checkLoad(env, insn, true);
    refuseMemory(env, reg(env, insn.src), insn.src, "loads from");
  } else if (insn.imm === ATOMIC.STORE_REL) {
    checkStore(env, insn, true);
    refuseMemory(env, reg(env, insn.dst), insn.dst, "stores into");
  } else {
    const op = (insn.imm >>> 0).toString(16).padStart(2, "0");
    throw reject(env, E.EINVAL, `BPF_ATOMIC uses invalid atomic opcode ${op}`);
  }
}

function readModifyWrite(env: Env, insn: Insn): void {
  const sizeBits = insn.code & 0x18;
  if (sizeBits !== SIZE.W && sizeBits !== SIZE.DW) throw reject(env, E.EINVAL, "invalid atomic operand size");
  checkReg(env, insn.src, "src");
  checkReg(env, insn.dst, "src");
  if (insn.imm === ATOMIC.CMPXCHG) {
    checkReg(env, 0, "src");
    if (isPointer(env, reg(env, 0))) throw reject(env, E.EACCES, "R0 leaks addr into mem");
  }
  if (isPointer(env, reg(env, insn.src))) {
    throw reject(env, E.EACCES, `R${insn.src} leaks addr into mem`);
  }
  refuseMemory(env, reg(env, insn.dst), insn.dst, "stores into");
  let loads = -1;
  if ((insn.imm & ATOMIC.FETCH) !== 0) {
    loads = insn.imm === ATOMIC.CMPXCHG ? 0 : insn.src;
    checkReg(env, loads, "dst");
  }
  const access = {
    regno: insn.dst,
    off: insn.off,
    size: sizeBytes(insn.code),
    strictAlignment: true,
    signed: false,
  };
  // First whether the memory may be read at all, then what the register gets, then whether it may be written.
  checkAccess(env, { ...access, kind: "read", value: -1 });
  if (loads >= 0) checkAccess(env, { ...access, kind: "read", value: loads });
  checkAccess(env, { ...access, kind: "write", value: -1 });
}
