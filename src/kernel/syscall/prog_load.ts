import { decodeInsns, INSN_SIZE } from "../../isa/insn.ts";
import { progTag } from "../../isa/tag.ts";
import { ATTACH_TYPE } from "../../uapi/attach_type.ts";
import type { ATTRS } from "../../uapi/attr.ts";
import { E } from "../../uapi/errno.ts";
import { PROG_FLAG } from "../../uapi/flags.ts";
import type { Struct } from "../../uapi/layout.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { PROG_TYPE, PROG_TYPES } from "../../uapi/prog_type.ts";
import { SysError } from "../error.ts";
import { resolveAddresses } from "../prog/link.ts";
import type { InfoRecords, VerifyInput } from "../verifier/contract.ts";
import { readAttr, writeAttr } from "./attr.ts";
import { BtfObject } from "./btf_object.ts";
import { isGplCompatible } from "./license.ts";
import { checkLogRequest, deliverLog, LOG, type LogRequest } from "./log_buffer.ts";
import { MapObject } from "./map_object.ts";
import { objectName } from "./name.ts";
import { claimProgArray } from "./prog_array.ts";
import { ProgObject, type ProgParts } from "./prog_object.ts";
import { type Caller, type Command, openFd } from "./system.ts";

type Attr = Struct<(typeof ATTRS)["PROG_LOAD"]>;

const KNOWN_FLAGS = Object.values(PROG_FLAG).reduce((all, flag) => all | flag, 0);
/** Instructions that a program may have: with CAP_BPF, and without. */
const MAX_INSNS = { privileged: 1_000_000, unprivileged: 4096 } as const;
const LICENSE_LENGTH = 128;
/** Records of func_info and line_info together may not be larger; more could not belong to one program. */
const MAX_INFO_BYTES = 1 << 28;

/** Program types that a task without CAP_BPF may load (if unprivileged BPF is on at all). */
const UNPRIVILEGED: ReadonlySet<number> = new Set([PROG_TYPE.SOCKET_FILTER, PROG_TYPE.CGROUP_SKB]);
/** Program types that need CAP_NET_ADMIN. */
const NETWORK: ReadonlySet<number> = new Set([
  PROG_TYPE.SCHED_CLS,
  PROG_TYPE.SCHED_ACT,
  PROG_TYPE.XDP,
  PROG_TYPE.LWT_IN,
  PROG_TYPE.LWT_OUT,
  PROG_TYPE.LWT_XMIT,
  PROG_TYPE.LWT_SEG6LOCAL,
  PROG_TYPE.SK_SKB,
  PROG_TYPE.SK_MSG,
  PROG_TYPE.FLOW_DISSECTOR,
]);
/** The attach types that a program type may expect, for the types that are asked. */
const EXPECTED_ATTACH: ReadonlyMap<number, ReadonlySet<number>> = new Map([
  [PROG_TYPE.CGROUP_SKB, new Set([ATTACH_TYPE.CGROUP_INET_INGRESS, ATTACH_TYPE.CGROUP_INET_EGRESS])],
]);

/** BPF_PROG_LOAD: verifies a program, compiles it, and gives a descriptor of it. */
export const progLoad: Command = (system, caller, attr) => {
  const a = readAttr("PROG_LOAD", attr);
  checkBeforeCopy(a, caller);
  const insns = decodeInsns(caller.memory.read(a.insns, a.insn_cnt * INSN_SIZE));
  const license = caller.memory.readString(a.license, LICENSE_LENGTH);
  if (!Object.values(PROG_TYPES).some((row) => row.value === a.prog_type && row.value !== 0))
    throw new SysError(E.EINVAL);
  const nameBytes = new Uint8Array(16);
  nameBytes.set(attr.subarray(48, 64));
  const name = objectName(nameBytes);
  const log: LogRequest = { level: a.log_level, buffer: a.log_buf, size: a.log_size };
  checkLogRequest(log);

  const boundMaps = fdArrayMaps(caller, a);
  const btf = progBtf(caller, a);
  const input: VerifyInput = {
    name,
    progType: a.prog_type,
    expectedAttachType: a.expected_attach_type,
    progFlags: a.prog_flags,
    insns,
    gplCompatible: isGplCompatible(license),
    caps: caller.caps,
    logLevel: a.log_level,
    cpus: system.cpus,
    logKeep: { size: a.log_size, start: (a.log_level & LOG.FIXED) !== 0 },
    mapByFd: (fd) => mapFactsByFd(caller, fd),
    supports: { helper: system.supportsHelper },
    ...(btf === undefined ? {} : { btf: btf.btf }),
    ...infoRecords(caller, a),
    ...(a.fd_array === 0n ? {} : { fdArray: (index: number) => fdArrayEntry(caller, a.fd_array, index) }),
  };
  const result = system.verify(input);
  const delivered = deliverLog(caller.memory, log, result.log, result.logSize);
  writeAttr("PROG_LOAD", attr, "log_true_size", delivered.trueSize);
  if (delivered.errno !== 0) throw new SysError(delivered.errno);
  if (!result.ok) throw new SysError(result.errno);

  const used = result.maps.map((facts) => {
    const map = system.maps.find(facts.id);
    if (map === undefined) throw new SysError(E.EBADF);
    return map;
  });
  const kind = {
    type: a.prog_type,
    expectedAttachType: a.expected_attach_type,
    xdpHasFrags: (a.prog_flags & PROG_FLAG.XDP_HAS_FRAGS) !== 0,
  };
  for (const map of used) if (map.map.type === MAP_TYPE.PROG_ARRAY) claimProgArray(map, kind);
  const linked = resolveAddresses(
    result.program,
    used.map((m) => m.map),
    (index, offset) => used[index]?.map.directValueAddress(offset) ?? 0,
  );
  const installed = system.install(linked);
  const maps = [...used, ...boundMaps.filter((m) => !used.includes(m))];
  for (const map of maps) map.get();
  btf?.get();
  const parts: ProgParts = {
    ...kind,
    ...installed,
    name,
    gplCompatible: input.gplCompatible,
    tag: progTag(insns),
    linked,
    maps,
    btf,
    funcInfo: input.funcInfo?.bytes ?? new Uint8Array(0),
    lineInfo: input.lineInfo?.bytes ?? new Uint8Array(0),
    loadTime: system.now(),
    createdByUid: caller.uid,
    verifiedInsns: result.stats.insnsProcessed,
  };
  return openFd(
    caller,
    system.progs.add((id, forget) => new ProgObject(id, forget, parts)),
  );
};

