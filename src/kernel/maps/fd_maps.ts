import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { SysError } from "../error.ts";
import { ACCESS_FLAGS, type AllocCheck, checkFlags, valid } from "./alloc_check.ts";
import { htabAllocCheck } from "./hashtab.ts";

const FD_FLAGS = MAP_FLAG.NUMA_NODE | MAP_FLAG.RDONLY | MAP_FLAG.WRONLY;
/** CPUs that Linux can be built for, as the kernels that anybpf is held against are (CONFIG_NR_CPUS). */
const NR_CPUS = 256;
/** The most bytes of a key that a program could have on its stack. */
const MAX_BPF_STACK = 512;
/** Frames of a call chain (kernel.perf_event_max_stack), and the bytes of one with and without a build id. */
const MAX_STACK_DEPTH = 127;
const FRAME_BYTES = { address: 8, buildId: 32 } as const;
const PAGE = 4096;

/** A check for a type whose keys are u32 indexes or ids and whose values stand for objects. Errno: EINVAL. */
function objectCheck(flags: number, valueSizes: readonly number[]): AllocCheck {
  return (spec) => {
    valid(spec.maxEntries !== 0 && spec.keySize === 4 && valueSizes.includes(spec.valueSize));
    checkFlags(spec.flags, flags);
    return spec;
  };
}

/** Checks a prog_array, cgroup_array or array_of_maps, whose values are descriptors at the system call. */
const fdArrayAllocCheck: AllocCheck = objectCheck(FD_FLAGS, [4]);
/** Checks an xskmap. */
const xskMapAllocCheck: AllocCheck = objectCheck(FD_FLAGS, [4]);
/** Checks a perf_event_array. */
const perfEventArrayAllocCheck: AllocCheck = objectCheck(FD_FLAGS | MAP_FLAG.PRESERVE_ELEMS, [4]);
/** A devmap or devmap_hash, whose values may name a program besides the device. */
const anyDevMap: AllocCheck = objectCheck(FD_FLAGS, [4, 8]);
/** Checks a sockmap, whose values are sockets' descriptors or cookies. */
const sockMapAllocCheck: AllocCheck = objectCheck(FD_FLAGS, [4, 8]);
/** Checks a reuseport_sockarray. */
const reuseportAllocCheck: AllocCheck = objectCheck(ACCESS_FLAGS | MAP_FLAG.NUMA_NODE, [4, 8]);

/** Checks a devmap or devmap_hash. A program's lookup gives it the kernel's own record, so it may only read. */
const devMapAllocCheck: AllocCheck = (spec, cpus) => {
  const checked = anyDevMap(spec, cpus);
  return { ...checked, flags: checked.flags | MAP_FLAG.RDONLY_PROG };
};

const anyCpuMap = objectCheck(MAP_FLAG.NUMA_NODE, [4, 8]);

/** Checks a cpumap. Errnos: EINVAL; E2BIG for more CPUs than Linux could have. */
const cpuMapAllocCheck: AllocCheck = (spec, cpus) => {
  anyCpuMap(spec, cpus);
  if (spec.maxEntries > NR_CPUS) throw new SysError(E.E2BIG);
  return spec;
};

/** Checks a sockhash. Errnos: EINVAL; E2BIG for keys that no program could hold. */
const sockHashAllocCheck: AllocCheck = (spec) => {
  const { keySize, valueSize, maxEntries, flags } = spec;
  valid(maxEntries !== 0 && keySize !== 0 && (valueSize === 4 || valueSize === 8));
  checkFlags(flags, FD_FLAGS);
  if (keySize > MAX_BPF_STACK) throw new SysError(E.E2BIG);
  return spec;
};

/** Checks a hash_of_maps as a hash, whose values are descriptors at the system call. */
const hashOfMapsAllocCheck: AllocCheck = (spec, cpus) => {
  valid(spec.valueSize === 4);
  return htabAllocCheck(spec, cpus);
};

/** Checks a stack_trace map: a value is a chain of frames. Errno: EINVAL. */
const stackTraceAllocCheck: AllocCheck = (spec) => {
  const { keySize, valueSize, maxEntries, flags } = spec;
  const frame = (flags & MAP_FLAG.STACK_BUILD_ID) === 0 ? FRAME_BYTES.address : FRAME_BYTES.buildId;
  checkFlags(flags, FD_FLAGS | MAP_FLAG.STACK_BUILD_ID);
  valid(maxEntries !== 0 && keySize === 4 && valueSize !== 0 && valueSize % frame === 0);
  valid(valueSize / frame <= MAX_STACK_DEPTH);
  return spec;
};

/** Checks a ringbuf: `maxEntries` is its size in bytes, a power of two and whole pages. Errno: EINVAL. */
const ringbufAllocCheck: AllocCheck = (spec) => {
  const { keySize, valueSize, maxEntries, flags } = spec;
  checkFlags(flags, MAP_FLAG.NUMA_NODE);
  valid(keySize === 0 && valueSize === 0 && maxEntries !== 0);
  valid((maxEntries & (maxEntries - 1)) === 0 && maxEntries % PAGE === 0);
  return spec;
};

/** The checks of these types, by BPF_MAP_TYPE_ number. */
export const FD_MAP_CHECKS: readonly (readonly [number, AllocCheck])[] = [
  [MAP_TYPE.PROG_ARRAY, fdArrayAllocCheck],
  [MAP_TYPE.PERF_EVENT_ARRAY, perfEventArrayAllocCheck],
  [MAP_TYPE.STACK_TRACE, stackTraceAllocCheck],
  [MAP_TYPE.CGROUP_ARRAY, fdArrayAllocCheck],
  [MAP_TYPE.ARRAY_OF_MAPS, fdArrayAllocCheck],
  [MAP_TYPE.HASH_OF_MAPS, hashOfMapsAllocCheck],
  [MAP_TYPE.DEVMAP, devMapAllocCheck],
  [MAP_TYPE.SOCKMAP, sockMapAllocCheck],
  [MAP_TYPE.CPUMAP, cpuMapAllocCheck],
  [MAP_TYPE.XSKMAP, xskMapAllocCheck],
  [MAP_TYPE.SOCKHASH, sockHashAllocCheck],
  [MAP_TYPE.REUSEPORT_SOCKARRAY, reuseportAllocCheck],
  [MAP_TYPE.DEVMAP_HASH, devMapAllocCheck],
  [MAP_TYPE.RINGBUF, ringbufAllocCheck],
];
