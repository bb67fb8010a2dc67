// The programs that bench/jit.ts measures. bench/native.c has the same in C.

/** A benchmark: an XDP program; maps are written `map[N]`. A program array holds the program itself. */
export interface Case {
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

/** The benchmarks, the simplest first. */
export const CASES: readonly Case[] = [
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
  {
    name: "counter, atomic",
    text: LOOKUP("w4 &= 63\n*(u32 *)(r10 -8) = r4").replace(
      /r1 = \*\(u64 \*\)\(r0 \+0\)\s+r1 \+= 1\s+\*\(u64 \*\)\(r0 \+0\) = r1/,
      "r1 = 1\nlock *(u64 *)(r0 +0) += r1",
    ),
    maps: [{ type: 2, keySize: 4, entries: 64 }],
  },
  {
    name: "33 tail calls",
    text: "r2 = map[0] ll\nr3 = 0\ncall bpf_tail_call#12\nr0 = 2\nexit",
    maps: [{ type: 3, keySize: 4, entries: 1 }],
  },
  {
    name: "6 subprogram calls",
    text: `
      r6 = r1
      call twice
      r1 = r6
      call twice
      r0 = 2
      exit
      twice:
      r6 = r1
      call once
      r1 = r6
      call once
      exit
      once:
      r0 = *(u32 *)(r1 +12)
      r0 ^= 1
      exit`,
  },
];
