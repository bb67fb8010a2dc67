import type { Insn } from "../../../isa/insn.ts";
import { ATOMIC, SIZE } from "../../../isa/opcode.ts";
import type { OpName } from "../wasm/opcode.ts";
import { type FunctionContext, refuse } from "./context.ts";
import { pushAddress } from "./memory.ts";

type Rmw = "add" | "or" | "and" | "xor" | "xchg";
const RMW: Readonly<Record<number, Rmw>> = {
  [ATOMIC.ADD]: "add",
  [ATOMIC.OR]: "or",
  [ATOMIC.AND]: "and",
  [ATOMIC.XOR]: "xor",
  [ATOMIC.ADD | ATOMIC.FETCH]: "add",
  [ATOMIC.OR | ATOMIC.FETCH]: "or",
  [ATOMIC.AND | ATOMIC.FETCH]: "and",
  [ATOMIC.XOR | ATOMIC.FETCH]: "xor",
  [ATOMIC.XCHG]: "xchg",
};
const LOAD: Readonly<Record<number, readonly [plain: OpName, atomic: OpName, align: number]>> = {
  [SIZE.B]: ["i32_load8_u", "i32_atomic_load8_u", 0],
  [SIZE.H]: ["i32_load16_u", "i32_atomic_load16_u", 1],
  [SIZE.W]: ["i32_load", "i32_atomic_load", 2],
  [SIZE.DW]: ["i64_load", "i64_atomic_load", 3],
};
const STORE: Readonly<Record<number, readonly [plain: OpName, atomic: OpName, align: number]>> = {
  [SIZE.B]: ["i32_store8", "i32_atomic_store8", 0],
  [SIZE.H]: ["i32_store16", "i32_atomic_store16", 1],
  [SIZE.W]: ["i32_store", "i32_atomic_store", 2],
  [SIZE.DW]: ["i64_store", "i64_atomic_store", 3],
};

/**
 * Writes an atomic instruction (RFC 9669 section 5.3, and 6.15's load-acquire and store-release). In a memory that one
 * thread has to itself, plain accesses do. The machine's atomics demand alignment, which the verifier has checked.
 */
export function emitAtomic(f: FunctionContext, insn: Insn, at: number): void {
  const { code, regs } = f;
  const { shared } = f.program;
  const size = insn.code & 0x18;
  const wide = size === SIZE.DW;
  const type = wide ? "i64" : "i32";
  const push = (reg: number): void => (wide ? regs.get64(reg) : regs.get32(reg));

  if (insn.imm === ATOMIC.LOAD_ACQ || insn.imm === ATOMIC.STORE_REL) {
    const isLoad = insn.imm === ATOMIC.LOAD_ACQ;
    const row = (isLoad ? LOAD : STORE)[size];
    if (row === undefined) refuse(f, at, "an atomic access of unknown size");
    const offset = pushAddress(f, isLoad ? insn.src : insn.dst, insn.off, at);
    if (!isLoad) push(insn.src);
    code.memory(row[shared ? 1 : 0], offset, shared ? row[2] : 0);
    if (isLoad) regs.put(insn.dst, type, !wide);
    return;
  }
  if (size !== SIZE.W && size !== SIZE.DW) refuse(f, at, "an atomic operation on less than 32 bits");
  const align = wide ? 3 : 2;
  if (insn.imm === ATOMIC.CMPXCHG) {
    const offset = pushAddress(f, insn.dst, insn.off, at);
    if (shared) {
      push(0);
      push(insn.src);
      code.memory(`${type}_atomic_rmw_cmpxchg`, offset, align);
      regs.put(0, type, !wide);
      return;
    }
    const address = code.scratch("i32");
    const old = code.scratch(type);
    code.tee(address);
    code.memory(`${type}_load`, offset);
    code.tee(old);
    push(0);
    code.op(`${type}_eq`);
    code.if();
    code.get(address);
    push(insn.src);
    code.memory(`${type}_store`, offset);
    code.end();
    code.get(old);
    regs.put(0, type, !wide);
    code.release("i32", address);
    code.release(type, old);
    return;
  }
  const rmw = RMW[insn.imm];
  if (rmw === undefined) refuse(f, at, `unknown atomic operation 0x${insn.imm.toString(16)}`);
  const fetch = (insn.imm & ATOMIC.FETCH) !== 0;
  const offset = pushAddress(f, insn.dst, insn.off, at);
  if (shared) {
    push(insn.src);
    code.memory(`${type}_atomic_rmw_${rmw}`, offset, align);
    if (fetch) regs.put(insn.src, type, !wide);
    else code.op("drop");
    return;
  }
  const address = code.scratch("i32");
  const old = code.scratch(type);
  code.tee(address);
  code.get(address);
  code.memory(`${type}_load`, offset);
  if (fetch) code.tee(old);
  if (rmw === "xchg") {
    code.op("drop");
    push(insn.src);
  } else {
    push(insn.src);
    code.op(`${type}_${rmw}`);
  }
  code.memory(`${type}_store`, offset);
  if (fetch) {
    code.get(old);
    regs.put(insn.src, type, !wide);
  }
  code.release("i32", address);
  code.release(type, old);
}
