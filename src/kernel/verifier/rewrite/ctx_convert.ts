import type { Insn } from "../../../isa/insn.ts";
import { CLASS, JMP, MODE, SIZE, SRC, sizeBytes } from "../../../isa/opcode.ts";
import { PROG_TYPE } from "../../../uapi/prog_type.ts";
import { NO_QUEUE_MAPPING, SK_BUFF, SK_BUFF_KEPT } from "../../../uapi/skb.ts";

/** The program types whose context is a `__sk_buff`. */
const SKB_TYPES: ReadonlySet<number> = new Set([
  PROG_TYPE.SOCKET_FILTER,
  PROG_TYPE.SCHED_CLS,
  PROG_TYPE.SCHED_ACT,
  PROG_TYPE.CGROUP_SKB,
  PROG_TYPE.LWT_IN,
  PROG_TYPE.LWT_OUT,
  PROG_TYPE.LWT_XMIT,
  PROG_TYPE.LWT_SEG6LOCAL,
  PROG_TYPE.SK_SKB,
  PROG_TYPE.FLOW_DISSECTOR,
]);

/** The fields kept in fewer bytes, by the offset of their four bytes. */
const KEPT: ReadonlyMap<number, 1 | 2> = new Map(
  Object.entries(SK_BUFF_KEPT).map(([name, kept]) => [SK_BUFF[name as keyof typeof SK_BUFF].offset, kept]),
);

/**
 * What a context access has to become where the plain memory of a UAPI context would not behave as Linux does; the
 * instruction itself (the same object) where it would. Linux keeps some fields of a packet in fewer bytes than
 * programs see: stores are cut, and loads of that many bytes find the field at each place.
 */
export function convertCtxAccess(insn: Insn, progType: number): readonly Insn[] | Insn {
  if (!SKB_TYPES.has(progType)) return insn;
  const field = insn.off & ~3;
  const kept = KEPT.get(field);
  if (kept === undefined) return insn;
  const cls = insn.code & 0x07;
  if (cls === CLASS.LDX) {
    return sizeBytes(insn.code) >= kept && insn.off !== field ? { ...insn, off: field } : insn;
  }
  const narrow: Insn = { ...insn, code: cls | MODE.MEM | SIZE.H };
  if (field !== SK_BUFF.queue_mapping.offset) return narrow;
  if (cls === CLASS.ST) return insn.imm >= NO_QUEUE_MAPPING ? [] : narrow;
  const skip = CLASS.JMP | JMP.JGE | SRC.K;
  return [{ code: skip, dst: insn.src, src: 0, off: 1, imm: NO_QUEUE_MAPPING }, narrow];
}
