import { assemble } from "../../src/isa/asm.ts";
import { encodeInsns, type Insn } from "../../src/isa/insn.ts";
import type { EntryJson, RunJson, TestJson } from "../../src/tools/check/test_format.ts";
import { mutate } from "./mutate.ts";
import { COMPARES } from "./operations.ts";
import { createRandom, type Random } from "./random.ts";
import { block } from "./statements.ts";
import { type Callable, emit, type GeneratedMap, goWrong, type ProgType, type Writer } from "./writer.ts";

/** How programs are generated. */
export interface GenerateOptions {
  /** Of a hundred programs, how many are mutated after they were written. */
  readonly mutated?: number;
  /** Of a hundred statements, how many are wrong on purpose. */
  readonly wrong?: number;
  /** Only this type. */
  readonly type?: ProgType;
}

/** A test, and the program as text to look at when a kernel disagrees. */
export interface Generated {
  readonly test: TestJson & {
    readonly name: string;
    readonly insns: string;
    readonly maps: NonNullable<TestJson["maps"]>;
  };
  readonly text: string;
  readonly mutated: boolean;
}

const TYPES: readonly ProgType[] = ["socket_filter", "sched_cls", "sched_act", "xdp"];

/**
 * Makes a random program with its maps and packets, as a TEST of `../shared/oracle/kbpf.py`. Most of them are valid;
 * those run, and give the same on every kernel. Those that are wrong have no runs: what they read may be anything.
 */
export function generateTest(seed: number, options: GenerateOptions = {}): Generated {
  const random = createRandom(seed);
  const type = options.type ?? random.pick(TYPES);
  const mutated = random.chance(options.mutated ?? 20);
  const maps = makeMaps(random, type);
  const shared = { nextLabel: 0, wrong: false };
  const text = program(random, type, maps, random.between(3, 40), options.wrong ?? 1, shared);
  const written = assemble(text);
  const insns = mutated ? mutate(written, random) : written;
  const refs = mapReferences(insns, maps.length);
  return {
    text,
    mutated,
    test: {
      name: `seed ${seed}${mutated ? " mutated" : ""}`,
      prog_type: type,
      license: "GPL",
      insns: hex(refs.insns),
      maps: maps.map((map) => map.spec),
      map_refs: refs.map_refs,
      ...(mutated || shared.wrong ? {} : { runs: makeRuns(random) }),
    },
  };
}

const hex = (insns: readonly Insn[]) => Buffer.from(encodeInsns(insns)).toString("hex");

/** Loads of `map[fd:INDEX]` become references; a mutated index that is no map's becomes descriptor -1. */
function mapReferences(insns: readonly Insn[], maps: number) {
  const map_refs: { insn: number; map: number }[] = [];
  const cleaned = insns.map((insn, i) => {
    if (insn.code !== 0x18 || (insn.src !== 1 && insn.src !== 2)) return insn;
    if (insn.imm < 0 || insn.imm >= maps) return { ...insn, imm: -1 };
    map_refs.push({ insn: i, map: insn.imm });
    return { ...insn, imm: 0 };
  });
  return { insns: cleaned, map_refs };
}

/** The whole text: the main program, then its subprograms. */
function program(
  random: Random,
  type: ProgType,
  maps: readonly GeneratedMap[],
  budget: number,
  wrong: number,
  shared: Writer["shared"] = { nextLabel: 0, wrong: false },
): string {
  const lines: string[] = [];
  const common = { random, type, maps, shared, wrong, depth: 0, inLoop: false };
  const subprograms: (Callable & { lines: string[] })[] = [];
  for (
    let n = random.weighted([
      [60, 0],
      [25, 1],
      [10, 2],
      [5, 3],
    ]);
    n > 0;
    n--
  ) {
    const args = random.between(1, 5);
    const callable = [...subprograms];
    const context = random.chance(40);
    const w: Writer = {
      ...common,
      lines: [],
      ctx: context ? 6 : undefined,
      subprogram: true,
      callable,
      numbers: new Set(Array.from({ length: args }, (_, i) => i + 1).slice(context ? 1 : 0)),
      reserved: new Set([6]),
      stack: new Uint8Array(512),
      budget: random.between(1, 10),
    };
    const name = `f${subprograms.length}`;
    emit(w, `${name}:`);
    if (context) emit(w, "r6 = r1");
    block(w, random.between(1, 6));
    result(w);
    subprograms.push({ name, args, context, lines: w.lines });
  }
  const main: Writer = {
    ...common,
    lines,
    ctx: 6,
    subprogram: false,
    callable: subprograms,
    numbers: new Set(),
    reserved: new Set([6]),
    stack: new Uint8Array(512),
    budget,
  };
  emit(main, "r6 = r1");
  for (const reg of [0, 7, 8, 9]) {
    if (!random.chance(60)) continue;
    emit(main, `r${reg} = ${random.imm()}`);
    main.numbers.add(reg);
  }
  // A number that the verifier knows nothing of.
  if (type !== "xdp" || random.chance(50)) {
    emit(main, `r7 = *(u32 *)(r6 +${type === "xdp" ? 12 : 0})`);
    main.numbers.add(7);
  }
  block(main, budget);
  result(main);
  const used = subprograms.filter(({ name }) => usedNames(name, lines, subprograms));
  return [...lines, ...used.flatMap((f) => f.lines)].join("\n");
}

/** A subprogram that nothing calls would be refused. */
function usedNames(
  name: string,
  main: readonly string[],
  all: readonly { name: string; lines: readonly string[] }[],
): boolean {
  const call = `call ${name}`;
  if (main.includes(call)) return true;
  return all.some((f) => f.lines.includes(call) && usedNames(f.name, main, all));
}

