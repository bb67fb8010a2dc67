import { markSlotPrecision } from "../prune/precision.ts";
import { SLOT_KIND, TYPE } from "../state/layout.ts";
import {
  allocatedStack,
  constValue,
  frameAt,
  isConst,
  isSpilledScalar,
  regFrameno,
  regOff,
  regType,
  slotAt,
  slotKind,
  slotReg,
} from "../state/view.ts";
import type { Env } from "../walk/env.ts";
import { reg } from "../walk/regs.ts";

/** The number that the key at stack pointer R`n` holds on this path, -1 if it is not known. Linux: get_constant_map_key. */
export function constantKey(env: Env, n: number, keySize: number): number {
  const r = reg(env, n);
  if (regType(r) !== TYPE.PTR_TO_STACK || !isConst(r) || !env.bpfCapable) return -1;
  const off = regOff(r) + constValue(r);
  const place = -off - 1;
  const spi = place >> 3;
  const frame = frameAt(env.curState, regFrameno(r));
  if (place < 0 || spi >= allocatedStack(frame) >> 3) return -1;
  const slot = slotAt(frame, spi);
  const first = place & 7;
  let zeros = 0;
  for (let b = first; b >= 0 && slotKind(slot, b) === SLOT_KIND.ZERO; b--) zeros++;
  if (zeros >= keySize) return 0;
  if (!isSpilledScalar(slot)) return -1;
  let spilled = 0;
  for (let b = first; b >= 0 && slotKind(slot, b) === SLOT_KIND.SPILL; b--) spilled++;
  if (spilled !== keySize) return -1;
  const key = slotReg(slot);
  if (!isConst(key)) return -1;
  markSlotPrecision(env, regFrameno(r), spi);
  return constValue(key);
}
