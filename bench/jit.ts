// What compiled programs cost per run, beside the running kernel's own JIT (BPF_PROG_TEST_RUN) where bpf(2) answers.
//
//   node --experimental-strip-types bench/jit.ts        (Node 22.6 and up), or: npx vite-node bench/jit.ts
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { assemble } from "../src/isa/asm.ts";
import { encodeInsns } from "../src/isa/insn.ts";
import { createDataplane } from "../src/kernel/dataplane/dataplane.ts";
import { createJit } from "../src/kernel/jit/jit.ts";
import { Code } from "../src/kernel/jit/wasm/code.ts";
import { ModuleBuilder } from "../src/kernel/jit/wasm/encoder.ts";
import { createMapFactory } from "../src/kernel/maps/create.ts";
import type { MapExports } from "../src/kernel/maps/exports.ts";
import type { BpfMap } from "../src/kernel/maps/map.ts";
import { cpuAddress } from "../src/kernel/mem/layout.ts";
import type { InsnFacts } from "../src/kernel/prog/program.ts";

/** A benchmark: an XDP program; `{data}` stands for the load of ctx->data, maps are written `map[N]`. */
interface Case {
  readonly name: string;
  readonly text: string;
  readonly maps?: readonly { readonly type: number; readonly keySize: number; readonly entries: number }[];
}

const PARSE = `
  r2 = *(u32 *)(r1 +4)
  r1 = *(u32 *)(r1 +0)
  r3 = r1
  r3 += 14
  if r3 > r2 goto out
  r4 = *(u16 *)(r1 +12)
  if r4 != 8 goto out
  r3 = r1
  r3 += 34
  if r3 > r2 goto out
  r4 = *(u8 *)(r1 +14)
  w4 &= 15
  w4 <<= 2
  if w4 < 20 goto out
  r5 = *(u8 *)(r1 +23)
  if w5 != 17 goto out
  r3 = r1
  r3 += 14
  r3 += r4
  r5 = r3
  r5 += 8
  if r5 > r2 goto out
  r0 = *(u16 *)(r3 +2)
  r0 = be16 r0
  exit
  out:
  r0 = 1
  exit`;

const CHECKSUM = `
  r2 = *(u32 *)(r1 +4)
  r1 = *(u32 *)(r1 +0)
  r0 = 0
  r6 = 0
  r3 = r1
  loop:
  r4 = r3
  r4 += 4
  if r4 > r2 goto out
  r5 = *(u32 *)(r3 +0)
  r0 += r5
  r3 = r4
  r6 += 1
  if r6 < 256 goto loop
  out:
  r5 = r0
  r5 >>= 32
  w0 = w0
  r0 += r5
  w0 = w0
  exit`;

const ROUND = (a: number, b: number, c: number, n: number): string => `
  w${a} -= w${c}
  w9 = w${c}
  w9 <<= ${n}
  w8 = w${c}
  w8 >>= ${32 - n}
  w9 |= w8
  w${a} ^= w9
  w${c} += w${b}`;
const HASH = `
  r2 = *(u32 *)(r1 +4)
  r1 = *(u32 *)(r1 +0)
  r0 = 0
  r3 = r1
  r3 += 64
  if r3 > r2 goto out
  w2 = 1
  w3 = 2
  w4 = 3
  r6 = 0
  loop:
  r5 = *(u32 *)(r1 +0)
  w2 += w5
  r5 = *(u32 *)(r1 +4)
  w3 += w5
  r5 = *(u32 *)(r1 +8)
  w4 += w5
  ${[
    [2, 3, 4, 4],
    [3, 4, 2, 6],
    [4, 2, 3, 8],
    [2, 3, 4, 16],
    [3, 4, 2, 19],
    [4, 2, 3, 4],
  ]
    .map(([a, b, c, n]) => ROUND(a ?? 0, b ?? 0, c ?? 0, n ?? 0))
    .join("")}
  r6 += 1
  if r6 < 32 goto loop
  w0 = w4
  out:
  exit`;