/** The end: R0 is made of what is known, then exit. */
function result(w: Writer): void {
  const { random } = w;
  if (goWrong(w) && goWrong(w)) return;
  const numbers = [...w.numbers];
  if (!w.numbers.has(0)) emit(w, numbers.length > 0 ? `r0 = r${random.pick(numbers)}` : "r0 = 2");
  for (const reg of numbers.filter((n) => n !== 0 && random.chance(60))) {
    emit(w, `r0 ${random.pick(["^=", "+=", "-=", "|="])} r${reg}`);
  }
  if (numbers.length > 1 && random.chance(20)) {
    emit(w, `if r0 ${random.pick(COMPARES)} r${random.pick(numbers)} goto pc+1`, "r0 ^= 1");
  }
  emit(w, "exit");
}

function makeMaps(random: Random, type: ProgType): GeneratedMap[] {
  const maps: GeneratedMap[] = [];
  const add = (
    kind: GeneratedMap["kind"],
    mapType: string,
    keySize: number,
    valueSize: number,
    maxEntries: number,
  ) => {
    const flags = kind === "lpm" ? 1 : 0;
    const made =
      kind === "prog_array" ? programs(random, type) : values(random, kind, keySize, valueSize, maxEntries);
    // A per-CPU value is one for each CPU of the machine, and nobody knows on which the program will run.
    const entries = mapType.startsWith("percpu") ? [] : made;
    const spec = {
      type: mapType,
      key_size: keySize,
      value_size: valueSize,
      // Which element a full LRU map gives up is Linux's affair, and depends on the CPU: never let one get full.
      max_entries: mapType === "lru_hash" ? LRU_ENTRIES : maxEntries,
      map_flags: flags,
    };
    maps.push({ spec: { ...spec, entries }, kind, keySize, valueSize, maxEntries });
  };
  const size = () => random.pick([4, 8, 8, 12, 16, 24, 40, 64]);
  if (random.chance(45))
    add(
      "hash",
      random.pick(["hash", "hash", "lru_hash", "percpu_hash"]),
      random.pick([4, 8, 1, 12, 16]),
      size(),
      random.between(1, 9),
    );
  if (random.chance(45))
    add("array", random.pick(["array", "array", "percpu_array"]), 4, size(), random.between(2, 9));
  if (random.chance(25)) add("array", "array", 4, size(), 1);
  if (random.chance(10)) add("lpm", "lpm_trie", random.pick([8, 20]), size(), 8);
  if (random.chance(20)) add("prog_array", "prog_array", 4, 4, 5);
  return maps;
}

/** More than all keys that a program can make, on every CPU's own list of free elements. */
const LRU_ENTRIES = 4096;

function bytes(random: Random, count: number): string {
  return Buffer.from(Array.from({ length: count }, () => random.below(256))).toString("hex");
}

function values(
  random: Random,
  kind: string,
  keySize: number,
  valueSize: number,
  maxEntries: number,
): EntryJson[] {
  const entries: EntryJson[] = [];
  if (kind === "lpm") return lpmValues(random, keySize, valueSize);
  const count = random.below(Math.min(maxEntries, keySize === 1 ? 200 : 4) + 1);
  for (let i = 0; i < count; i++) {
    const key = Buffer.alloc(keySize);
    key.writeUInt8(i);
    entries.push({ key: key.toString("hex"), value: bytes(random, valueSize) });
  }
  return entries;
}

function lpmValues(random: Random, keySize: number, valueSize: number): EntryJson[] {
  return [8, 16, 24].map((prefix) => {
    const key = Buffer.alloc(keySize);
    key.writeUInt32LE(prefix);
    key.writeUInt8(10, 4);
    if (prefix > 8) key.writeUInt8(random.below(2), 5);
    return { key: key.toString("hex"), value: bytes(random, valueSize) };
  });
}

/** What a program array holds: small programs, one of which calls itself until it may not. */
function programs(random: Random, type: ProgType): EntryJson[] {
  const entry = (slot: number, text: string, self: boolean): EntryJson => {
    const refs = mapReferences(assemble(text), 1);
    const map_refs = self ? refs.map_refs.map(({ insn }) => ({ insn, map: "self" })) : [];
    return { key: `0${slot}000000`, prog: { insns: hex(refs.insns), map_refs, license: "GPL" } };
  };
  const entries = [entry(0, program(random, type, [], random.between(1, 6), 0), false)];
  if (random.chance(50)) entries.push(entry(1, program(random, type, [], random.between(1, 6), 0), false));
  if (type !== "xdp" && random.chance(40)) {
    const count = "r2 = *(u32 *)(r1 +48)\nr2 += 1\n*(u32 *)(r1 +48) = r2\n";
    const again = "r6 = r1\nr2 = map[fd:0]\nr3 = 2\ncall bpf_tail_call\n";
    entries.push(entry(2, `${count}${again}r0 = *(u32 *)(r6 +48)\nexit`, true));
  }
  return entries;
}

/** Packets: Ethernet with something like IPv4 in it, and noise. */
function makeRuns(random: Random): RunJson[] {
  return Array.from({ length: random.between(1, 3) }, () => {
    const length = random.chance(10)
      ? random.pick([14, 15, 20])
      : random.pick([34, 42, 54, 60, 64, 100, 128, 250]);
    const packet = Buffer.from(bytes(random, length), "hex");
    if (random.chance(70)) {
      Buffer.from("0800450000", "hex").copy(packet, 12);
      if (length > 23) packet.writeUInt8(random.pick([6, 17, 1]), 23);
    }
    return { data_in: packet.toString("hex") };
  });
}
