import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { SysError } from "../error.ts";
import type { MapSpec } from "./map.ts";

/** Flags that most types take: who may read and write, from the system call and from programs. */
export const ACCESS_FLAGS = MAP_FLAG.RDONLY | MAP_FLAG.WRONLY | MAP_FLAG.RDONLY_PROG | MAP_FLAG.WRONLY_PROG;

/** The largest block that Linux gives at once (KMALLOC_MAX_SIZE). */
export const KMALLOC_MAX = 1 << 22;
/** The largest value of a per-CPU map: Linux's PCPU_MIN_UNIT_SIZE. */
export const PERCPU_VALUE_MAX = 32768;
/** A `numa_node` that stands for none. */
const NUMA_NO_NODE = 0xffffffff;

/** Checks a spec; returns the spec that the map gets, which may have more entries. */
export type AllocCheck = (spec: MapSpec, cpus: number) => MapSpec;

/** Throws EINVAL unless the condition holds. */
export function valid(condition: boolean): void {
  if (!condition) throw new SysError(E.EINVAL);
}

/** True if the node is given and isn't "none". */
export function hasNumaNode(spec: MapSpec): boolean {
  return (spec.flags & MAP_FLAG.NUMA_NODE) !== 0 && spec.numaNode >>> 0 !== NUMA_NO_NODE;
}

/** Throws EINVAL for flags outside `allowed`, and for pairs that exclude each other. */
export function checkFlags(flags: number, allowed: number): void {
  valid((flags & ~allowed) === 0);
  const both = (a: number, b: number) => (flags & a) !== 0 && (flags & b) !== 0;
  valid(!both(MAP_FLAG.RDONLY, MAP_FLAG.WRONLY) && !both(MAP_FLAG.RDONLY_PROG, MAP_FLAG.WRONLY_PROG));
}

/** Throws EINVAL for a NUMA node that there isn't: this machine has node 0. */
export function checkNumaNode(spec: MapSpec): void {
  valid(!hasNumaNode(spec) || spec.numaNode === 0);
}
