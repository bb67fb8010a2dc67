// What compiled programs cost per run: medians (and spread) beside the running kernel's own JIT, through
// BPF_PROG_TEST_RUN where bpf(2) answers, and beside the same in C where clang is there.
//
//   node bench/run.mjs jit [only names that contain this]
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { assemble } from "../src/isa/asm.ts";
import { encodeInsns, type Insn } from "../src/isa/insn.ts";
import { createDataplane } from "../src/kernel/dataplane/dataplane.ts";
import { createJit } from "../src/kernel/jit/jit.ts";
import { Code } from "../src/kernel/jit/wasm/code.ts";
import { ModuleBuilder } from "../src/kernel/jit/wasm/encoder.ts";
import { createMapFactory } from "../src/kernel/maps/create.ts";
import type { MapExports } from "../src/kernel/maps/exports.ts";
import type { BpfMap } from "../src/kernel/maps/map.ts";
import { CPU, cpuAddress } from "../src/kernel/mem/layout.ts";
import type { LinkedProgram, Subprog } from "../src/kernel/prog/program.ts";
import { CASES, type Case } from "./programs.ts";

const PACKET_SIZE = 1024;
/** The source address in the packet, which lookups use as a key. */
const ADDRESS = 0x0a000001;
const ROUNDS = 15;
const RUNS = 200_000;
/** Where the program under test is in the table. */
const SLOT = 1;

interface Measured {
  /** Nanoseconds per run of each round, ascending. */
  readonly times: readonly number[];
  readonly result: number;
}

function packet(): Uint8Array {
  const bytes = Uint8Array.from({ length: PACKET_SIZE }, (_, i) => (i * 7) & 0xff);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint8(23, 17);
  view.setUint32(26, ADDRESS, true);
  return bytes;
}

/** A key that the packet's address is found under. */
function keyOf(size: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(ADDRESS, 0).buffer).subarray(0, size);
}

/** A WebAssembly function that runs an entry of the table many times: JavaScript's BigInts cost more than programs. */
function createDriver(memory: WebAssembly.Memory, table: WebAssembly.Table) {
  const b = new ModuleBuilder();
  b.importMemory("k", "m", false);
  const t = b.importTable("k", "t");
  const entry = b.type({ params: ["i64", "i32"], results: ["i64"] });
  const func = b.declare({ params: ["i32", "i32", "i32", "i32"], results: ["i32"] }, "drive");
  const [slot, ctx, cpu, count] = [0, 1, 2, 3];
  const code = new Code(4);
  const last = code.local("i32");
  const loop = code.loop();
  code.get(cpu);
  code.i32(0);
  code.memory("i32_store", CPU.tailCalls);
  code.get(ctx);
  code.op("i64_extend_i32_u");
  code.get(cpu);
  code.get(slot);
  code.callIndirect(entry, t);
  code.op("i32_wrap_i64");
  code.set(last);
  code.get(count);
  code.i32(1);
  code.op("i32_sub");
  code.tee(count);
  code.brIf(loop);
  code.end();
  code.get(last);
  b.define(func, code);
  b.export("drive", func);
  const module = new WebAssembly.Module(b.finish("driver"));
  const { exports } = new WebAssembly.Instance(module, { k: { m: memory, t: table } });
  return exports.drive as (slot: number, ctx: number, cpu: number, count: number) => number;
}

/** The subprograms of a program in assembly: they start where calls go. */
function subprogsOf(insns: readonly Insn[]): Subprog[] {
  const starts = new Set([0]);
  insns.forEach((x, i) => {
    if (x.code === 0x85 && x.src === 1) starts.add(i + 1 + x.imm);
  });
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((start, i) => {
    const end = sorted[i + 1] ?? insns.length;
    return { start, end, stackDepth: 8, hasTailCall: false, hasLdAbs: false };
  });
}

/** Runs benchmarks on a kernel's data plane. */
async function createBench(): Promise<(c: Case) => Measured> {
  const plane = await createDataplane({ cpus: 1, imports: { now: () => 0 } });
  const createMap = createMapFactory(plane);
  const exports = plane.exports as unknown as MapExports;
  const ctx = plane.exports.alloc(64) >>> 0;
  const data = plane.exports.alloc(2048) >>> 0;
  plane.mem.u8.set(packet(), data);
  plane.mem.view.setUint32(ctx, data, true);
  plane.mem.view.setUint32(ctx + 4, data + PACKET_SIZE, true);
  const { table } = plane;
  const { memory } = plane.mem;
  const drive = createDriver(memory, table);
  const call = exports.map_lookup_elem as (...args: bigint[]) => bigint;
  const lookup = { id: 1, name: "map_lookup_elem", nargs: 2, call };
  const helper = (id: number) => (id === 1 ? lookup : undefined);
  const jit = createJit({ memory, table, helper, ldAbs: () => -1n, mapEachNext: exports.map_each_next });

  const makeMap = ({ type, keySize, entries }: NonNullable<Case["maps"]>[number]): BpfMap => {
    const valueSize = type === 3 ? 4 : 8;
    const rest = { flags: 0, mapExtra: 0n, numaNode: 0, name: "m" };
    const map = createMap({ type, keySize, valueSize, maxEntries: entries, ...rest });
    if (type === 1) map.update(keyOf(keySize), new Uint8Array(8), 0n);
    if (type === 3) exports.slot_set(map.address, 0, SLOT);
    return map;
  };

  return (c) => {
    const maps = (c.maps ?? []).map(makeMap);
    const insns = assemble(c.text.replace(/map\[(\d+)\]/g, (_, n) => String(maps[Number(n)]?.address)));
    const facts = insns.map((x) => (x.code === 0x85 && x.src === 0 ? { callMap: 0 } : undefined));
    const program: LinkedProgram = { name: c.name, type: 6, insns, facts, subprogs: subprogsOf(insns), maps };
    table.set(SLOT, jit.load(program).entry);
    const times: number[] = [];
    let result = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const start = process.hrtime.bigint();
      result = drive(SLOT, ctx, cpuAddress(0), RUNS) >>> 0;
      times.push(Number(process.hrtime.bigint() - start) / RUNS);
    }
    return { times: times.sort((a, b) => a - b), result };
  };
}

