import { E } from "../../../uapi/errno.ts";
import { HELPERS } from "../../../uapi/helper_id.ts";
import type { HelperName, HelperProto } from "../../../uapi/helper_proto.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import { type Env, reject } from "../walk/env.ts";
import { mapOf } from "../walk/regs.ts";

const PERF: readonly HelperName[] = [
  "perf_event_read",
  "perf_event_output",
  "skb_output",
  "perf_event_read_value",
  "xdp_output",
];
const RINGBUF: readonly HelperName[] = [
  "ringbuf_output",
  "ringbuf_reserve",
  "ringbuf_query",
  "ringbuf_reserve_dynptr",
  "ringbuf_submit_dynptr",
  "ringbuf_discard_dynptr",
];
const REUSEPORT: HelperName = "sk_select_reuseport";
const QUEUE: readonly HelperName[] = ["map_peek_elem", "map_pop_elem", "map_push_elem"];

/** Map types that only some helpers take; all others go with any helper that does not itself want such a type. */
const HELPERS_OF: Readonly<Record<number, readonly HelperName[]>> = {
  [MAP_TYPE.PROG_ARRAY]: ["tail_call"],
  [MAP_TYPE.PERF_EVENT_ARRAY]: PERF,
  [MAP_TYPE.RINGBUF]: RINGBUF,
  [MAP_TYPE.USER_RINGBUF]: ["user_ringbuf_drain"],
  [MAP_TYPE.STACK_TRACE]: ["get_stackid"],
  [MAP_TYPE.CGROUP_ARRAY]: ["skb_under_cgroup", "current_task_under_cgroup"],
  [MAP_TYPE.CGROUP_STORAGE]: ["get_local_storage"],
  [MAP_TYPE.PERCPU_CGROUP_STORAGE]: ["get_local_storage"],
  [MAP_TYPE.DEVMAP]: ["redirect_map", "map_lookup_elem"],
  [MAP_TYPE.DEVMAP_HASH]: ["redirect_map", "map_lookup_elem"],
  [MAP_TYPE.CPUMAP]: ["redirect_map"],
  [MAP_TYPE.XSKMAP]: ["redirect_map", "map_lookup_elem"],
  [MAP_TYPE.ARRAY_OF_MAPS]: ["map_lookup_elem"],
  [MAP_TYPE.HASH_OF_MAPS]: ["map_lookup_elem"],
  [MAP_TYPE.SOCKMAP]: [
    ...(["sk_redirect_map", "sock_map_update", "map_delete_elem", "msg_redirect_map"] as const),
    ...([REUSEPORT, "map_lookup_elem"] as const),
  ],
  [MAP_TYPE.SOCKHASH]: [
    ...(["sk_redirect_hash", "sock_hash_update", "map_delete_elem", "msg_redirect_hash"] as const),
    ...([REUSEPORT, "map_lookup_elem"] as const),
  ],
  [MAP_TYPE.REUSEPORT_SOCKARRAY]: [REUSEPORT],
  [MAP_TYPE.QUEUE]: QUEUE,
  [MAP_TYPE.STACK]: QUEUE,
  [MAP_TYPE.SK_STORAGE]: ["sk_storage_get", "sk_storage_delete", "kptr_xchg"],
  [MAP_TYPE.INODE_STORAGE]: ["inode_storage_get", "inode_storage_delete", "kptr_xchg"],
  [MAP_TYPE.TASK_STORAGE]: ["task_storage_get", "task_storage_delete", "kptr_xchg"],
  [MAP_TYPE.CGRP_STORAGE]: ["cgrp_storage_get", "cgrp_storage_delete", "kptr_xchg"],
  [MAP_TYPE.BLOOM_FILTER]: ["map_peek_elem", "map_push_elem"],
};

/** Helpers that only take some map types. */
const TYPES_OF: Readonly<Partial<Record<HelperName, readonly number[]>>> = {
  tail_call: [MAP_TYPE.PROG_ARRAY],
  ...Object.fromEntries(PERF.map((name) => [name, [MAP_TYPE.PERF_EVENT_ARRAY]])),
  ...Object.fromEntries(RINGBUF.slice(0, 4).map((name) => [name, [MAP_TYPE.RINGBUF]])),
  user_ringbuf_drain: [MAP_TYPE.USER_RINGBUF],
  get_stackid: [MAP_TYPE.STACK_TRACE],
  current_task_under_cgroup: [MAP_TYPE.CGROUP_ARRAY],
  skb_under_cgroup: [MAP_TYPE.CGROUP_ARRAY],
  redirect_map: [MAP_TYPE.DEVMAP, MAP_TYPE.DEVMAP_HASH, MAP_TYPE.CPUMAP, MAP_TYPE.XSKMAP],
  sk_redirect_map: [MAP_TYPE.SOCKMAP],
  msg_redirect_map: [MAP_TYPE.SOCKMAP],
  sock_map_update: [MAP_TYPE.SOCKMAP],
  sk_redirect_hash: [MAP_TYPE.SOCKHASH],
  msg_redirect_hash: [MAP_TYPE.SOCKHASH],
  sock_hash_update: [MAP_TYPE.SOCKHASH],
  get_local_storage: [MAP_TYPE.CGROUP_STORAGE, MAP_TYPE.PERCPU_CGROUP_STORAGE],
  sk_select_reuseport: [MAP_TYPE.REUSEPORT_SOCKARRAY, MAP_TYPE.SOCKMAP, MAP_TYPE.SOCKHASH],
  map_pop_elem: [MAP_TYPE.QUEUE, MAP_TYPE.STACK],
  map_peek_elem: [MAP_TYPE.QUEUE, MAP_TYPE.STACK, MAP_TYPE.BLOOM_FILTER],
  map_push_elem: [MAP_TYPE.QUEUE, MAP_TYPE.STACK, MAP_TYPE.BLOOM_FILTER],
  map_lookup_percpu_elem: [MAP_TYPE.PERCPU_ARRAY, MAP_TYPE.PERCPU_HASH, MAP_TYPE.LRU_PERCPU_HASH],
  sk_storage_get: [MAP_TYPE.SK_STORAGE],
  sk_storage_delete: [MAP_TYPE.SK_STORAGE],
  inode_storage_get: [MAP_TYPE.INODE_STORAGE],
  inode_storage_delete: [MAP_TYPE.INODE_STORAGE],
  task_storage_get: [MAP_TYPE.TASK_STORAGE],
  task_storage_delete: [MAP_TYPE.TASK_STORAGE],
  cgrp_storage_get: [MAP_TYPE.CGRP_STORAGE],
  cgrp_storage_delete: [MAP_TYPE.CGRP_STORAGE],
};

/** Refuses a map of a type that the helper does not work on, or the other way round. */
export function checkMapFunc(env: Env, handle: number, proto: HelperProto): void {
  if (handle === 0) return;
  const map = mapOf(env, handle);
  const name = proto.name as HelperName;
  const helpers = HELPERS_OF[map.type];
  const types = TYPES_OF[name];
  if ((helpers === undefined || helpers.includes(name)) && (types === undefined || types.includes(map.type)))
    return;
  throw reject(env, E.EINVAL, `cannot pass map_type ${map.type} into func bpf_${name}#${proto.id}`);
}

/** Helpers whose map executors want to know (and that may not write to read-only ones). */
export const WRITES_MAP: ReadonlySet<number> = new Set<number>([
  HELPERS.map_update_elem.value,
  HELPERS.map_delete_elem.value,
  HELPERS.map_push_elem.value,
  HELPERS.map_pop_elem.value,
]);
