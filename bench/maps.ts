// Nanoseconds per map operation from inside WebAssembly: a hand-written loop (below) calls the data plane's exports as
// compiled programs do, with keys that it finds in an array. Prints medians of several rounds and their spread.
//
//   node --experimental-strip-types bench/maps.ts [elements] [only names that match]
import { cpus, release } from "node:os";
import { createDataplane } from "../src/kernel/dataplane/dataplane.ts";
import { createMapFactory } from "../src/kernel/maps/create.ts";
import type { BpfMap } from "../src/kernel/maps/map.ts";
import { MAP_TYPE } from "../src/uapi/map_type.ts";

const ELEMENTS = Number(process.argv[2] ?? 100_000);
const ONLY = new RegExp(process.argv[3] ?? "");
const ROUNDS = 9;
const CALLS = 1_000_000;

type Operation = (...args: bigint[]) => bigint;

/** LEB128, unsigned. */
function leb(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)];
}

function section(id: number, bytes: number[]): number[] {
  return [id, ...leb(bytes.length), ...bytes];
}

const name = (text: string): number[] => [text.length, ...Buffer.from(text)];

/**
 * A module with `run(map, keys, end, stride, value) -> i32`: calls the imported operation for each key and adds up the
 * results' low halves. An operation with four parameters also gets the value's address and flags 0.
 */
function loopModule(nargs: number): Uint8Array<ArrayBuffer> {
  const get = (local: number) => [0x20, local];
  const wide = (local: number) => [...get(local), 0xad];
  const args = [...wide(0), ...wide(1), ...(nargs === 4 ? [...wide(4), 0x42, 0] : [])];
  const body = [
    ...[1, 1, 0x7f],
    ...[0x03, 0x40],
    ...[...args, 0x10, 0, 0xa7, ...get(5), 0x6a, 0x21, 5],
    ...[...get(1), ...get(3), 0x6a, 0x22, 1, ...get(2), 0x49, 0x0d, 0],
    ...[0x0b, ...get(5), 0x0b],
  ];
  const i64 = 0x7e;
  const i32 = 0x7f;
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [
      2,
      0x60,
      nargs,
      ...Array(nargs).fill(i64),
      1,
      i64,
      0x60,
      5,
      i32,
      i32,
      i32,
      i32,
      i32,
      1,
      i32,
    ]),
    ...section(2, [1, ...name("e"), ...name("f"), 0, 0]),
    ...section(3, [1, 1]),
    ...section(7, [1, ...name("run"), 0, 1]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ]);
}

const modules = { 2: new WebAssembly.Module(loopModule(2)), 4: new WebAssembly.Module(loopModule(4)) };
const plane = await createDataplane({ cpus: 2, imports: { now: () => performance.now() * 1e6 } });
const { exports, mem } = plane;
const createMap = createMapFactory(plane);

interface Bench {
  readonly name: string;
  readonly map: BpfMap;
  readonly operation: Operation;
  readonly nargs: 2 | 4;
  readonly keys: readonly Uint8Array[];
}

function shuffled<T>(items: readonly T[]): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

function measure({ name: title, map, operation, nargs, keys }: Bench): void {
  if (!ONLY.test(title)) return;
  const stride = Math.ceil(map.keySize / 8) * 8;
  const at = exports.alloc(stride * keys.length) >>> 0;
  const value = exports.alloc_zeroed(map.valueSize) >>> 0;
  keys.forEach((key, i) => {
    mem.u8.set(key, at + i * stride);
  });
  const instance = new WebAssembly.Instance(modules[nargs], { e: { f: operation } });
  const run = instance.exports.run as (...args: number[]) => number;
  const end = at + stride * keys.length;
  const passes = Math.max(1, Math.round(CALLS / keys.length));
  const times: number[] = [];
  for (let round = 0; round < ROUNDS + 2; round++) {
    const start = performance.now();
    for (let pass = 0; pass < passes; pass++) run(map.address, at, end, stride, value);
    times.push(((performance.now() - start) * 1e6) / (passes * keys.length));
  }
  // The first two rounds warm up.
  const sorted = times.slice(2).sort((a, b) => a - b);
  const show = (t: number | undefined) => (t ?? 0).toFixed(1).padStart(7);
  console.log(
    `${title.padEnd(44)}${show(sorted[ROUNDS >> 1])} ns   ${show(sorted[0])} –${show(sorted.at(-1))}`,
  );
  exports.free(at);
  exports.free(value);
}

function makeMap(type: number, keySize: number, maxEntries: number, flags = 0): BpfMap {
  return createMap({
    type,
    keySize,
    valueSize: 8,
    maxEntries,
    flags,
    mapExtra: 0n,
    numaNode: 0,
    name: "bench",
  });
}

function randomKeys(count: number, size: number): Uint8Array[] {
  return Array.from({ length: count }, () => crypto.getRandomValues(new Uint8Array(size)));
}