/** The same in the running kernel, or undefined if it cannot be asked. */
function askKernel(c: Case): Measured | undefined {
  const oracle = resolve("../shared/oracle/kbpf.py");
  if (!existsSync(oracle)) return undefined;
  const insns = assemble(c.text.replace(/map\[(\d+)\] ll/g, "0 ll"));
  const loads = insns.flatMap((x, insn) => (x.code === 0x18 ? [insn] : []));
  const raw = Buffer.from(encodeInsns(insns.map((x) => (x.code === 0x18 ? { ...x, src: 1 } : x)))).toString(
    "hex",
  );
  const self = { prog_type: "xdp", insns: raw, map_refs: loads.map((insn) => ({ insn, map: "self" })) };
  const entriesOf = ({ type, keySize }: NonNullable<Case["maps"]>[number]): unknown[] => {
    if (type === 3) return [{ key: "00000000", prog: self }];
    return type === 1 ? [{ key: Buffer.from(keyOf(keySize)).toString("hex"), value: "00".repeat(8) }] : [];
  };
  const test = {
    ...self,
    map_refs: loads.map((insn) => ({ insn, map: 0 })),
    maps: (c.maps ?? []).map((m) => ({
      type: m.type,
      key_size: m.keySize,
      value_size: m.type === 3 ? 4 : 8,
      max_entries: m.entries,
      entries: entriesOf(m),
    })),
    runs: Array.from({ length: ROUNDS }, () => ({
      data_in: Buffer.from(packet()).toString("hex"),
      repeat: RUNS / 4,
    })),
  };
  const input = `${JSON.stringify(test)}\n`;
  const { stdout, status } = spawnSync("python3", [oracle, "-"], { input, encoding: "utf8" });
  if (status !== 0) return undefined;
  const { runs } = JSON.parse(stdout) as { runs?: { duration_ns: number; retval: number }[] };
  if (runs === undefined) return undefined;
  return { times: runs.map((r) => r.duration_ns).sort((a, b) => a - b), result: runs[0]?.retval ?? 0 };
}

/** The cases that bench/native.c has, compiled by clang -O2; none without clang. */
function runNative(): Map<string, Measured> {
  const dir = mkdtempSync(join(tmpdir(), "anybpf-bench-"));
  try {
    const binary = join(dir, "native");
    const compilers = ["clang", "clang-19", "clang-18"];
    const args = ["-O2", "-o", binary, "bench/native.c"];
    if (!compilers.some((cc) => spawnSync(cc, args).status === 0)) return new Map();
    const { stdout } = spawnSync(binary, { encoding: "utf8" });
    const lines = stdout.trim().split("\n");
    return new Map(
      lines.map((line) => {
        const [name = "", result, ...times] = line.split("\t");
        return [name, { result: Number(result), times: times.map(Number).sort((a, b) => a - b) }];
      }),
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function median({ times }: Measured): number {
  return times[times.length >> 1] ?? Number.NaN;
}

/** A median with the slowest of the middle half, in nanoseconds. */
function show(m: Measured | undefined): string {
  if (m === undefined) return "-";
  const spread = (m.times[(m.times.length * 3) >> 2] ?? 0) - (m.times[m.times.length >> 2] ?? 0);
  return `${median(m).toFixed(1)} ±${spread.toFixed(1)}`;
}

const only = process.argv[2] ?? "";
console.log(`${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}, V8 ${process.versions.v8}`);
console.log(
  `ns per run: median ± interquartile range of ${ROUNDS} rounds. Linux's numbers contain the some 20 ns`,
);
console.log("that BPF_PROG_TEST_RUN adds to each run; ours a call from a loop in WebAssembly.\n");
const columns = ["program", "anybpf", "Linux", "C", "anybpf/Linux", "anybpf/C"];
console.log(columns.map((name, i) => (i === 0 ? name.padEnd(22) : name.padStart(15))).join(""));
const bench = await createBench();
const native = runNative();
for (const c of CASES) {
  if (!c.name.includes(only)) continue;
  const ours = bench(c);
  const linux = askKernel(c);
  const inC = native.get(c.name);
  const ratio = (other: Measured | undefined): string =>
    other === undefined ? "-" : (median(ours) / median(other)).toFixed(2);
  const cells = [show(ours), show(linux), show(inC), ratio(linux), ratio(inC)];
  const wrong = [linux, inC].find((m) => m !== undefined && m.result !== ours.result);
  const note = wrong === undefined ? "" : `  DIFFERS: ${ours.result}, not ${wrong.result}`;
  console.log(c.name.padEnd(22) + cells.map((cell) => cell.padStart(15)).join("") + note);
}
