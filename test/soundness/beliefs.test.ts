import { describe, expect, it } from "vitest";
import type { RegisterFacts } from "../../src/kernel/verifier/contract.ts";
import { TYPE, TYPE_FLAG } from "../../src/kernel/verifier/state/layout.ts";
import { contradiction, disbelief } from "./beliefs.ts";

const ANY: RegisterFacts = {
  type: TYPE.SCALAR_VALUE,
  off: 0,
  frame: 0,
  value: 0n,
  mask: (1n << 64n) - 1n,
  smin: -(1n << 63n),
  smax: (1n << 63n) - 1n,
  umin: 0n,
  umax: (1n << 64n) - 1n,
  s32min: -0x80000000,
  s32max: 0x7fffffff,
  u32min: 0,
  u32max: 0xffffffff,
};
const R10 = 0xc000n;

describe("a number", () => {
  it.each([
    ["known bits", { value: 4n, mask: ~4n & ANY.mask }, 4n, 3n],
    ["umin, umax", { umin: 2n, umax: 5n }, 5n, 6n],
    ["smin, smax", { smin: -1n, smax: 0n }, ANY.umax, 1n],
    ["u32min, u32max", { u32min: 1, u32max: 2 }, (1n << 40n) + 1n, 1n << 40n],
    ["s32min, s32max", { s32min: -5, s32max: -1 }, 0xffffffffn, 0x7fffffffn],
  ])("must lie within %s", (what, narrowed, inside, outside) => {
    expect(contradiction({ ...ANY, ...narrowed }, inside, 0, R10)).toBeUndefined();
    expect(contradiction({ ...ANY, ...narrowed }, outside, 0, R10)).toBe(what);
  });
});

describe("a pointer", () => {
  const stack = { ...ANY, type: TYPE.PTR_TO_STACK, off: -8, mask: 0n };
  it("to the stack lies where it was said to", () => {
    expect(contradiction(stack, R10 - 8n, 0, R10)).toBeUndefined();
    expect(contradiction(stack, R10 - 16n, 0, R10)).toMatch("stack offset");
  });
  it("is null only if it may be", () => {
    const value = { ...ANY, type: TYPE.PTR_TO_MAP_VALUE };
    expect(contradiction(value, 0n, 0, R10)).toBe("a null pointer");
    expect(
      contradiction({ ...value, type: value.type | TYPE_FLAG.PTR_MAYBE_NULL }, 0n, 0, R10),
    ).toBeUndefined();
  });
});

describe("beliefs", () => {
  const is = (r0: bigint, r1: bigint) =>
    new Map([
      [0, { ...ANY, value: r0, mask: 0n }],
      [1, { ...ANY, value: r1, mask: 0n }],
    ]);
  const regs = (r0: bigint, r1: bigint) => BigUint64Array.of(r0, r1, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, R10);
  it("are of all registers at once", () => {
    const beliefs = () => [is(1n, 2n), is(3n, 4n)];
    expect(disbelief(beliefs(), regs(3n, 4n), 0)).toBeUndefined();
    expect(disbelief(beliefs(), regs(1n, 4n), 0)).toMatch("r1 = 4: known bits");
    expect(disbelief([], regs(1n, 4n), 0)).toBe("no path came here");
  });
});
