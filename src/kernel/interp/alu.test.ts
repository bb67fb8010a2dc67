import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linkForTest, TEST_CPU, testEnv } from "../../../test/support/executor.ts";
import { assemble } from "../../isa/asm.ts";
import { createInterpreter } from "./interp.ts";

const u64 = (n: bigint) => BigInt.asUintN(64, n);
const s64 = (n: bigint) => BigInt.asIntN(64, n);
const u32 = (n: bigint) => BigInt.asUintN(32, n);
const s32 = (n: bigint) => BigInt.asIntN(32, n);

type Model = (a: bigint, b: bigint) => bigint;

/** What RFC 9669 section 4.1 says, in whole numbers. */
const MODEL64: Readonly<Record<string, Model>> = {
  "+=": (a, b) => a + b,
  "-=": (a, b) => a - b,
  "*=": (a, b) => a * b,
  "/=": (a, b) => (b === 0n ? 0n : a / b),
  "s/=": (a, b) => (b === 0n ? 0n : s64(a) / s64(b)),
  "%=": (a, b) => (b === 0n ? a : a % b),
  "s%=": (a, b) => (b === 0n ? a : s64(a) % s64(b)),
  "|=": (a, b) => a | b,
  "&=": (a, b) => a & b,
  "^=": (a, b) => a ^ b,
  "<<=": (a, b) => a << (b & 63n),
  ">>=": (a, b) => a >> (b & 63n),
  "s>>=": (a, b) => s64(a) >> (b & 63n),
};
const MODEL32: Readonly<Record<string, Model>> = {
  ...MODEL64,
  "s/=": (a, b) => (b === 0n ? 0n : s32(a) / s32(b)),
  "s%=": (a, b) => (b === 0n ? a : s32(a) % s32(b)),
  "<<=": (a, b) => a << (b & 31n),
  ">>=": (a, b) => a >> (b & 31n),
  "s>>=": (a, b) => s32(a) >> (b & 31n),
};
const COMPARE: Readonly<Record<string, (a: bigint, b: bigint, sa: bigint, sb: bigint) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "&": (a, b) => (a & b) !== 0n,
  "s>": (_a, _b, a, b) => a > b,
  "s>=": (_a, _b, a, b) => a >= b,
  "s<": (_a, _b, a, b) => a < b,
  "s<=": (_a, _b, a, b) => a <= b,
};

const EDGES = [
  0n,
  1n,
  2n,
  31n,
  32n,
  63n,
  64n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  1n << 63n,
];
const number = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(...EDGES.flatMap((n) => [n, u64(-n)])),
);

/** Programs that read two numbers from the context, and give a result. */
function loader(operation: string) {
  const env = testEnv();
  const text = `r6 = *(u64 *)(r1 +0)\nr7 = *(u64 *)(r1 +8)\n${operation}\nr0 = r6\nexit`;
  const { entry } = createInterpreter(env).load(linkForTest(assemble(text)));
  return (a: bigint, b: bigint) => {
    env.view().setBigUint64(0x10000, a, true);
    env.view().setBigUint64(0x10008, b, true);
    return u64(entry(0x10000n, TEST_CPU));
  };
}

describe("arithmetic", () => {
  it.each(Object.entries(MODEL64))("r6 %s r7", (op, model) => {
    const run = loader(`r6 ${op} r7`);
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(run(a, b)).toBe(u64(model(a, b)));
      }),
    );
  });

  it.each(Object.entries(MODEL32))("w6 %s w7", (op, model) => {
    const run = loader(`w6 ${op} w7`);
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(run(a, b)).toBe(u32(model(u32(a), u32(b))));
      }),
    );
  });

  it("extends an immediate's sign", () => {
    expect(loader("r6 += -1")(0n, 0n)).toBe(0xffffffffffffffffn);
    expect(loader("w6 += -1")(0n, 0n)).toBe(0xffffffffn);
  });

  it.each([
    ["r6 = -r6", (a: bigint) => u64(-a)],
    ["w6 = -w6", (a: bigint) => u32(-a)],
    ["r6 = (s8)r6", (a: bigint) => u64(BigInt.asIntN(8, a))],
    ["r6 = (s16)r6", (a: bigint) => u64(BigInt.asIntN(16, a))],
    ["r6 = (s32)r6", (a: bigint) => u64(s32(a))],
    ["w6 = (s8)w6", (a: bigint) => u32(BigInt.asIntN(8, a))],
    ["w6 = (s16)w6", (a: bigint) => u32(BigInt.asIntN(16, a))],
    ["w6 = w6", u32],
    ["r6 = le16 r6", (a: bigint) => BigInt.asUintN(16, a)],
    ["r6 = le32 r6", u32],
    ["r6 = le64 r6", (a: bigint) => a],
    ["r6 = be16 r6", (a: bigint) => swapped(a, 2)],
    ["r6 = be32 r6", (a: bigint) => swapped(a, 4)],
    ["r6 = be64 r6", (a: bigint) => swapped(a, 8)],
    ["r6 = bswap16 r6", (a: bigint) => swapped(a, 2)],
    ["r6 = bswap32 r6", (a: bigint) => swapped(a, 4)],
    ["r6 = bswap64 r6", (a: bigint) => swapped(a, 8)],
  ])("%s", (operation, model) => {
    const run = loader(operation);
    fc.assert(
      fc.property(number, (a) => {
        expect(run(a, 0n)).toBe(model(a));
      }),
    );
  });
});

describe("jumps", () => {
  const taken = (compare: string) => loader(`if ${compare} goto yes\nr6 = 0\nexit\nyes:\nr6 = 1`);

  it.each(Object.entries(COMPARE))("on %s", (op, model) => {
    const run64 = taken(`r6 ${op} r7`);
    const run32 = taken(`w6 ${op} w7`);
    const near = fc.oneof(
      fc.tuple(number, number),
      number.map((n): [bigint, bigint] => [n, n]),
    );
    fc.assert(
      fc.property(near, ([a, b]) => {
        expect(run64(a, b) === 1n).toBe(model(a, b, s64(a), s64(b)));
        expect(run32(a, b) === 1n).toBe(model(u32(a), u32(b), s32(a), s32(b)));
      }),
    );
  });
});

function swapped(n: bigint, bytes: number): bigint {
  let out = 0n;
  for (let i = 0; i < bytes; i++) out = (out << 8n) | ((n >> BigInt(8 * i)) & 0xffn);
  return out;
}