const LOOKUP = (key: string): string => `
  r2 = *(u32 *)(r1 +4)
  r1 = *(u32 *)(r1 +0)
  r3 = r1
  r3 += 64
  if r3 > r2 goto out
  r4 = *(u32 *)(r1 +26)
  ${key}
  r2 = r10
  r2 += -8
  r1 = map[0] ll
  call bpf_map_lookup_elem#1
  if r0 == 0 goto out
  r1 = *(u64 *)(r0 +0)
  r1 += 1
  *(u64 *)(r0 +0) = r1
  r0 = 2
  exit
  out:
  r0 = 1
  exit`;

const CASES: readonly Case[] = [
  { name: "empty", text: "r0 = 2\nexit" },
  { name: "parse", text: PARSE },
  { name: "checksum 1 KiB", text: CHECKSUM },
  { name: "32 hash rounds", text: HASH },
  {
    name: "array lookup",
    text: LOOKUP("w4 &= 63\n*(u32 *)(r10 -8) = r4"),
    maps: [{ type: 2, keySize: 4, entries: 64 }],
  },
  {
    name: "percpu array lookup",
    text: LOOKUP("w4 &= 63\n*(u32 *)(r10 -8) = r4"),
    maps: [{ type: 6, keySize: 4, entries: 64 }],
  },
  {
    name: "hash lookup u32",
    text: LOOKUP("*(u32 *)(r10 -8) = r4"),
    maps: [{ type: 1, keySize: 4, entries: 1000 }],
  },
  {
    name: "hash lookup u64",
    text: LOOKUP("*(u64 *)(r10 -8) = r4"),
    maps: [{ type: 1, keySize: 8, entries: 1000 }],
  },
];

const PACKET_SIZE = 1024;
const ADDRESS = 0x0a000001;

function packet(): Uint8Array {
  const bytes = Uint8Array.from({ length: PACKET_SIZE }, (_, i) => (i * 7) & 0xff);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint8(23, 17);
  view.setUint32(26, ADDRESS, true);
  return bytes;
}

/** A WebAssembly function that runs an entry of the table many times: JavaScript's BigInts cost more than programs. */
function driver(memory: WebAssembly.Memory, table: WebAssembly.Table) {
  const b = new ModuleBuilder();
  b.importMemory("k", "m", false);
  const t = b.importTable("k", "t");
  const entry = b.type({ params: ["i64", "i32"], results: ["i64"] });
  const func = b.declare({ params: ["i32", "i32", "i32", "i32"], results: ["i32"] }, "drive");
  const code = new Code(4);
  const last = code.local("i32");
  const loop = code.loop();
  code.get(1);
  code.op("i64_extend_i32_u");
  code.get(2);
  code.get(0);
  code.callIndirect(entry, t);
  code.op("i32_wrap_i64");
  code.set(last);
  code.get(3);
  code.i32(1);
  code.op("i32_sub");
  code.tee(3);
  code.brIf(loop);
  code.end();
  code.get(last);
  b.define(func, code);
  b.export("drive", func);
  const module = new WebAssembly.Module(b.finish("driver"));
  const { exports } = new WebAssembly.Instance(module, { k: { m: memory, t: table } });
  return exports.drive as (slot: number, ctx: number, cpu: number, count: number) => number;
}

const plane = await createDataplane({ cpus: 1, imports: { now: () => 0 } });
const createMap = createMapFactory(plane);
const exports = plane.exports as unknown as MapExports;
const ctx = plane.exports.alloc(64) >>> 0;
// Not a power of two: a map 4096 bytes further on would look to the processor like the packet (4K aliasing).
const data = plane.exports.alloc(2720) >>> 0;
plane.mem.u8.set(packet(), data);
plane.mem.view.setUint32(ctx, data, true);
plane.mem.view.setUint32(ctx + 4, data + PACKET_SIZE, true);
const drive = driver(plane.mem.memory, plane.table);
const jit = createJit({
  memory: plane.mem.memory,
  table: plane.table,
  helper: (id) =>
    id === 1
      ? {
          id,
          name: "map_lookup_elem",
          nargs: 2,
          call: exports.map_lookup_elem as (...args: bigint[]) => bigint,
        }
      : undefined,
  ldAbs: () => -1n,
});

function bestOf(slot: number): { best: number; median: number; result: number } {
  const count = 200_000;
  const times: number[] = [];
  let result = 0;
  for (let i = 0; i < 15; i++) {
    const start = process.hrtime.bigint();
    result = drive(slot, ctx, cpuAddress(0), count);
    times.push(Number(process.hrtime.bigint() - start) / count);
  }
  times.sort((a, b) => a - b);
  return { best: times[0] ?? 0, median: times[7] ?? 0, result };
}

