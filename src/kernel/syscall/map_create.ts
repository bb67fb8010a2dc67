import type { Btf } from "../../btf/btf.ts";
import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { SysError } from "../error.ts";
import { readAttr } from "./attr.ts";
import { BtfObject } from "./btf_object.ts";
import { innerTemplate, MAPS_OF_MAPS } from "./inner_map.ts";
import { type InnerTemplate, type MapBtf, MapObject } from "./map_object.ts";
import { objectName } from "./name.ts";
import { type Caller, type Command, openFd } from "./system.ts";

/** Map types whose elements are no values that BTF could describe. */
const NO_BTF: ReadonlySet<number> = new Set([
  MAP_TYPE.PERF_EVENT_ARRAY,
  MAP_TYPE.STACK_TRACE,
  MAP_TYPE.CGROUP_ARRAY,
  MAP_TYPE.DEVMAP,
  MAP_TYPE.DEVMAP_HASH,
  MAP_TYPE.CPUMAP,
  MAP_TYPE.XSKMAP,
]);

/** Map types that a task without CAP_BPF may make. */
const UNPRIVILEGED: ReadonlySet<number> = new Set([
  MAP_TYPE.HASH,
  MAP_TYPE.ARRAY,
  MAP_TYPE.PROG_ARRAY,
  MAP_TYPE.PERF_EVENT_ARRAY,
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.PERCPU_ARRAY,
  MAP_TYPE.CGROUP_ARRAY,
  MAP_TYPE.ARRAY_OF_MAPS,
  MAP_TYPE.HASH_OF_MAPS,
]);
/** Map types that say EPERM to such a task before they look at the rest. */
const PRIVILEGED_FIRST: ReadonlySet<number> = new Set([MAP_TYPE.LPM_TRIE, MAP_TYPE.STACK_TRACE]);

/** A `numa_node` that stands for none. */
const NUMA_NO_NODE = 0xffffffff;

/** BPF_MAP_CREATE: a descriptor of a new map. */
export const mapCreate: Command = (system, caller, attr) => {
  const a = readAttr("MAP_CREATE", attr);
  const name = objectName(attrName(attr, 28));
  if ((a.map_flags & MAP_FLAG.TOKEN_FD) !== 0)
    throw new SysError(E.EINVAL, "no BPF token has this descriptor");
  if (a.btf_vmlinux_value_type_id !== 0)
    throw new SysError(E.EINVAL, "only struct_ops maps take a kernel type");
  if (a.btf_key_type_id !== 0 && a.btf_value_type_id === 0) throw new SysError(E.EINVAL);
  if (a.map_extra !== 0n && a.map_type !== MAP_TYPE.BLOOM_FILTER && a.map_type !== MAP_TYPE.ARENA)
    throw new SysError(E.EINVAL);
  const access = fileAccess(a.map_flags);
  if ((a.map_flags & MAP_FLAG.NUMA_NODE) !== 0 && a.numa_node !== 0 && a.numa_node !== NUMA_NO_NODE)
    throw new SysError(E.EINVAL);
  if (a.map_ifindex !== 0) throw new SysError(E.EOPNOTSUPP, "maps can't be offloaded to a device");
  if (!caller.caps.bpf && PRIVILEGED_FIRST.has(a.map_type)) throw new SysError(E.EPERM);
  const map = system.createMap({
    type: a.map_type,
    keySize: a.key_size,
    valueSize: a.value_size,
    maxEntries: a.max_entries,
    flags: a.map_flags,
    mapExtra: a.map_extra,
    numaNode: a.numa_node,
    name,
  });
  let types: MapBtf | undefined;
  let inner: InnerTemplate | undefined;
  try {
    if (MAPS_OF_MAPS.has(a.map_type)) inner = innerTemplate(caller, a.inner_map_fd);
    if (!caller.caps.bpf && !UNPRIVILEGED.has(a.map_type)) throw new SysError(E.EPERM);
    if (a.btf_key_type_id !== 0 || a.btf_value_type_id !== 0) {
      types = mapBtf(caller, a.btf_fd, a.btf_key_type_id, a.btf_value_type_id);
      checkMapBtf(types, map.spec);
    }
  } catch (error) {
    map.free();
    inner?.btf?.put();
    throw error;
  }
  types?.object.get();
  const parts = { ...(types === undefined ? {} : { types }), ...(inner === undefined ? {} : { inner }) };
  const object = system.maps.add((id, forget) => new MapObject(id, forget, map, parts));
  return openFd(caller, object, access);
};

/** The 16 bytes of a name in an attr that may be shorter. */
function attrName(attr: Uint8Array, offset: number): Uint8Array {
  const name = new Uint8Array(16);
  name.set(attr.subarray(offset, offset + 16));
  return name;
}

/** What a descriptor of a map made with these flags may do. */
function fileAccess(flags: number): { readable: boolean; writable: boolean } {
  const readOnly = (flags & MAP_FLAG.RDONLY) !== 0;
  const writeOnly = (flags & MAP_FLAG.WRONLY) !== 0;
  if (readOnly && writeOnly) throw new SysError(E.EINVAL);
  return { readable: !writeOnly, writable: !readOnly };
}

function mapBtf(caller: Caller, fd: number, keyTypeId: number, valueTypeId: number): MapBtf {
  const { object } = caller.fds.get(fd);
  if (!(object instanceof BtfObject)) throw new SysError(E.EINVAL);
  return { object, keyTypeId, valueTypeId };
}

/** The size of a type, or EINVAL if it has none. */
function typeSize(btf: Btf, id: number): number {
  try {
    return btf.size(id);
  } catch {
    throw new SysError(E.EINVAL);
  }
}

/** Checks that the types fit the map's key and value, and what a map type asks of them. */
function checkMapBtf(
  types: MapBtf,
  spec: { type: number; keySize: number; valueSize: number; maxEntries: number },
): void {
  const { btf } = types.object;
  const { keyTypeId, valueTypeId } = types;
  if (keyTypeId !== 0 && typeSize(btf, keyTypeId) !== spec.keySize) throw new SysError(E.EINVAL);
  if (typeSize(btf, valueTypeId) !== spec.valueSize) throw new SysError(E.EINVAL);
  if (NO_BTF.has(spec.type)) throw new SysError(E.ENOTSUPP);
  if (keyTypeId === 0) {
    // A section of global variables: one value, no key.
    const isSection =
      spec.type === MAP_TYPE.ARRAY && spec.maxEntries === 1 && btf.type(valueTypeId).kind === "datasec";
    if (!isSection) throw new SysError(E.EINVAL);
    return;
  }
  const key = btf.resolve(keyTypeId);
  const isArray = spec.type === MAP_TYPE.ARRAY || spec.type === MAP_TYPE.PERCPU_ARRAY;
  if (isArray && key.kind !== "int") throw new SysError(E.EINVAL);
  if (spec.type === MAP_TYPE.LPM_TRIE && key.kind !== "struct") throw new SysError(E.EINVAL);
}
