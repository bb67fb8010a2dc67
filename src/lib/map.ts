import type { Btf } from "../btf/btf.ts";
import { type BtfValue, decodeValue, encodeValue } from "../btf/value.ts";
import type { Task } from "../transport/task.ts";
import type { MAP_INFO } from "../uapi/info.ts";
import type { Struct } from "../uapi/layout.ts";
import { MAP_TYPE } from "../uapi/map_type.ts";
import {
  mapDelete,
  mapFreeze,
  mapInfo,
  mapLookup,
  mapLookupAndDelete,
  mapNextKey,
  mapUpdate,
} from "./sys.ts";

/** What is known of a map besides its descriptor. */
export interface MapTraits {
  readonly name: string;
  /** A BPF_MAP_TYPE_ number. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** The types of keys and values; ids are 0 where there is none. */
  readonly btf?: Btf;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

const PER_CPU: ReadonlySet<number> = new Set([
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.PERCPU_ARRAY,
  MAP_TYPE.LRU_PERCPU_HASH,
  MAP_TYPE.PERCPU_CGROUP_STORAGE,
]);
const OF_MAPS: ReadonlySet<number> = new Set([MAP_TYPE.ARRAY_OF_MAPS, MAP_TYPE.HASH_OF_MAPS]);

/** A map in a kernel, reached through a task's descriptor, which it owns. */
export class BpfMap implements MapTraits {
  readonly fd: number;
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly btf?: Btf;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
  readonly #task: Task;

  constructor(task: Task, fd: number, traits: MapTraits) {
    this.#task = task;
    this.fd = fd;
    this.name = traits.name;
    this.type = traits.type;
    this.keySize = traits.keySize;
    this.valueSize = traits.valueSize;
    this.maxEntries = traits.maxEntries;
    this.flags = traits.flags;
    if (traits.btf !== undefined) this.btf = traits.btf;
    this.keyTypeId = traits.keyTypeId;
    this.valueTypeId = traits.valueTypeId;
  }

  /** True if each possible CPU has a value of its own: bytes are then one slot each, of `valueSize` rounded up to 8. */
  get perCpu(): boolean {
    return PER_CPU.has(this.type);
  }

