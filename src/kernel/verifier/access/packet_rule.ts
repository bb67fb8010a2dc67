import { PROG_TYPE } from "../../../uapi/prog_type.ts";
import type { Env } from "../walk/env.ts";
import type { AccessKind } from "./stack.ts";

/** Program types that may read the packet but not write it. */
const READ_ONLY: ReadonlySet<number> = new Set<number>([
  PROG_TYPE.LWT_IN,
  PROG_TYPE.LWT_OUT,
  PROG_TYPE.LWT_SEG6LOCAL,
  PROG_TYPE.SK_REUSEPORT,
  PROG_TYPE.FLOW_DISSECTOR,
  PROG_TYPE.CGROUP_SKB,
]);
/** Program types that may read and write it. */
const READ_WRITE: ReadonlySet<number> = new Set<number>([
  PROG_TYPE.SCHED_CLS,
  PROG_TYPE.SCHED_ACT,
  PROG_TYPE.XDP,
  PROG_TYPE.LWT_XMIT,
  PROG_TYPE.SK_SKB,
  PROG_TYPE.SK_MSG,
]);

/**
 * True if the program may reach the packet directly, or, with `helperTakesPacket`, hand it to a helper. Linux:
 * may_access_direct_pkt_data.
 */
export function mayAccessPacket(env: Env, helperTakesPacket: boolean | undefined, kind: AccessKind): boolean {
  const type = env.input.progType;
  if (type === PROG_TYPE.CGROUP_SOCKOPT) {
    if (kind === "write") env.seenDirectWrite = true;
    return true;
  }
  if (READ_ONLY.has(type)) {
    if (kind === "write") return false;
  } else if (!READ_WRITE.has(type)) {
    return false;
  }
  if (helperTakesPacket !== undefined) return helperTakesPacket;
  env.seenDirectWrite = true;
  return true;
}
