import Table from "cli-table3";
import type { BtfValue } from "../../btf/value.ts";
import type { BpfMap } from "../../lib/map.ts";
import type { BpfObject } from "../../lib/object.ts";
import type { BpfProgram } from "../../lib/program.ts";
import type { ProgramSpec } from "../../lib/spec.ts";
import type { PacketRunner } from "../../transport/in_process.ts";
import { MAP_TYPE, MAP_TYPES } from "../../uapi/map_type.ts";
import { PROG_TYPES } from "../../uapi/prog_type.ts";
import { nameOf } from "../../uapi/table.ts";
import { colours as pc } from "../anybpf/colours.ts";
import type { RunCommand } from "./run_command.ts";
import type { Tally } from "./tally.ts";

/** What a report is made of. */
interface Report {
  readonly command: RunCommand;
  readonly engine: PacketRunner["engine"];
  readonly program: BpfProgram;
  readonly spec: ProgramSpec;
  readonly object: BpfObject;
  readonly tally: Tally;
  readonly print: (text: string) => void;
}

/** Entries of a map that a person is shown. */
const SHOWN_ENTRIES = 16;
/** Map types whose contents are other objects, not values. */
const OPAQUE: ReadonlySet<number> = new Set([
  MAP_TYPE.PROG_ARRAY,
  MAP_TYPE.PERF_EVENT_ARRAY,
  MAP_TYPE.ARRAY_OF_MAPS,
  MAP_TYPE.HASH_OF_MAPS,
]);

/** Prints what a run gave, as one JSON object or for a person. */
export function printReport(report: Report): void {
  if (report.command.json) report.print(`${JSON.stringify(jsonReport(report))}\n`);
  else textReport(report);
}

/** A typed value as JSON has it: whole numbers beyond 2^53 as text, bytes as hex. */
export function plain(value: BtfValue | Uint8Array): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "bigint")
    return value >= -MAX_SAFE && value <= MAX_SAFE ? Number(value) : value.toString();
  if (Array.isArray(value)) return value.map((v: BtfValue) => plain(v));
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

function nsPerPacket({ tally }: Report): number {
  const runs = tally.packets - tally.skipped;
  return runs === 0 ? 0 : Math.round((tally.ns / runs) * 100) / 100;
}

function typeName(rows: Record<string, { value: number; since: string }>, value: number): string {
  return (nameOf(rows, value) ?? String(value)).toLowerCase();
}

function jsonReport(report: Report): object {
  const { command, program, spec, object, tally } = report;
  return {
    program: {
      name: program.name,
      section: spec.section,
      type: typeName(PROG_TYPES, program.type),
      tag: program.tag,
      insns: spec.insns.length,
    },
    engine: report.engine,
    packets: tally.packets,
    bytes: tally.bytes,
    ...(tally.skipped > 0 ? { skipped: tally.skipped } : {}),
    verdicts: Object.fromEntries(tally.verdicts()),
    ns_per_packet: nsPerPacket(report),
    maps: Object.fromEntries(
      object.maps.filter((map) => !OPAQUE.has(map.type)).map((map) => [map.name, [...entries(map)]]),
    ),
    ...(command.perPacket ? { results: tally.results } : {}),
  };
}

/** A map's entries with the keys and values that have something to say. */
function* entries(map: BpfMap): Generator<{ key: unknown; value: unknown }> {
  for (const [key, value] of map.typedEntries()) yield { key: plain(key), value: plain(value) };
}

