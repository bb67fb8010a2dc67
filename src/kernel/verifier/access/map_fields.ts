import { E } from "../../../uapi/errno.ts";
import type { MapFacts } from "../../prog/map_facts.ts";
import { regMap, smin, umax } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { mapOf, reg } from "../walk/regs.ts";

/** A part of a map's value that only its own helpers may touch. */
export interface MapField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const SPECIAL: ReadonlySet<string> = new Set([
  "bpf_spin_lock",
  "bpf_timer",
  "bpf_wq",
  "bpf_list_head",
  "bpf_list_node",
  "bpf_rb_root",
  "bpf_rb_node",
  "bpf_refcount",
  "bpf_res_spin_lock",
  "bpf_task_work",
]);

/** The special fields at the top of a map's value type. */
export function mapFields(map: MapFacts): readonly MapField[] {
  const { btf } = map;
  if (btf === undefined || map.btfValueTypeId === 0) return [];
  const value = btf.resolve(map.btfValueTypeId);
  if (value.kind !== "struct") return [];
  const fields: MapField[] = [];
  for (const member of value.members) {
    const type = btf.resolve(member.type);
    if (type.kind === "struct" && SPECIAL.has(type.name)) {
      fields.push({ name: type.name, offset: member.bitOffset >> 3, size: type.size });
    }
  }
  return fields;
}

/** Refuses plain accesses to special fields of the map value in R`n`. */
export function checkMapFields(env: Env, n: number, off: number, size: number): void {
  const r = reg(env, n);
  const fields = mapFields(mapOf(env, regMap(r)));
  for (const field of fields) {
    if (smin(r) + off < field.offset + field.size && field.offset < umax(r) + off + size) {
      throw reject(env, E.EACCES, `${field.name} cannot be accessed directly by load/store`);
    }
  }
}
