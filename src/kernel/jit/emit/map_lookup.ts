import { HASH, HTAB, LRU } from "../../maps/layout.ts";
import { CPU } from "../../mem/layout.ts";
import type { InsnFacts } from "../../prog/program.ts";
import type { OpName } from "../wasm/opcode.ts";
import type { FunctionContext, KnownMap } from "./context.ts";

/** BPF_MAP_TYPE_ numbers of the maps that are looked up inline. */
const TYPE = { hash: 1, array: 2, percpuHash: 5, percpuArray: 6, lruHash: 9, lruPercpuHash: 10 } as const;
const HASHES: ReadonlySet<number> = new Set([TYPE.hash, TYPE.percpuHash, TYPE.lruHash, TYPE.lruPercpuHash]);
const LRUS: ReadonlySet<number> = new Set([TYPE.lruHash, TYPE.lruPercpuHash]);
const PERCPU: ReadonlySet<number> = new Set([TYPE.percpuHash, TYPE.percpuArray, TYPE.lruPercpuHash]);
/** How a key's last bytes are read that are no whole word. */
const LAST_WORD: Readonly<Record<number, OpName>> = { 1: "i32_load8_u", 2: "i32_load16_u", 4: "i32_load" };
/** The longest key of a hash map that is compared inline. */
const MAX_INLINE_KEY = 40;

/**
 * Writes map_lookup_elem of a map that is known, with the key at R2: pushes the value's address or 0 as i32. Returns
 * false, having written nothing, if that map's lookups are better called.
 */
export function emitMapLookup(f: FunctionContext, map: KnownMap, fact: InsnFacts | undefined): boolean {
  const { header, type } = map;
  if (header === undefined) return false;
  if (type === TYPE.array || type === TYPE.percpuArray) {
    emitArrayLookup(f, map, header, fact?.constKey);
    return true;
  }
  if (!HASHES.has(type) || map.keySize > MAX_INLINE_KEY) return false;
  if (![0, 1, 2, 4].includes(map.keySize % 8)) return false;
  emitHashLookup(f, map, header);
  return true;
}

type Header = NonNullable<KnownMap["header"]>;

function emitArrayLookup(
  f: FunctionContext,
  map: KnownMap,
  header: Header,
  constKey: number | undefined,
): void {
  const { code } = f;
  const percpu = PERCPU.has(map.type);
  if (constKey !== undefined) {
    if (constKey >>> 0 >= map.maxEntries) {
      code.i32(0);
      return;
    }
    code.i32(header.data + (constKey >>> 0) * header.elemSize);
    if (percpu) addCpuOffset(f, header);
    return;
  }
  const index = code.scratch("i32");
  f.regs.get32(2);
  code.memory("i32_load", 0);
  code.tee(index);
  code.i32(map.maxEntries);
  code.op("i32_lt_u");
  code.if("i32");
  code.get(index);
  code.i32(header.elemSize);
  code.op("i32_mul");
  code.i32(header.data);
  code.op("i32_add");
  if (percpu) addCpuOffset(f, header);
  code.else();
  code.i32(0);
  code.end();
  code.release("i32", index);
}

/** Adds this CPU's share to the address of CPU 0's value, which is on the stack. */
function addCpuOffset(f: FunctionContext, header: Header): void {
  const { code } = f;
  code.get(f.cpu);
  code.memory("i32_load", CPU.id);
  code.i32(header.cpuStride);
  code.op("i32_mul");
  code.op("i32_add");
}

/** Hashes the key (see `HASH`), then walks the bucket's chain, comparing keys whole. */
function emitHashLookup(f: FunctionContext, map: KnownMap, header: Header): void {
  const { code } = f;
  const isLru = LRUS.has(map.type);
  const short = map.keySize === 4;
  const type = short ? "i32" : "i64";
  const words = Math.ceil(map.keySize / 8);
  const last = LAST_WORD[map.keySize % 8];
  const [seedLow, seedHigh] = header.seed;

  const keys = Array.from({ length: words }, () => code.scratch(type));
  const hash = code.scratch("i64");
  const element = code.scratch("i32");
  keys.forEach((key, i) => {
    f.regs.get32(2);
    const narrow = i === words - 1 ? last : undefined;
    code.memory(narrow ?? "i64_load", i * 8);
    // A short key is kept as i32; a longer one's last word is padded with zeros, as the element's is.
    if (short) code.tee(key);
    if (narrow !== undefined) code.op("i64_extend_i32_u");
    if (!short) code.tee(key);
    if (i === 0) code.i64(seedLow, seedHigh);
    else code.get(hash);
    code.op("i64_xor");
    pushMixed(f, hash);
    code.set(hash);
  });
  code.get(hash);
  code.i64(header.shift);
  code.op("i64_shr_u");
  code.op("i32_wrap_i64");
  code.i32(2);
  code.op("i32_shl");
  code.memory("i32_load", header.buckets);
  code.set(element);
  const done = code.block();
  const next = code.loop();
  code.get(element);
  code.op("i32_eqz");
  code.brIf(done);
  keys.forEach((key, i) => {
    code.get(element);
    code.memory(`${type}_load`, HTAB.key + i * 8);
    code.get(key);
    code.op(`${type}_eq`);
    if (i > 0) code.op("i32_and");
  });
  code.brIf(done);
  code.get(element);
  code.memory("i32_load", HTAB.next);
  code.set(element);
  code.br(next);
  code.end();
  code.end();
  code.get(element);
  code.if("i32");
  if (isLru) {
    code.get(element);
    code.i32(LRU.ref);
    code.op("i32_add");
    code.i32(1);
    code.memory("i32_store", 0);
  }
  code.get(element);
  code.i32(header.valueOffset);
  code.op("i32_add");
  if (PERCPU.has(map.type)) addCpuOffset(f, header);
  code.else();
  code.i32(0);
  code.end();
  for (const key of keys) code.release(type, key);
  code.release("i64", hash);
  code.release("i32", element);
}

/** x *= MULTIPLIER; x ^= x >>> 32; x *= MULTIPLIER, for the i64 on the stack. */
function pushMixed(f: FunctionContext, scratch: number): void {
  const { code } = f;
  const low = Number(BigInt.asIntN(32, HASH.multiplier));
  const high = Number(BigInt.asIntN(32, HASH.multiplier >> 32n));
  code.i64(low, high);
  code.op("i64_mul");
  code.tee(scratch);
  code.get(scratch);
  code.i64(32);
  code.op("i64_shr_u");
  code.op("i64_xor");
  code.i64(low, high);
  code.op("i64_mul");
}
