import { PROG_TYPE } from "../../uapi/prog_type.ts";

const XDP = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"] as const;
const TC = [
  "TC_ACT_OK",
  "TC_ACT_RECLASSIFY",
  "TC_ACT_SHOT",
  "TC_ACT_PIPE",
  "TC_ACT_STOLEN",
  "TC_ACT_QUEUED",
  "TC_ACT_REPEAT",
  "TC_ACT_REDIRECT",
  "TC_ACT_TRAP",
] as const;

/** TC verdicts that end a packet's way; all others let it go on or send it elsewhere. */
const TC_ENDS: ReadonlySet<number> = new Set([2, 4, 8]);

/** How a program type's return value reads, and what it means for the packet. */
export interface VerdictRules {
  /** The verdict's name, for people and JSON. */
  readonly name: (retval: number) => string;
  /** Bytes of a packet of `length` that go on, 0 if it ends here. */
  readonly passed: (retval: number, length: number) => number;
}

const RULES: Readonly<Record<number, VerdictRules>> = {
  [PROG_TYPE.XDP]: {
    name: (retval) => XDP[retval] ?? `XDP_UNKNOWN(${retval})`,
    passed: (retval, length) => (retval >= 2 && retval <= 4 ? length : 0),
  },
  [PROG_TYPE.SCHED_CLS]: tc(),
  [PROG_TYPE.SCHED_ACT]: tc(),
  [PROG_TYPE.SOCKET_FILTER]: {
    name: (retval) => (retval === 0 ? "drop" : "accept"),
    // A socket filter returns how much of the packet the socket may see.
    passed: (retval, length) => Math.min(retval, length),
  },
};

function tc(): VerdictRules {
  return {
    name: (retval) =>
      retval === 0xffff_ffff ? "TC_ACT_UNSPEC" : (TC[retval] ?? `TC_ACT_UNKNOWN(${retval | 0})`),
    passed: (retval, length) => (TC_ENDS.has(retval) ? 0 : length),
  };
}

/** The rules of a program type, undefined for types whose programs take no packets. Return values are unsigned. */
export function verdictRules(progType: number): VerdictRules | undefined {
  return RULES[progType];
}
