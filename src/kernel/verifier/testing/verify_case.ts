import { Btf } from "../../../btf/btf.ts";
import { decodeInsns } from "../../../isa/insn.ts";
import { MAP_TYPES } from "../../../uapi/map_type.ts";
import { PROG_TYPES } from "../../../uapi/prog_type.ts";
import type { MapFacts } from "../../prog/map_facts.ts";
import type { VerifyInput } from "../contract.ts";

/** A map of a TEST (the format at the top of `shared/oracle/kbpf.py`). */
export interface CaseMap {
  readonly type: number | string;
  readonly key_size: number;
  readonly value_size: number;
  readonly max_entries: number;
  readonly map_flags?: number;
  readonly name?: string;
  readonly frozen?: boolean;
  readonly inner?: CaseMap;
  readonly entries?: readonly { readonly key: string; readonly value?: string }[];
  readonly btf?: { readonly types: string; readonly strings: string };
  readonly btf_key_type_id?: number;
  readonly btf_value_type_id?: number;
}

/** The part of a TEST that the verifier sees. */
export interface CaseTest {
  readonly name?: string;
  readonly prog_type: number | string;
  readonly expected_attach_type?: number;
  readonly insns: string;
  readonly license?: string;
  readonly prog_flags?: number;
  readonly maps?: readonly CaseMap[];
  readonly map_refs?: readonly { readonly insn: number; readonly map: number }[];
  readonly btf?: { readonly types?: string; readonly strings?: string; readonly hex?: string };
  readonly func_info?: string;
  readonly line_info?: string;
  readonly func_info_rec_size?: number;
  readonly line_info_rec_size?: number;
}

/** Descriptors of a case's maps start here. */
const FIRST_FD = 1000;
const FROZEN_CONTENTS = 0x80;
const BTF_MAGIC = 0xeb9f;

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function number(rows: Readonly<Record<string, { readonly value: number }>>, name: number | string): number {
  return typeof name === "number" ? name : (rows[name.toUpperCase()]?.value ?? 0);
}

/** BTF from its two sections, with the header before them. */
function btfOf(parts: { readonly types?: string; readonly strings?: string; readonly hex?: string }): Btf {
  if (parts.hex !== undefined) return Btf.parse(fromHex(parts.hex));
  const types = fromHex(parts.types ?? "");
  const strings = fromHex(parts.strings ?? "00");
  const bytes = new Uint8Array(24 + types.length + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, BTF_MAGIC, true);
  view.setUint8(2, 1);
  view.setUint32(4, 24, true);
  view.setUint32(12, types.length, true);
  view.setUint32(16, types.length, true);
  view.setUint32(20, strings.length, true);
  bytes.set(types, 24);
  bytes.set(strings, 24 + types.length);
  return Btf.parse(bytes);
}

function factsOf(map: CaseMap, id: number): MapFacts {
  const flags = map.map_flags ?? 0;
  const base = {
    id,
    type: number(MAP_TYPES, map.type),
    name: map.name ?? "",
    keySize: map.key_size,
    valueSize: map.value_size,
    maxEntries: map.max_entries,
    flags,
    mapExtra: 0n,
    frozen: map.frozen === true,
    btfKeyTypeId: map.btf_key_type_id ?? 0,
    btfValueTypeId: map.btf_value_type_id ?? 0,
  };
  const inner = map.inner === undefined ? {} : { inner: factsOf(map.inner, id + 500) };
  const btf = map.btf === undefined ? {} : { btf: btfOf(map.btf) };
  const isConst = map.frozen === true && (flags & FROZEN_CONTENTS) !== 0;
  const constValue = isConst ? { constValue: contents(map) } : {};
  return { ...base, ...inner, ...btf, ...constValue };
}

function contents(map: CaseMap): Uint8Array {
  const bytes = new Uint8Array(map.value_size * map.max_entries);
  for (const { key, value } of map.entries ?? []) {
    const index = new DataView(fromHex(key).buffer).getUint32(0, true);
    bytes.set(fromHex(value ?? ""), index * map.value_size);
  }
  return bytes;
}

function records(hex: string | undefined, recSize: number) {
  if (hex === undefined) return undefined;
  const bytes = fromHex(hex);
  return { recSize, count: bytes.length / recSize, bytes };
}

/** What the verifier is given for a TEST, as root (`privileged`) or without the capabilities of BPF. */
export function caseInput(test: CaseTest, logLevel: number, privileged = true): VerifyInput {
  const maps = (test.maps ?? []).map((map, i) => factsOf(map, i + 1));
  const insns = decodeInsns(fromHex(test.insns)).map((insn, i) => {
    const ref = test.map_refs?.find((r) => r.insn === i);
    return ref === undefined ? insn : { ...insn, imm: FIRST_FD + ref.map };
  });
  const funcInfo = records(test.func_info, test.func_info_rec_size ?? 8);
  const lineInfo = records(test.line_info, test.line_info_rec_size ?? 16);
  return {
    name: test.name ?? "",
    progType: number(PROG_TYPES, test.prog_type),
    expectedAttachType: test.expected_attach_type ?? 0,
    progFlags: test.prog_flags ?? 0,
    insns,
    gplCompatible: (test.license ?? "GPL").includes("GPL"),
    caps: { bpf: privileged, perfmon: privileged, netAdmin: privileged, sysAdmin: privileged },
    logLevel,
    ...(test.btf === undefined ? {} : { btf: btfOf(test.btf) }),
    ...(funcInfo === undefined ? {} : { funcInfo }),
    ...(lineInfo === undefined ? {} : { lineInfo }),
    // Low descriptors are the recording process's own files.
    mapByFd: (fd) => maps[fd - FIRST_FD] ?? (fd >= 0 && fd < 3 ? -22 : -9),
    supports: { helper: () => true },
  };
}

/** A log without what differs from run to run: addresses and times, as `kbpf.py --scrub` does it. */
export function scrub(log: string): string {
  return log
    .replace(/0xffff[0-9a-f]{12}\b/g, "0xADDR")
    .replace(/verification time \d+ usec/g, "verification time N usec");
}
