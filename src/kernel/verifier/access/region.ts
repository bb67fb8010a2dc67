import { E } from "../../../uapi/errno.ts";
import { TYPE, TYPE_MASK } from "../state/layout.ts";
import { pktRange, regId, regType, smin, sminBig, umax } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { MAX_VAR_OFF } from "../walk/pointer_alu.ts";
import { reg } from "../walk/regs.ts";

/** A message of an access outside of `limit` bytes, by what the pointer points to. */
const OUTSIDE: Readonly<Record<number, (off: number, size: number, limit: number) => string>> = {
  [TYPE.PTR_TO_MAP_KEY]: (off, size, limit) =>
    `invalid access to map key, key_size=${limit} off=${off} size=${size}`,
  [TYPE.PTR_TO_MAP_VALUE]: (off, size, limit) =>
    `invalid access to map value, value_size=${limit} off=${off} size=${size}`,
};

/** True if `size` bytes at `off` lie within `limit` bytes; logs why not. */
function isInside(env: Env, n: number, off: number, size: number, limit: number, zeroOk: boolean): boolean {
  const sizeOk = size > 0 || (size === 0 && zeroOk);
  if (off >= 0 && sizeOk && off + size <= limit) return true;
  const r = reg(env, n);
  const base = regType(r) & TYPE_MASK;
  if (base === TYPE.PTR_TO_PACKET || base === TYPE.PTR_TO_PACKET_META || base === TYPE.PTR_TO_PACKET_END) {
    env.log.line(
      `invalid access to packet, off=${off} size=${size}, R${n}(id=${regId(r)},off=${off},r=${limit})`,
    );
  } else {
    const text = OUTSIDE[base] ?? ((o, s, l) => `invalid access to memory, mem_size=${l} off=${o} size=${s}`);
    env.log.line(text(off, size, limit));
  }
  return false;
}

/** The message of an offset that may be negative. */
export function negativeOffsetText(n: number): string {
  return `R${n} min value is negative, either use unsigned index or do a if (index >=0) check.`;
}

const S64_MIN = -(1n << 63n);
const isS32 = (v: number): boolean => v >= -0x80000000 && v <= 0x7fffffff;

/** Checks `size` bytes at `off` from R`n`, wherever in its range it points, against a region of `limit` bytes. */
export function checkRegion(
  env: Env,
  n: number,
  off: number,
  size: number,
  limit: number,
  zeroOk: boolean,
): void {
  const r = reg(env, n);
  const low = smin(r);
  if (low < 0 && (sminBig(r) === S64_MIN || !isS32(off + low) || off + low < 0)) {
    throw reject(env, E.EACCES, negativeOffsetText(n));
  }
  if (!isInside(env, n, low + off, size, limit, zeroOk)) {
    throw reject(env, E.EACCES, `R${n} min value is outside of the allowed memory range`);
  }
  if (umax(r) >= MAX_VAR_OFF) {
    throw reject(env, E.EACCES, `R${n} unbounded memory access, make sure to bounds check any such access`);
  }
  if (!isInside(env, n, umax(r) + off, size, limit, zeroOk)) {
    throw reject(env, E.EACCES, `R${n} max value is outside of the allowed memory range`);
  }
}

/** Checks an access through a packet pointer against the bytes that are known to be there. */
export function checkPacketRegion(env: Env, n: number, off: number, size: number, zeroOk: boolean): void {
  const r = reg(env, n);
  if (smin(r) < 0) throw reject(env, E.EACCES, negativeOffsetText(n));
  const range = pktRange(r);
  if (range < 0) throw reject(env, E.EINVAL, `R${n} offset is outside of the packet`);
  if (!isInside(env, n, off, size, range, zeroOk)) {
    throw reject(env, E.EACCES, `R${n} offset is outside of the packet`);
  }
}
