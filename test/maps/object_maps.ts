// What user space may ask of maps whose values stand for other objects: the same operations for our kernel and, in the
// words of kmaps.py, for the one of the machine. Descriptors count from 3 in both.

import { MAP_TYPE } from "../../src/uapi/map_type.ts";

/** An operation as kmaps.py takes it. */
export type MapOp = readonly [string, ...(number | string | null)[]];

/** Operations of one process, by what they are about. */
export interface MapScript {
  readonly name: string;
  readonly ops: readonly MapOp[];
  /** True if the words that a lookup reads are ids, which differ from run to run. */
  readonly readsIds: boolean;
}

const XDP = 6;
const ATTACH = { none: 0, devmap: 33, cpumap: 35 } as const;
const INNER_MAP = 0x1000;
/** Open and closed descriptors, and numbers that are none: standard input, the map's own, others. */
const NUMBERS = [0, 1, 3, 4, 5, 99, 0x7fffffff, 0xffffffff];

/** Numbers as a key or value has them, in hex. */
export function words(...numbers: number[]): string {
  return Buffer.from(new Uint8Array(Uint32Array.from(numbers).buffer)).toString("hex");
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Everything that there is to ask about some keys, with each of the values and flags. */
function everything(fd: number, keySize: number, valueSize: number, values: readonly string[]): MapOp[] {
  const keys = keySize === 0 ? [null] : [words(0), words(1), words(9)];
  const ask = (key: string | null): MapOp[] => [
    ...[0, 1, 4].map((flags): MapOp => ["lookup", fd, valueSize, key, flags]),
    ["lad", fd, valueSize, key, 0],
    ["next", fd, keySize, key],
  ];
  return keys.flatMap((key) => [
    ...ask(key),
    ...[0, 1, 2, 3, 4, 8].flatMap((flags) =>
      values.flatMap((value): MapOp[] => [
        ["update", fd, key, value, flags],
        ["lookup", fd, valueSize, key, 0],
        ...(flags === 1 ? [["delete", fd, key] as const] : []),
      ]),
    ),
    ["delete", fd, key],
    ["delete", fd, key],
    ...ask(key),
    ["next", fd, keySize, null],
  ]);
}

/** A map of one type, a hash map beside it, and two programs. */
function plain(name: string, type: number, keySize: number, valueSize: number, maxEntries = 4): MapScript {
  const pad = words(...range(Math.max(0, valueSize / 4 - 1)).map(() => 0));
  // The machine may have more devices than lo, which is 1, but not as many as 99.
  const isDevmap = type === MAP_TYPE.DEVMAP || type === MAP_TYPE.DEVMAP_HASH;
  const numbers = isDevmap ? NUMBERS.filter((n) => n < 2 || n >= 99) : NUMBERS;
  const single = numbers.map((n) => words(n) + pad);
  const pairs =
    valueSize === 8 ? [0, 1, 99].flatMap((n) => [3, 4, 5, 6, 99, 0xffffffff].map((fd) => words(n, fd))) : [];
  return {
    name,
    readsIds: false,
    ops: [
      ["create", type, keySize, valueSize, maxEntries, 0],
      ["create", MAP_TYPE.HASH, 4, 4, 1, 0],
      ["prog", XDP, ATTACH.devmap],
      ["prog", XDP, ATTACH.cpumap],
      ...everything(3, keySize, valueSize, valueSize === 0 ? [""] : [...single, ...pairs]),
    ],
  };
}

/** Keys until the map is full and beyond. */
function filling(name: string, type: number): MapScript {
  const value = words(1);
  return {
    name: `${name}: full`,
    readsIds: false,
    ops: [
      ["create", type, 4, 4, 2, 0],
      ...[7, 8, 9, 8].flatMap((key): MapOp[] => [
        ["update", 3, words(key), value, 0],
        ["update", 3, words(key), value, 1],
        ["lookup", 3, 4, words(key), 0],
      ]),
      ["delete", 3, words(7)],
      ["update", 3, words(9), value, 2],
      ["dump", 3, 4, 4],
    ],
  };
}

const INNERS: readonly (readonly [string, MapOp, MapOp])[] = [
  ["array", ["create", 2, 4, 4, 4, 0], ["create", 2, 4, 4, 5, 0]],
  ["array that may differ in size", ["create", 2, 4, 4, 4, INNER_MAP], ["create", 2, 4, 4, 5, INNER_MAP]],
  ["array and one that may", ["create", 2, 4, 4, 4, 0], ["create", 2, 4, 4, 4, INNER_MAP]],
  ["hash", ["create", 1, 4, 4, 4, 0], ["create", 1, 4, 4, 8, 0]],
  ["hash, other flags", ["create", 1, 4, 4, 4, 0], ["create", 1, 4, 4, 4, 1]],
  ["hash, other key", ["create", 1, 4, 4, 4, 0], ["create", 1, 8, 4, 4, 0]],
  ["hash, other value", ["create", 1, 4, 4, 4, 0], ["create", 1, 4, 8, 4, 0]],
  ["hash, read-only descriptor", ["create", 1, 4, 4, 4, 0], ["create", 1, 4, 4, 4, 8]],
  ["hash and LRU", ["create", 1, 4, 4, 4, 0], ["create", 9, 4, 4, 4, 0]],
  ["prog_array", ["create", 3, 4, 4, 4, 0], ["create", 3, 4, 4, 4, 0]],
  ["queue", ["create", 22, 0, 4, 4, 0], ["create", 22, 0, 4, 5, 0]],
  ["xskmap", ["create", 17, 4, 4, 4, 0], ["create", 17, 4, 4, 5, 0]],
  ["devmap", ["create", 14, 4, 4, 4, 0], ["create", 14, 4, 4, 5, 0]],
  ["ringbuf", ["create", 27, 0, 0, 4096, 0], ["create", 27, 0, 0, 8192, 0]],
];

function mapOfMaps(name: string, type: number): MapScript[] {
  const create = (
    keySize: number,
    valueSize: number,
    entries: number,
    flags: number,
    inner: number,
  ): MapOp => ["create", type, keySize, valueSize, entries, flags, 0, 0, inner];
  const inner: MapOp = ["create", MAP_TYPE.ARRAY, 4, 4, 4, 0];
  return [
    ...INNERS.map(([what, template, other]) => ({
      name: `${name} of ${what}`,
      readsIds: true,
      ops: [
        template,
        other,
        create(4, 4, 3, 0, 3),
        ["update", 5, words(0), words(3), 0],
        ["update", 5, words(1), words(4), 0],
        ["lookup", 5, 4, words(0), 0],
        ["lookup", 5, 4, words(1), 0],
        // An inner map outlives its descriptor.
        ["close", 3],
        ["lookup", 5, 4, words(0), 0],
        ["update", 5, words(2), words(5), 0],
        ["delete", 5, words(0)],
        ["lookup", 5, 4, words(0), 0],
      ] satisfies MapOp[],
    })),
    {
      name: `${name} of array_of_maps`,
      readsIds: true,
      ops: [inner, ["create", MAP_TYPE.ARRAY_OF_MAPS, 4, 4, 4, 0, 0, 0, 3], create(4, 4, 3, 0, 4)],
    },
    {
      name: `${name}: everything`,
      readsIds: true,
      ops: [
        inner,
        create(4, 4, 4, 0, 3),
        inner,
        ...everything(
          4,
          4,
          4,
          NUMBERS.map((n) => words(n)),
        ),
      ],
    },
    {
      name: `${name}: sizes, flags and inner descriptors`,
      readsIds: true,
      ops: [
        inner,
        ...[0, 1, 99, 0xffffffff].map((fd) => create(4, 4, 3, 0, fd)),
        ...[
          [4, 8, 3],
          [4, 4, 0],
          [0, 4, 3],
        ].map(([key = 0, value = 0, entries = 0]) => create(key, value, entries, 0, 3)),
        create(8, 4, 3, 0, 3),
      ],
    },
    ...range(17).map((bit) => ({
      name: `${name}: flag ${1 << bit}`,
      readsIds: true,
      ops: [inner, create(4, 4, 3, 1 << bit, 3)],
    })),
  ];
}

/** All of it. */
export const MAP_SCRIPTS: readonly MapScript[] = [
  plain("perf_event_array", MAP_TYPE.PERF_EVENT_ARRAY, 4, 4),
  plain("stack_trace", MAP_TYPE.STACK_TRACE, 4, 8),
  plain("cgroup_array", MAP_TYPE.CGROUP_ARRAY, 4, 4),
  ...[4, 8].flatMap((valueSize) => [
    plain(`devmap ${valueSize}`, MAP_TYPE.DEVMAP, 4, valueSize),
    plain(`devmap_hash ${valueSize}`, MAP_TYPE.DEVMAP_HASH, 4, valueSize),
    plain(`cpumap ${valueSize}`, MAP_TYPE.CPUMAP, 4, valueSize, 1),
    plain(`sockmap ${valueSize}`, MAP_TYPE.SOCKMAP, 4, valueSize),
    plain(`sockhash ${valueSize}`, MAP_TYPE.SOCKHASH, 4, valueSize),
    plain(`reuseport_sockarray ${valueSize}`, MAP_TYPE.REUSEPORT_SOCKARRAY, 4, valueSize),
  ]),
  plain("xskmap", MAP_TYPE.XSKMAP, 4, 4),
  plain("ringbuf", MAP_TYPE.RINGBUF, 0, 0, 4096),
  filling("devmap_hash", MAP_TYPE.DEVMAP_HASH),
  {
    name: "cpumap: queues and CPUs that there can't be",
    readsIds: false,
    ops: [
      ["create", MAP_TYPE.CPUMAP, 4, 4, 256, 0],
      ...[0, 255, 256].flatMap((key) =>
        [0, 1, 16384, 16385].map((queue): MapOp => ["update", 3, words(key), words(queue), 0]),
      ),
      ["lookup", 3, 4, words(0), 0],
    ],
  },
  ...mapOfMaps("array_of_maps", MAP_TYPE.ARRAY_OF_MAPS),
  ...mapOfMaps("hash_of_maps", MAP_TYPE.HASH_OF_MAPS),
];
