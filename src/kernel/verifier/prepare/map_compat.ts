import { E } from "../../../uapi/errno.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import { PROG_TYPE } from "../../../uapi/prog_type.ts";
import type { MapFacts } from "../../prog/map_facts.ts";
import { type Env, reject } from "../walk/env.ts";

/** BPF_F_SLEEPABLE of BPF_PROG_LOAD. */
export const F_SLEEPABLE = 1 << 4;

/** The map types that a sleepable program may use. */
const SLEEPABLE_MAPS: ReadonlySet<number> = new Set([
  MAP_TYPE.HASH,
  MAP_TYPE.LRU_HASH,
  MAP_TYPE.ARRAY,
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.PERCPU_ARRAY,
  MAP_TYPE.LRU_PERCPU_HASH,
  MAP_TYPE.ARRAY_OF_MAPS,
  MAP_TYPE.HASH_OF_MAPS,
  MAP_TYPE.RINGBUF,
  MAP_TYPE.USER_RINGBUF,
  MAP_TYPE.INODE_STORAGE,
  MAP_TYPE.SK_STORAGE,
  MAP_TYPE.TASK_STORAGE,
  MAP_TYPE.CGRP_STORAGE,
  MAP_TYPE.QUEUE,
  MAP_TYPE.STACK,
  MAP_TYPE.ARENA,
]);

/** The program types that trace the kernel: locks and timers in maps are not for them. */
const TRACING: ReadonlySet<number> = new Set([
  PROG_TYPE.KPROBE,
  PROG_TYPE.TRACEPOINT,
  PROG_TYPE.PERF_EVENT,
  PROG_TYPE.RAW_TRACEPOINT,
  PROG_TYPE.RAW_TRACEPOINT_WRITABLE,
]);

/** Refuses a map that a program of this type cannot use: EINVAL, or EBUSY for a second cgroup storage of a kind. */
export function checkMapCompatibility(env: Env, map: MapFacts): void {
  const { progType, progFlags } = env.input;
  if (hasField(map, "bpf_spin_lock")) {
    if (progType === PROG_TYPE.SOCKET_FILTER) {
      throw reject(env, E.EINVAL, "socket filter progs cannot use bpf_spin_lock yet");
    }
    if (TRACING.has(progType)) throw reject(env, E.EINVAL, "tracing progs cannot use bpf_spin_lock yet");
  }
  if (hasField(map, "bpf_timer") && TRACING.has(progType)) {
    throw reject(env, E.EINVAL, "tracing progs cannot use bpf_timer yet");
  }
  if (map.type === MAP_TYPE.STRUCT_OPS) {
    throw reject(env, E.EINVAL, "bpf_struct_ops map cannot be used in prog");
  }
  if ((progFlags & F_SLEEPABLE) !== 0 && !SLEEPABLE_MAPS.has(map.type)) {
    const text = "Sleepable programs can only use array, hash, ringbuf and local storage maps";
    throw reject(env, E.EINVAL, text);
  }
  const storage = map.type === MAP_TYPE.CGROUP_STORAGE || map.type === MAP_TYPE.PERCPU_CGROUP_STORAGE;
  if (storage && env.usedMaps.some((used) => used.type === map.type)) {
    throw reject(env, E.EBUSY, "only one cgroup storage of each type is allowed");
  }
}

/** True if the map's value type has a member of this struct, directly. */
function hasField(map: MapFacts, struct: string): boolean {
  if (map.btf === undefined || map.btfValueTypeId === 0) return false;
  const { btf } = map;
  const value = btf.resolve(map.btfValueTypeId);
  if (value.kind !== "struct") return false;
  return value.members.some((member) => {
    const type = btf.resolve(member.type);
    return type.kind === "struct" && type.name === struct;
  });
}