/** Nanoseconds per run in the kernel, and what it returned. */
function askKernel(c: Case): { ns: number; retval: number } | undefined {
  const refs: { insn: number; map: number }[] = [];
  const text = c.text.replace(/map\[(\d+)\] ll/g, "0 ll");
  const insns = assemble(text);
  insns.forEach((x, insn) => {
    if (x.code === 0x18) refs.push({ insn, map: 0 });
  });
  const raw = insns.map((x) => (x.code === 0x18 ? { ...x, src: 1 } : x));
  const entries = (m: NonNullable<Case["maps"]>[number]) =>
    m.type === 1
      ? [
          {
            key: Buffer.from(Uint32Array.of(ADDRESS, 0).buffer).subarray(0, m.keySize).toString("hex"),
            value: "00".repeat(8),
          },
        ]
      : [];
  const test = {
    prog_type: "xdp",
    insns: Buffer.from(encodeInsns(raw)).toString("hex"),
    maps: (c.maps ?? []).map((m) => ({
      type: m.type,
      key_size: m.keySize,
      value_size: 8,
      max_entries: m.entries,
      entries: entries(m),
    })),
    map_refs: refs,
    runs: Array.from({ length: 5 }, () => ({
      data_in: Buffer.from(packet()).toString("hex"),
      repeat: 100_000,
    })),
  };
  const oracle = fileURLToPath(new URL("../../shared/oracle/kbpf.py", import.meta.url));
  const { stdout, status } = spawnSync("python3", [oracle, "-"], {
    input: `${JSON.stringify(test)}\n`,
    encoding: "utf8",
  });
  if (status !== 0) return undefined;
  const answer = JSON.parse(stdout) as {
    verdict: string;
    log: string;
    runs?: { duration_ns: number; retval: number }[];
  };
  if (answer.verdict !== "accept") {
    console.error(`${c.name}: the kernel says: ${answer.log ?? JSON.stringify(answer)}`);
    return undefined;
  }
  const runs = answer.runs ?? [];
  return { ns: Math.min(...runs.map((r) => r.duration_ns)), retval: runs[0]?.retval ?? 0 };
}

const only = process.argv[2];
console.log(
  "program".padEnd(22),
  "jit ns".padStart(9),
  "median".padStart(9),
  "kernel".padStart(9),
  "bytes".padStart(7),
);
for (const c of CASES) {
  if (only !== undefined && !c.name.includes(only)) continue;
  const maps: BpfMap[] = (c.maps ?? []).map((m) =>
    createMap({
      type: m.type,
      keySize: m.keySize,
      valueSize: 8,
      maxEntries: m.entries,
      flags: 0,
      mapExtra: 0n,
      numaNode: 0,
      name: "m",
    }),
  );
  for (const map of maps) {
    if (map.type === 1)
      map.update(
        new Uint8Array(Uint32Array.of(ADDRESS, 0).buffer).subarray(0, map.keySize),
        new Uint8Array(8),
        0n,
      );
  }
  const insns = assemble(c.text.replace(/map\[(\d+)\]/g, (_, n) => String(maps[Number(n)]?.address)));
  const facts: (InsnFacts | undefined)[] = insns.map((x) => (x.code === 0x85 ? { callMap: 0 } : undefined));
  const subprogs = [{ start: 0, end: insns.length, stackDepth: 8, hasTailCall: false, hasLdAbs: false }];
  const { entry, codeSize } = jit.load({ name: c.name, type: 6, insns, facts, subprogs, maps });
  plane.table.set(1, entry);
  const { best, median, result } = bestOf(1);
  const kernel = askKernel(c);
  const same =
    kernel === undefined || kernel.retval === result >>> 0
      ? ""
      : `  DIFFERS: ${result >>> 0}, not ${kernel.retval}`;
  console.log(
    c.name.padEnd(22),
    best.toFixed(2).padStart(9),
    median.toFixed(2).padStart(9),
    String(kernel?.ns ?? "-").padStart(9),
    String(codeSize).padStart(7),
    same,
  );
}
