import { encodeInsns } from "../../isa/insn.ts";
import { E } from "../../uapi/errno.ts";
import {
  BTF_INFO,
  BTF_INFO_SIZE,
  MAP_INFO,
  MAP_INFO_SIZE,
  PROG_INFO,
  PROG_INFO_SIZE,
} from "../../uapi/info.ts";
import { type Layout, readStruct, type Struct, writeStruct } from "../../uapi/layout.ts";
import { SysError } from "../error.ts";
import { readAttr, writeAttr } from "./attr.ts";
import { BtfObject } from "./btf_object.ts";
import { MapObject } from "./map_object.ts";
import { ProgObject } from "./prog_object.ts";
import type { Caller, Command } from "./system.ts";

/** A caller's struct may be larger than this kernel's if the rest is zero, up to a page. */
const MAX_INFO_SIZE = 4096;
const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;

/** BPF_OBJ_GET_INFO_BY_FD: what is known of a map, program or BTF. `info_len` becomes the bytes written. */
export const objGetInfoByFd: Command = (_system, caller, attr) => {
  const a = readAttr("OBJ_GET_INFO_BY_FD", attr);
  const object = openObject(caller, a.bpf_fd);
  const known =
    object instanceof ProgObject
      ? PROG_INFO_SIZE
      : object instanceof MapObject
        ? MAP_INFO_SIZE
        : BTF_INFO_SIZE;
  const given = readInfo(caller, a.info, a.info_len, known);
  let info: Uint8Array;
  if (object instanceof ProgObject) info = progInfo(caller, object, readStruct(PROG_INFO, given));
  else if (object instanceof MapObject) info = mapInfo(object);
  else info = btfInfo(caller, object, readStruct(BTF_INFO, given));
  const length = Math.min(a.info_len, known);
  caller.memory.write(a.info, info.subarray(0, length));
  writeAttr("OBJ_GET_INFO_BY_FD", attr, "info_len", length);
  return 0;
};

function openObject(caller: Caller, fd: number): MapObject | ProgObject | BtfObject {
  let object: unknown;
  try {
    object = caller.fds.get(fd).object;
  } catch (error) {
    // This command alone says EBADFD for a descriptor that is not open.
    if (error instanceof SysError && error.errno === E.EBADF) throw new SysError(E.EBADFD);
    throw error;
  }
  if (object instanceof MapObject || object instanceof ProgObject || object instanceof BtfObject)
    return object;
  throw new SysError(E.EINVAL);
}

/** The caller's struct, cut to what is known; E2BIG if it is larger and the rest is not zero. */
function readInfo(caller: Caller, address: bigint, size: number, known: number): Uint8Array {
  if (size > MAX_INFO_SIZE) throw new SysError(E.E2BIG);
  const bytes = caller.memory.read(address, size);
  if (bytes.subarray(known).some((byte) => byte !== 0)) throw new SysError(E.E2BIG);
  return bytes.subarray(0, known);
}

function mapInfo({ id, map, types }: MapObject): Uint8Array {
  const { spec } = map;
  return writeStruct(
    MAP_INFO,
    {
      type: spec.type,
      id,
      key_size: spec.keySize,
      value_size: spec.valueSize,
      max_entries: spec.maxEntries,
      map_flags: spec.flags,
      name: spec.name,
      btf_id: types?.object.id ?? 0,
      btf_key_type_id: types?.keyTypeId ?? 0,
      btf_value_type_id: types?.valueTypeId ?? 0,
      map_extra: spec.mapExtra,
    },
    MAP_INFO_SIZE,
  );
}

function btfInfo(caller: Caller, { id, btf }: BtfObject, given: Struct<typeof BTF_INFO>): Uint8Array {
  const copied = btf.bytes.subarray(0, Math.min(given.btf_size, btf.bytes.length));
  if (copied.length > 0) caller.memory.write(given.btf, copied);
  return writeStruct(
    BTF_INFO,
    { btf: given.btf, btf_size: btf.bytes.length, id, name: given.name },
    BTF_INFO_SIZE,
  );
}

/** Copies as much of an array as the caller has room for; the count that goes back is what there is. */
function copyArray(caller: Caller, address: bigint, room: number, bytes: Uint8Array): void {
  const length = Math.min(room, bytes.length);
  if (length > 0) caller.memory.write(address, bytes.subarray(0, length));
}

function u32s(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setUint32(i * 4, value, true);
  });
  return bytes;
}

function progInfo(caller: Caller, { id, parts }: ProgObject, given: Struct<typeof PROG_INFO>): Uint8Array {
  const xlated = encodeInsns(parts.linked.insns);
  const mapIds = u32s(parts.maps.map((map) => map.id));
  copyArray(caller, given.xlated_prog_insns, given.xlated_prog_len, xlated);
  copyArray(caller, given.map_ids, given.nr_map_ids * 4, mapIds);
  copyArray(caller, given.func_info, given.nr_func_info * FUNC_INFO_SIZE, parts.funcInfo);
  copyArray(caller, given.line_info, given.nr_line_info * LINE_INFO_SIZE, parts.lineInfo);
  const info: Partial<Struct<typeof PROG_INFO>> = {
    type: parts.type,
    id,
    tag: parts.tag,
    jited_prog_len: parts.executable.codeSize,
    xlated_prog_len: xlated.length,
    xlated_prog_insns: given.xlated_prog_insns,
    load_time: BigInt(Math.round(parts.loadTime)),
    created_by_uid: parts.createdByUid,
    nr_map_ids: parts.maps.length,
    map_ids: given.map_ids,
    name: parts.name,
    gpl_compatible: parts.gplCompatible ? 1 : 0,
    nr_jited_ksyms: parts.linked.subprogs.length,
    nr_jited_func_lens: parts.linked.subprogs.length,
    btf_id: parts.btf?.id ?? 0,
    func_info_rec_size: FUNC_INFO_SIZE,
    func_info: given.func_info,
    nr_func_info: parts.funcInfo.length / FUNC_INFO_SIZE,
    nr_line_info: parts.lineInfo.length / LINE_INFO_SIZE,
    line_info: given.line_info,
    line_info_rec_size: LINE_INFO_SIZE,
    jited_line_info_rec_size: 8,
    nr_prog_tags: parts.linked.subprogs.length,
    verified_insns: parts.verifiedInsns,
  };
  return writeStruct(PROG_INFO as Layout, info as Partial<Struct<Layout>>, PROG_INFO_SIZE);
}
