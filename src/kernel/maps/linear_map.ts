import { E } from "../../uapi/errno.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { SysError } from "../error.ts";
import type { AllocExports } from "../mem/alloc.ts";
import type { KernelMemory } from "../mem/memory.ts";
import type { MapExports } from "./exports.ts";
import { MAP } from "./layout.ts";
import type { BpfMap, MapSpec } from "./map.ts";

/** What maps need of the data plane. */
export interface MapMemory {
  readonly mem: KernelMemory;
  readonly exports: AllocExports & MapExports;
  readonly cpus: number;
}

/** A place in linear memory for the keys and values of one operation. */
export interface Scratch {
  readonly address: number;
  readonly size: number;
}

/** Map types with a value for each CPU. */
const PERCPU: ReadonlySet<number> = new Set([
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.PERCPU_ARRAY,
  MAP_TYPE.LRU_PERCPU_HASH,
]);

/** Map types that BPF_MAP_LOOKUP_AND_DELETE_ELEM works on. */
const TAKES: ReadonlySet<number> = new Set([
  MAP_TYPE.HASH,
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.LRU_HASH,
  MAP_TYPE.LRU_PERCPU_HASH,
  MAP_TYPE.QUEUE,
  MAP_TYPE.STACK,
]);

/** Update flags beyond BPF_EXIST (BPF_F_LOCK among them, as no map has a spin lock yet) are refused. */
const FLAGS_MAX = 3n;

/** Makes a map whose spec is checked; its contents and algorithms are in linear memory. ENOMEM if that is full. */
export function createLinearMap(plane: MapMemory, scratch: Scratch, spec: MapSpec): BpfMap {
  const { mem, exports, cpus } = plane;
  const { type, keySize, valueSize, maxEntries } = spec;
  const percpu = PERCPU.has(type);
  const slots = percpu ? cpus : 1;
  const syscallValueSize = percpu ? Math.ceil(valueSize / 8) * 8 * cpus : valueSize;
  const seed = crypto.getRandomValues(new Uint32Array(2));
  const address =
    exports.map_create(
      type,
      keySize,
      valueSize,
      maxEntries,
      spec.flags,
      slots,
      seed[0] ?? 0,
      seed[1] ?? 0,
    ) >>> 0;
  if (address === 0) throw new SysError(E.ENOMEM, `no memory for map "${spec.name}"`);
  let freed = false;

  /** The value's place in the scratch memory: after the key, aligned. */
  const valueAt = Math.ceil(keySize / 8) * 8;
  const needed = valueAt + Math.max(keySize, syscallValueSize);

  function borrow(): number {
    if (needed <= scratch.size) return scratch.address;
    const at = exports.alloc(needed) >>> 0;
    if (at === 0) throw new SysError(E.ENOMEM);
    return at;
  }

  function giveBack(at: number): void {
    if (at !== scratch.address) exports.free(at);
  }

  /** Runs an operation that writes its answer of `size` bytes after the key, and copies that out. */
  function read(
    operation: (map: number, key: number, out: number) => number,
    key: Uint8Array | undefined,
    size: number,
  ): Uint8Array {
    const at = borrow();
    if (key !== undefined) mem.u8.set(key, at);
    const result = operation(address, key === undefined ? 0 : at, at + valueAt);
    const answer = result === 0 ? mem.u8.slice(at + valueAt, at + valueAt + size) : undefined;
    giveBack(at);
    if (answer === undefined) throw new SysError(-result);
    return answer;
  }

  return {
    type,
    address,
    keySize,
    valueSize,
    maxEntries,
    spec,
    syscallValueSize,

    lookup(key, flags) {
      if (flags !== 0n) throw new SysError(E.EINVAL);
      return read(exports.sys_lookup, key, syscallValueSize);
    },

    update(key, value, flags) {
      if (flags >= FLAGS_MAX) throw new SysError(E.EINVAL);
      const at = borrow();
      const u8 = mem.u8;
      u8.set(key, at);
      u8.set(value, at + valueAt);
      const result = exports.sys_update(address, at, at + valueAt, Number(flags));
      giveBack(at);
      if (result !== 0) throw new SysError(-result);
    },

    delete(key) {
      const at = borrow();
      mem.u8.set(key, at);
      const result = exports.sys_delete(address, at);
      giveBack(at);
      if (result !== 0) throw new SysError(-result);
    },

    nextKey(key) {
      return read(exports.sys_next_key, key, keySize);
    },

    lookupAndDelete(key, flags) {
      if (flags !== 0n) throw new SysError(E.EINVAL);
      if (!TAKES.has(type)) throw new SysError(E.ENOTSUPP);
      return read(exports.sys_lookup_and_delete, key, syscallValueSize);
    },

    directValueAddress(offset) {
      if (type !== MAP_TYPE.ARRAY)
        throw new SysError(E.EINVAL, "this map type has no directly addressed value");
      if (maxEntries !== 1) throw new SysError(E.ENOTSUPP);
      if (offset >= valueSize) throw new SysError(E.EINVAL);
      return mem.view.getUint32(address + MAP.data, true) + offset;
    },

    free() {
      if (freed) return;
      freed = true;
      exports.map_free(address);
    },
  };
}
