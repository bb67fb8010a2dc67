import { E } from "../../../uapi/errno.ts";
import { checkMapFields } from "../access/map_fields.ts";
import { checkMapFlags } from "../access/memory.ts";
import { checkPacketRegion, checkRegion } from "../access/region.ts";
import type { AccessKind } from "../access/stack.ts";
import { checkStackInitialized, type RawMemory } from "../access/stack_range.ts";
import { markChainPrecision } from "../prune/precision.ts";
import { TYPE, TYPE_FLAG, TYPE_MASK } from "../state/layout.ts";
import { regTypeName } from "../state/print.ts";
import {
  isConst,
  isNullScalar,
  memSize,
  regMap,
  regOff,
  regType,
  smin,
  umax,
  umaxBig,
  umin,
  uminBig,
} from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { MAX_VAR_OFF } from "../walk/pointer_alu.ts";
import { mapOf, reg } from "../walk/regs.ts";

/** Checks that a helper may read or write `size` bytes at R`n`. Linux: check_helper_mem_access. */
export function checkArgMemory(
  env: Env,
  n: number,
  size: number,
  kind: AccessKind,
  zeroOk: boolean,
  raw: RawMemory | undefined,
): void {
  const r = reg(env, n);
  const type = regType(r);
  const name = regTypeName(type);
  const off = regOff(r);
  switch (type & TYPE_MASK) {
    case TYPE.PTR_TO_PACKET:
    case TYPE.PTR_TO_PACKET_META:
      checkPacketRegion(env, n, off, size, zeroOk);
      return;
    case TYPE.PTR_TO_MAP_KEY:
      if (kind === "write") throw reject(env, E.EACCES, `R${n} cannot write into ${name}`);
      checkRegion(env, n, off, size, mapOf(env, regMap(r)).keySize, false);
      return;
    case TYPE.PTR_TO_MAP_VALUE: {
      const map = mapOf(env, regMap(r));
      checkMapFlags(env, map, off, size, kind);
      checkRegion(env, n, off, size, map.valueSize, zeroOk);
      checkMapFields(env, n, off, size);
      return;
    }
    case TYPE.PTR_TO_MEM:
      if (kind === "write" && (type & TYPE_FLAG.MEM_RDONLY) !== 0) {
        throw reject(env, E.EACCES, `R${n} cannot write into ${name}`);
      }
      checkRegion(env, n, off, size, memSize(r), zeroOk);
      return;
    case TYPE.PTR_TO_STACK:
      checkStackInitialized(env, n, off, size, zeroOk, kind, raw);
      return;
    default:
      if (zeroOk && size === 0 && isNullScalar(r)) return;
      throw reject(env, E.EACCES, `R${n} type=${name} expected=${regTypeName(TYPE.PTR_TO_STACK)}`);
  }
}

/** Checks a size in R`n` and the memory in the register before it. Linux: check_mem_size_reg. */
export function checkArgSize(
  env: Env,
  n: number,
  kind: AccessKind,
  zeroOk: boolean,
  raw: RawMemory | undefined,
): void {
  const r = reg(env, n);
  if (smin(r) < 0) {
    throw reject(env, E.EACCES, `R${n} min value is negative, either use unsigned or 'var &= const'`);
  }
  if (umin(r) === 0 && !zeroOk) {
    throw reject(env, E.EACCES, `R${n} invalid zero-sized read: u64=[${uminBig(r)},${umaxBig(r)}]`);
  }
  if (umax(r) >= MAX_VAR_OFF) {
    throw reject(env, E.EACCES, `R${n} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
  }
  // Memory that a helper fills only in part must be initialised, so that none of it leaks.
  checkArgMemory(env, n - 1, umax(r), kind, zeroOk, isConst(r) ? raw : undefined);
  markChainPrecision(env, n);
}