/** The checks that Linux makes before it looks at any memory of the caller. */
function checkBeforeCopy(a: Attr, caller: Caller): void {
  const { caps } = caller;
  if ((a.prog_flags & ~KNOWN_FLAGS) !== 0) throw new SysError(E.EINVAL);
  if ((a.prog_flags & PROG_FLAG.TOKEN_FD) !== 0)
    throw new SysError(E.EINVAL, "no BPF token has this descriptor");
  if (a.insn_cnt === 0 || a.insn_cnt > (caps.bpf ? MAX_INSNS.privileged : MAX_INSNS.unprivileged))
    throw new SysError(E.E2BIG);
  if (!UNPRIVILEGED.has(a.prog_type) && !caps.bpf) throw new SysError(E.EPERM);
  if (NETWORK.has(a.prog_type) && !caps.netAdmin && !caps.sysAdmin) throw new SysError(E.EPERM);
  if (a.attach_prog_fd !== 0 || a.attach_btf_id !== 0) throw new SysError(E.EINVAL);
  const expected = EXPECTED_ATTACH.get(a.prog_type);
  if (expected !== undefined && !expected.has(a.expected_attach_type)) throw new SysError(E.EINVAL);
  if ((a.prog_flags & PROG_FLAG.SLEEPABLE) !== 0)
    throw new SysError(E.EINVAL, "no program type of the network may sleep");
  if (a.prog_ifindex !== 0) throw new SysError(E.EOPNOTSUPP, "programs can't be offloaded to a device");
}

function fdArrayEntry(caller: Caller, array: bigint, index: number): number {
  const bytes = caller.memory.at(array + BigInt(index) * 4n, 4);
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
}

/** The maps of attr.fd_array, if it has a count: the program holds all of them, used or not. */
function fdArrayMaps(caller: Caller, a: Attr): MapObject[] {
  const maps: MapObject[] = [];
  for (let i = 0; i < a.fd_array_cnt; i++) {
    const { object } = caller.fds.get(fdArrayEntry(caller, a.fd_array, i));
    if (object instanceof MapObject) maps.push(object);
    else if (!(object instanceof BtfObject)) throw new SysError(E.EINVAL);
  }
  return maps;
}

function mapFactsByFd(caller: Caller, fd: number) {
  try {
    const { object } = caller.fds.get(fd);
    return object instanceof MapObject ? object.facts() : -E.EINVAL;
  } catch (error) {
    if (error instanceof SysError) return -error.errno;
    throw error;
  }
}

/** The BTF of a program; as in Linux, prog_btf_fd is looked at only if there are records that need it. */
function progBtf(caller: Caller, a: Attr): BtfObject | undefined {
  if (a.func_info_cnt === 0 && a.line_info_cnt === 0) return undefined;
  if (a.core_relo_cnt !== 0)
    throw new SysError(E.EOPNOTSUPP, "CO-RE relocations are applied by the loader, not by BPF_PROG_LOAD");
  const { object } = caller.fds.get(a.prog_btf_fd);
  if (!(object instanceof BtfObject)) throw new SysError(E.EINVAL);
  return object;
}

function infoRecords(caller: Caller, a: Attr): { funcInfo?: InfoRecords; lineInfo?: InfoRecords } {
  const read = (recSize: number, count: number, address: bigint): InfoRecords => {
    if (recSize * count > MAX_INFO_BYTES) throw new SysError(E.EINVAL);
    return { recSize, count, bytes: caller.memory.read(address, recSize * count) };
  };
  return {
    ...(a.func_info_cnt === 0 ? {} : { funcInfo: read(a.func_info_rec_size, a.func_info_cnt, a.func_info) }),
    ...(a.line_info_cnt === 0 ? {} : { lineInfo: read(a.line_info_rec_size, a.line_info_cnt, a.line_info) }),
  };
}