function fill(map: BpfMap, keys: readonly Uint8Array[]): void {
  const value = new Uint8Array(map.syscallValueSize);
  for (const key of keys) map.update(key, value, 0n);
}

console.log(`${cpus()[0]?.model ?? "?"} x ${cpus().length}, Linux ${release()}, Node ${process.version}`);
console.log(`${ELEMENTS} elements with 8-byte values, ${ROUNDS} rounds; median, fastest – slowest\n`);

const HASHES = [
  ["hash", MAP_TYPE.HASH, { 4: exports.htab_lookup_4, 8: exports.htab_lookup_8, 16: exports.htab_lookup_16 }],
  ["percpu_hash", MAP_TYPE.PERCPU_HASH, { 8: exports.htab_percpu_lookup }],
  ["lru_hash", MAP_TYPE.LRU_HASH, { 8: exports.htab_lru_lookup_8 }],
] as const;

for (const [kind, type, special] of HASHES) {
  for (const size of kind === "hash" ? [4, 8, 16, 20, 40] : [8]) {
    const map = makeMap(type, size, ELEMENTS);
    const keys = randomKeys(ELEMENTS, size);
    fill(map, keys);
    const known = (special as Record<number, Operation | undefined>)[size];
    const of = (n: string) => `${kind}, ${size}-byte keys: ${n}`;
    const hits = shuffled(keys);
    const few = hits.slice(0, 1000);
    const misses = randomKeys(ELEMENTS, size);
    if (known) {
      measure({ name: of("lookup (known type)"), map, operation: known, nargs: 2, keys: hits });
      measure({ name: of("lookup of 1000 hot keys"), map, operation: known, nargs: 2, keys: few });
      measure({ name: of("lookup, miss"), map, operation: known, nargs: 2, keys: misses });
    }
    measure({
      name: of("bpf_map_lookup_elem"),
      map,
      operation: exports.map_lookup_elem,
      nargs: 2,
      keys: hits,
    });
    measure({ name: of("update"), map, operation: exports.map_update_elem, nargs: 4, keys: hits });
    if (kind === "lru_hash") {
      const fresh = randomKeys(ELEMENTS * 3, size);
      measure({
        name: of("update, evicting"),
        map,
        operation: exports.map_update_elem,
        nargs: 4,
        keys: fresh,
      });
    }
    map.free();
  }
}

const indexes = shuffled(
  Array.from({ length: ELEMENTS }, (_, i) => new Uint8Array(Uint32Array.of(i).buffer)),
);
for (const [kind, type, lookup] of [
  ["array", MAP_TYPE.ARRAY, exports.array_lookup],
  ["percpu_array", MAP_TYPE.PERCPU_ARRAY, exports.percpu_array_lookup],
] as const) {
  const map = makeMap(type, 4, ELEMENTS);
  measure({ name: `${kind}: lookup (known type)`, map, operation: lookup, nargs: 2, keys: indexes });
  measure({
    name: `${kind}: bpf_map_lookup_elem`,
    map,
    operation: exports.map_lookup_elem,
    nargs: 2,
    keys: indexes,
  });
  measure({ name: `${kind}: update`, map, operation: exports.map_update_elem, nargs: 4, keys: indexes });
  map.free();
}

/** Prefixes with the given lengths, and full keys below them. */
function prefixes(count: number, dataSize: number, bits: number, spread: number) {
  const routes = Array.from({ length: count }, () => {
    const key = new Uint8Array(4 + dataSize);
    crypto.getRandomValues(key.subarray(4, 4 + bits / 8));
    key[4] = (key[4] ?? 0) % spread;
    new DataView(key.buffer).setUint32(0, bits, true);
    return key;
  });
  const hosts = routes.map((route) => {
    const key = route.slice();
    crypto.getRandomValues(key.subarray(4 + bits / 8));
    new DataView(key.buffer).setUint32(0, dataSize * 8, true);
    return key;
  });
  return { routes, hosts: shuffled(hosts) };
}

for (const [title, count, dataSize, bits, spread] of [
  ["lpm_trie, IPv4, 10k routes", 10_000, 4, 24, 224],
  ["lpm_trie, IPv4, 1M routes", 1_000_000, 4, 24, 224],
  ["lpm_trie, IPv6 /48, 100k routes", 100_000, 16, 48, 4],
] as const) {
  const map = makeMap(MAP_TYPE.LPM_TRIE, 4 + dataSize, count, 1);
  const { routes, hosts } = prefixes(count, dataSize, bits, spread);
  const before = exports.alloc_used();
  fill(map, routes);
  const bytes = (exports.alloc_used() - before) / count;
  measure({ name: `${title}: lookup`, map, operation: exports.lpm_lookup, nargs: 2, keys: hosts });
  measure({ name: `${title}: update`, map, operation: exports.map_update_elem, nargs: 4, keys: routes });
  console.log(`${title}: ${bytes.toFixed(0)} bytes a route`);
  map.free();
}