function textReport(report: Report): void {
  const { command, program, spec, object, tally, print } = report;
  const type = typeName(PROG_TYPES, program.type);
  const [verified] = /processed \d+ insns/.exec(program.log) ?? [""];
  const [depth] = /stack depth \S+/.exec(program.log) ?? [""];
  print(`${pc.bold(program.name)}  ${type}, section ${spec.section}, tag ${program.tag}\n`);
  print(
    `${pc.green("verified")}  ${spec.insns.length} instructions; verifier ${[verified, depth].filter((t) => t !== "").join(", ")}\n`,
  );
  const engine = report.engine === "interp" ? "interpreted" : "compiled to WebAssembly";
  print(
    `${pc.green("run")}       ${count(tally.packets)} packets, ${count(tally.bytes)} bytes, ${engine}: ` +
      `${pc.bold(`${nsPerPacket(report).toFixed(1)} ns`)} per packet\n`,
  );
  if (tally.skipped > 0)
    print(
      `${pc.yellow("skipped")}   ${count(tally.skipped)} packets that Linux would not give to a program (too short or too long)\n`,
    );
  for (const warning of object.warnings) print(`${pc.yellow("warning")}   ${warning}\n`);
  print("\n");
  printVerdicts(tally, print);
  if (command.perPacket) printPackets(tally, print);
  for (const map of object.maps) printMap(map, print);
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** A table without boxes: readable in a terminal and cut apart easily in a pipe. */
function table(head: string[], right: readonly number[]): Table.Table {
  return new Table({
    head: head.map((text) => pc.dim(text)),
    chars: {
      top: "",
      "top-mid": "",
      "top-left": "",
      "top-right": "",
      bottom: "",
      "bottom-mid": "",
      "bottom-left": "",
      "bottom-right": "",
      left: "",
      "left-mid": "",
      mid: "",
      "mid-mid": "",
      right: "",
      "right-mid": "",
      middle: "  ",
    },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: head.map((_, i) => (right.includes(i) ? "right" : "left")),
  });
}

function printVerdicts(tally: Tally, print: (text: string) => void): void {
  const rows = table(["verdict", "packets", "%"], [1, 2]);
  for (const [name, packets] of tally.verdicts()) {
    rows.push([name, count(packets), ((packets / tally.packets) * 100).toFixed(1)]);
  }
  print(`${rows.toString()}\n`);
}

function printPackets(tally: Tally, print: (text: string) => void): void {
  const rows = table(["packet", "verdict", "retval", "length"], [0, 2, 3]);
  tally.results.forEach(({ retval, verdict, len }, i) => {
    rows.push([i + 1, verdict, retval, len]);
  });
  print(`\n${rows.toString()}\n`);
}

function printMap(map: BpfMap, print: (text: string) => void): void {
  const type = typeName(MAP_TYPES, map.type);
  if (OPAQUE.has(map.type)) {
    print(`\n${pc.bold(map.name)}  ${type}, ${map.maxEntries} slots\n`);
    return;
  }
  const all = [...entries(map)];
  // Array elements exist from the start: those that nothing was written to say nothing.
  const isArray = map.type === MAP_TYPE.ARRAY || map.type === MAP_TYPE.PERCPU_ARRAY;
  const shown = isArray && all.length > 1 ? all.filter(({ value }) => !isZero(value)) : all;
  const single = isArray && map.maxEntries === 1;
  const held = `${count(shown.length)} of ${count(map.maxEntries)} ${isArray ? "elements not zero" : "entries"}`;
  print(`\n${pc.bold(map.name)}  ${type}${single ? "" : `, ${held}`}\n`);
  for (const { key, value } of shown.slice(0, SHOWN_ENTRIES)) {
    print(`  ${single ? "" : `${pc.cyan(text(key))}  `}${text(value)}\n`);
  }
  if (shown.length > SHOWN_ENTRIES)
    print(pc.dim(`  … ${count(shown.length - SHOWN_ENTRIES)} more; --json prints all\n`));
}

function isZero(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isZero);
  if (typeof value === "object" && value !== null) return Object.values(value).every(isZero);
  return value === 0 || value === false || value === "" || (typeof value === "string" && /^0+$/.test(value));
}

/** A value on one line, as C would initialise it, near enough. */
function text(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? text(value[0]) : `[${value.map(text).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([name, v]) => `${name}: ${text(v)}`)
      .join(", ")}}`;
  }
  return typeof value === "string" ? value : String(value);
}
