import { Btf } from "../../../btf/btf.ts";
import { decodeInsns, type Insn } from "../../../isa/insn.ts";
import { E } from "../../../uapi/errno.ts";
import { MAP_TYPES } from "../../../uapi/map_type.ts";
import { PROG_TYPES } from "../../../uapi/prog_type.ts";
import type { MapFacts } from "../../prog/map_facts.ts";
import type { InfoRecords, VerifyInput } from "../contract.ts";
import { createLog } from "../log/log.ts";
import { createInsnAux, type Env } from "../walk/env.ts";

/** A map of a recorded case, in the words of shared/oracle/kbpf.py. */
export interface CaseMap {
  readonly type: string | number;
  readonly key_size?: number;
  readonly value_size?: number;
  readonly max_entries?: number;
  readonly map_flags?: number;
  readonly name?: string;
  readonly inner?: CaseMap;
}

/** A program of a recorded case, in the same words. */
export interface CaseTest {
  readonly prog_type: string | number;
  readonly expected_attach_type?: number;
  readonly insns: string;
  readonly license?: string;
  readonly prog_flags?: number;
  readonly maps?: readonly CaseMap[];
  readonly map_refs?: readonly { readonly insn: number; readonly map: number }[];
  readonly btf?: { readonly types: string; readonly strings: string } | { readonly hex: string };
  readonly func_info?: string;
  readonly func_info_rec_size?: number;
  readonly line_info?: string;
  readonly line_info_rec_size?: number;
}

/** A program with what Linux said of it. */
export interface RecordedCase {
  readonly name: string;
  readonly test: CaseTest;
  readonly verdict: "accept" | "reject";
  readonly errno: number;
  /** The log at level 2, in lines, addresses scrubbed. */
  readonly log: readonly string[];
}

/** The descriptors of a case's maps start here; smaller ones are open files that are no maps, others are closed. */
const FIRST_FD = 100;

/** Makes the verifier's input of a recorded case at a log level. */
export function caseInput(test: CaseTest, logLevel: number): VerifyInput {
  const insns: Insn[] = decodeInsns(fromHex(test.insns));
  for (const { insn, map } of test.map_refs ?? []) {
    insns[insn] = { ...(insns[insn] as Insn), imm: FIRST_FD + map };
  }
  const maps = (test.maps ?? []).map(mapFacts);
  const btf = test.btf === undefined ? undefined : Btf.parse(btfBytes(test.btf));
  const funcInfo = records(test.func_info, test.func_info_rec_size ?? 8);
  const lineInfo = records(test.line_info, test.line_info_rec_size ?? 16);
  return {
    name: "case",
    progType: number(PROG_TYPES, test.prog_type),
    expectedAttachType: test.expected_attach_type ?? 0,
    progFlags: test.prog_flags ?? 0,
    insns,
    gplCompatible: (test.license ?? "GPL") === "GPL",
    caps: { bpf: true, perfmon: true, netAdmin: true, sysAdmin: true },
    logLevel,
    ...(btf === undefined ? {} : { btf }),
    ...(funcInfo === undefined ? {} : { funcInfo }),
    ...(lineInfo === undefined ? {} : { lineInfo }),
    mapByFd: (fd) => maps[fd - FIRST_FD] ?? (fd >= 0 && fd < 3 ? -E.EINVAL : -E.EBADF),
    supports: { helper: () => true },
  };
}

/** An Env as far as `prepare` and `rewrite` need one. */
export function prepareEnv(input: VerifyInput): Env {
  const env: Partial<Env> = {
    input,
    log: createLog(input.logLevel),
    btf: input.btf,
    insns: [...input.insns],
    aux: input.insns.map(createInsnAux),
    subprogs: [],
    usedMaps: [],
    maps: [],
    funcInfo: [],
    lineInfo: [],
    postorder: [],
    allowPtrLeaks: true,
    bpfCapable: input.caps.bpf,
  };
  return env as Env;
}

/** A log with the addresses that differ from run to run taken out, as kbpf.py --scrub does. */
export function scrub(log: string): string {
  return log.replace(/0xffff[0-9a-f]{12}\b/g, "0xADDR");
}

function number(rows: Record<string, { readonly value: number }>, name: string | number): number {
  return typeof name === "number" ? name : (rows[name.toUpperCase()]?.value ?? -1);
}

function mapFacts(map: CaseMap, index: number): MapFacts {
  return {
    id: index + 1,
    type: number(MAP_TYPES, map.type),
    name: map.name ?? "",
    keySize: map.key_size ?? 0,
    valueSize: map.value_size ?? 0,
    maxEntries: map.max_entries ?? 0,
    flags: map.map_flags ?? 0,
    mapExtra: 0n,
    frozen: false,
    btfKeyTypeId: 0,
    btfValueTypeId: 0,
    ...(map.inner === undefined ? {} : { inner: mapFacts(map.inner, index + 1000) }),
  };
}

function records(hex: string | undefined, recSize: number): InfoRecords | undefined {
  if (hex === undefined) return undefined;
  const bytes = fromHex(hex);
  return { recSize, count: Math.floor(bytes.length / recSize), bytes };
}

function btfBytes(btf: NonNullable<CaseTest["btf"]>): Uint8Array {
  if ("hex" in btf) return fromHex(btf.hex);
  const t = fromHex(btf.types);
  const s = fromHex(btf.strings);
  const bytes = new Uint8Array(24 + t.length + s.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  view.setUint32(4, 24, true);
  view.setUint32(12, t.length, true);
  view.setUint32(16, t.length, true);
  view.setUint32(20, s.length, true);
  bytes.set(t, 24);
  bytes.set(s, 24 + t.length);
  return bytes;
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
