import { E } from "../../../uapi/errno.ts";
import { type RegPtr, TYPE, TYPE_MASK } from "../state/layout.ts";
import { formatTnum, formatUnsigned } from "../state/print.ts";
import { isConst, isVarAligned, regOff, regType, varMaskBig, varValueBig } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";

/** What messages call the memory behind a pointer. */
const MEMORY_NAME: Readonly<Record<number, string>> = {
  [TYPE.PTR_TO_FLOW_KEYS]: "flow keys ",
  [TYPE.PTR_TO_MAP_KEY]: "key ",
  [TYPE.PTR_TO_MAP_VALUE]: "value ",
  [TYPE.PTR_TO_CTX]: "context ",
  [TYPE.PTR_TO_STACK]: "stack ",
  [TYPE.PTR_TO_SOCKET]: "sock ",
  [TYPE.PTR_TO_SOCK_COMMON]: "sock_common ",
  [TYPE.PTR_TO_TCP_SOCK]: "tcp_sock ",
  [TYPE.PTR_TO_XDP_SOCK]: "xdp_sock ",
};
/** Bytes that an Ethernet header is moved by so that what follows is aligned. */
const NET_IP_ALIGN = 2;

/** The variable part of a register's value as messages show it. */
export function varText(r: RegPtr): string {
  return isConst(r) ? formatUnsigned(varValueBig(r)) : formatTnum(varValueBig(r), varMaskBig(r));
}

/** Refuses an unaligned access where alignment counts: on the stack, and everywhere if `strictOnce` or asked for. */
export function checkAlignment(env: Env, r: RegPtr, off: number, size: number, strictOnce: boolean): void {
  const base = regType(r) & TYPE_MASK;
  const strict = env.strictAlignment || strictOnce || base === TYPE.PTR_TO_STACK;
  if (!strict || size === 1 || base === TYPE.PTR_TO_ARENA) return;
  if (base === TYPE.PTR_TO_PACKET || base === TYPE.PTR_TO_PACKET_META) {
    if (isVarAligned(r, NET_IP_ALIGN + regOff(r) + off, size)) return;
    throw reject(
      env,
      E.EACCES,
      `misaligned packet access off ${NET_IP_ALIGN}+${varText(r)}+${regOff(r)}+${off} size ${size}`,
    );
  }
  if (isVarAligned(r, regOff(r) + off, size)) return;
  throw reject(
    env,
    E.EACCES,
    `misaligned ${MEMORY_NAME[base] ?? ""}access off ${varText(r)}+${regOff(r)}+${off} size ${size}`,
  );
}
