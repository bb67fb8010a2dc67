import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE, MAP_TYPES } from "../../uapi/map_type.ts";
import { SysError } from "../error.ts";
import { type AllocCheck, checkNumaNode, valid } from "./alloc_check.ts";
import { arrayAllocCheck } from "./arraymap.ts";
import { FD_MAP_CHECKS } from "./fd_maps.ts";
import { htabAllocCheck } from "./hashtab.ts";
import { createLinearMap, type MapMemory } from "./linear_map.ts";
import { lpmAllocCheck } from "./lpm_trie.ts";
import type { CreateMap } from "./map.ts";
import { queueAllocCheck } from "./queue_stack_maps.ts";

/** The supported map types and their checks. */
const CHECKS: ReadonlyMap<number, AllocCheck> = new Map<number, AllocCheck>([
  [MAP_TYPE.HASH, htabAllocCheck],
  [MAP_TYPE.PERCPU_HASH, htabAllocCheck],
  [MAP_TYPE.LRU_HASH, htabAllocCheck],
  [MAP_TYPE.LRU_PERCPU_HASH, htabAllocCheck],
  [MAP_TYPE.ARRAY, arrayAllocCheck],
  [MAP_TYPE.PERCPU_ARRAY, arrayAllocCheck],
  [MAP_TYPE.LPM_TRIE, lpmAllocCheck],
  [MAP_TYPE.QUEUE, queueAllocCheck],
  [MAP_TYPE.STACK, queueAllocCheck],
  ...FD_MAP_CHECKS,
]);

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(MAP_TYPES).map(([name, row]) => [row.value, name.toLowerCase()]),
);

/** Flags that say what the new descriptor may do; the map itself does not keep them. */
const DESCRIPTOR_FLAGS = MAP_FLAG.RDONLY | MAP_FLAG.WRONLY;

/** Linear memory for keys and values of one operation, held as long as the kernel. */
const SCRATCH_BYTES = 4096;

/** True if `createMap` makes maps of this BPF_MAP_TYPE_ number. */
export function supportsMapType(type: number): boolean {
  return CHECKS.has(type);
}

/**
 * The maker of maps over one data plane: checks a spec as Linux does (SysError: EINVAL, E2BIG, ENOMEM, ENOTSUPP) and
 * makes the map. A type of Linux's that isn't supported yet is refused by name with EOPNOTSUPP. Besides the maps it
 * keeps one scratch block of linear memory.
 */
export function createMapFactory(plane: MapMemory): CreateMap {
  const address = plane.exports.alloc(SCRATCH_BYTES) >>> 0;
  if (address === 0) throw new SysError(E.ENOMEM, "no memory for maps");
  const scratch = { address, size: SCRATCH_BYTES };
  return (spec) => {
    const check = CHECKS.get(spec.type);
    if (check === undefined) {
      const name = NAMES.get(spec.type);
      valid(name !== undefined && spec.type !== MAP_TYPE.UNSPEC);
      throw new SysError(E.EOPNOTSUPP, `map type ${name} is not supported yet`);
    }
    valid(spec.mapExtra === 0n);
    checkNumaNode(spec);
    const checked = check(spec, plane.cpus);
    return createLinearMap(plane, scratch, { ...checked, flags: checked.flags & ~DESCRIPTOR_FLAGS });
  };
}
