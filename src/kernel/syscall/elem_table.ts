import { MAP_TYPE } from "../../uapi/map_type.ts";
import type { ElemOps } from "./elem_ops.ts";
import { MAP_IN_MAP_OPS } from "./map_in_map.ts";
import type { MapObject } from "./map_object.ts";
import { PROG_ARRAY_OPS } from "./prog_array.ts";
import { CPUMAP_OPS, DEVMAP_HASH_OPS, DEVMAP_OPS, XSKMAP_OPS } from "./redirect_maps.ts";
import {
  FD_ARRAY_OPS,
  REUSEPORT_OPS,
  RINGBUF_OPS,
  SOCKHASH_OPS,
  SOCKMAP_OPS,
  STACK_TRACE_OPS,
} from "./refusing_maps.ts";

/** The operations by BPF_MAP_TYPE_ number; types of plain values are not in it. */
export const ELEM_OPS: ReadonlyMap<number, ElemOps> = new Map<number, ElemOps>([
  [MAP_TYPE.PROG_ARRAY, PROG_ARRAY_OPS],
  [MAP_TYPE.PERF_EVENT_ARRAY, FD_ARRAY_OPS],
  [MAP_TYPE.STACK_TRACE, STACK_TRACE_OPS],
  [MAP_TYPE.CGROUP_ARRAY, FD_ARRAY_OPS],
  [MAP_TYPE.ARRAY_OF_MAPS, MAP_IN_MAP_OPS],
  [MAP_TYPE.HASH_OF_MAPS, MAP_IN_MAP_OPS],
  [MAP_TYPE.DEVMAP, DEVMAP_OPS],
  [MAP_TYPE.SOCKMAP, SOCKMAP_OPS],
  [MAP_TYPE.CPUMAP, CPUMAP_OPS],
  [MAP_TYPE.XSKMAP, XSKMAP_OPS],
  [MAP_TYPE.SOCKHASH, SOCKHASH_OPS],
  [MAP_TYPE.REUSEPORT_SOCKARRAY, REUSEPORT_OPS],
  [MAP_TYPE.DEVMAP_HASH, DEVMAP_HASH_OPS],
  [MAP_TYPE.RINGBUF, RINGBUF_OPS],
]);

/** The operations of a map that are not the map's own. */
export function opsOf(map: MapObject): ElemOps {
  return ELEM_OPS.get(map.map.type) ?? {};
}