  /** The bytes of a value at the system call. */
  get syscallValueSize(): number {
    return this.perCpu ? Math.ceil(this.valueSize / 8) * 8 * (this.#task.possibleCpus ?? 1) : this.valueSize;
  }

  /** The value of a key, or undefined. For a map of maps or programs it is an id. */
  lookup(key: Uint8Array, flags = 0n): Uint8Array | undefined {
    return mapLookup(this.#task, this.fd, key, this.syscallValueSize, flags);
  }

  /** Writes a value: flags BPF_ANY (0), BPF_NOEXIST (1), BPF_EXIST (2). Throws BpfError (EEXIST, ENOENT, E2BIG …). */
  update(key: Uint8Array, value: Uint8Array, flags = 0n): void {
    mapUpdate(this.#task, this.fd, key, value, flags);
  }

  /** Deletes a key; false if there was none. */
  delete(key: Uint8Array): boolean {
    return mapDelete(this.#task, this.fd, key);
  }

  /** Takes a value out; undefined if there is none. */
  lookupAndDelete(key: Uint8Array, flags = 0n): Uint8Array | undefined {
    return mapLookupAndDelete(this.#task, this.fd, key, this.syscallValueSize, flags);
  }

  /** All keys, in the map's order. Keys that are deleted meanwhile may make it start over. */
  *keys(): Generator<Uint8Array> {
    let key = mapNextKey(this.#task, this.fd, undefined, this.keySize);
    // A key that vanishes under the walk sends it back to the first one: give up after a round too many.
    for (let left = this.maxEntries * 2 + 2; key !== undefined && left > 0; left--) {
      yield key;
      key = mapNextKey(this.#task, this.fd, key, this.keySize);
    }
  }

  /** All keys that have a value, with it. */
  *entries(): Generator<[key: Uint8Array, value: Uint8Array]> {
    for (const key of this.keys()) {
      const value = this.lookup(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** The value of a key, both by BTF type (or as bytes where there is none); for per-CPU maps a list, one for a CPU. */
  get(key: BtfValue | Uint8Array): BtfValue | Uint8Array | undefined {
    const value = this.lookup(this.encodeKey(key));
    return value === undefined ? undefined : this.decodeSlots(value);
  }

  /** Writes a value by BTF type; for per-CPU maps a list, or one value for all CPUs. */
  set(key: BtfValue | Uint8Array, value: BtfValue | Uint8Array, flags = 0n): void {
    this.update(this.encodeKey(key), this.#encodeSlots(value), flags);
  }

  /** All entries, by BTF type. */
  *typedEntries(): Generator<[key: BtfValue | Uint8Array, value: BtfValue | Uint8Array]> {
    for (const [key, value] of this.entries()) yield [this.decodeKey(key), this.decodeSlots(value)];
  }

  /** The bytes of a key. Without BTF numbers are taken as little endian. */
  encodeKey(key: BtfValue | Uint8Array): Uint8Array {
    return this.#encode(this.keyTypeId, this.keySize, key);
  }

  /** A key by BTF type, or its bytes. */
  decodeKey(key: Uint8Array): BtfValue | Uint8Array {
    return this.btf === undefined || this.keyTypeId === 0 ? key : decodeValue(this.btf, this.keyTypeId, key);
  }

  /** A value, or the list of all CPUs' values. */
  decodeSlots(value: Uint8Array): BtfValue | Uint8Array {
    if (!this.perCpu) return this.#decodeOne(value);
    const slots = this.splitSlots(value).map((slot) => this.#decodeOne(slot));
    return slots as BtfValue;
  }

  /** The parts of a per-CPU value, one for each CPU; the value itself for other maps. */
  splitSlots(value: Uint8Array): Uint8Array[] {
    if (!this.perCpu) return [value];
    const step = Math.ceil(this.valueSize / 8) * 8;
    return Array.from({ length: Math.floor(value.length / step) }, (_, cpu) =>
      value.subarray(cpu * step, cpu * step + this.valueSize),
    );
  }

  /** BPF_MAP_FREEZE: user space can write no more. */
  freeze(): void {
    mapFreeze(this.#task, this.fd);
  }

  /** What the kernel says of it. */
  info(): Struct<typeof MAP_INFO> {
    return mapInfo(this.#task, this.fd);
  }

  /** Closes the descriptor. */
  close(): void {
    this.#task.close(this.fd);
  }

  #decodeOne(value: Uint8Array): BtfValue | Uint8Array {
    if (OF_MAPS.has(this.type) || this.btf === undefined || this.valueTypeId === 0) return value;
    return decodeValue(this.btf, this.valueTypeId, value);
  }

  #encodeSlots(value: BtfValue | Uint8Array): Uint8Array {
    if (value instanceof Uint8Array || !this.perCpu)
      return this.#encode(this.valueTypeId, this.valueSize, value);
    const step = Math.ceil(this.valueSize / 8) * 8;
    const bytes = new Uint8Array(this.syscallValueSize);
    for (let cpu = 0; cpu * step < bytes.length; cpu++) {
      const one = Array.isArray(value) ? (value[cpu] as BtfValue | undefined) : value;
      if (one !== undefined) bytes.set(this.#encode(this.valueTypeId, this.valueSize, one), cpu * step);
    }
    return bytes;
  }

  #encode(typeId: number, size: number, value: BtfValue | Uint8Array): Uint8Array {
    if (value instanceof Uint8Array) return value;
    if (this.btf !== undefined && typeId !== 0) return encodeValue(this.btf, typeId, value);
    if ((typeof value !== "number" && typeof value !== "bigint") || size > 8) {
      throw new TypeError(`map '${this.name}' has no BTF: expected ${size} bytes, found ${typeof value}`);
    }
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
    return bytes.subarray(0, size);
  }
}
