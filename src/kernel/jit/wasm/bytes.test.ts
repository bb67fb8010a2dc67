import { describe, expect, it } from "vitest";
import { Bytes } from "./bytes.ts";

/** Decodes one LEB128 number. */
function decode(bytes: Uint8Array, signed: boolean): bigint {
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
  }
  return signed ? BigInt.asIntN(Number(shift), value) : value;
}

const written = (write: (b: Bytes) => void): Uint8Array => {
  const b = new Bytes(1);
  write(b);
  return b.take();
};

describe("LEB128", () => {
  it("has the bytes of the specification's examples", () => {
    expect([...written((b) => b.u32(624485))]).toEqual([0xe5, 0x8e, 0x26]);
    expect([...written((b) => b.s32(-123456))]).toEqual([0xc0, 0xbb, 0x78]);
    expect([...written((b) => b.s64(-1, -1))]).toEqual([0x7f]);
  });

  it("comes back as it went, in the fewest bytes", () => {
    for (let bits = 0n; bits < 64n; bits++) {
      for (const near of [-1n, 0n, 1n]) {
        for (const sign of [1n, -1n]) {
          const x = BigInt.asIntN(64, sign * ((1n << bits) + near));
          const bytes = written((b) =>
            b.s64(Number(BigInt.asIntN(32, x)), Number(BigInt.asIntN(32, x >> 32n))),
          );
          expect(decode(bytes, true)).toBe(x);
          const needed = (x < 0n ? -x - 1n : x).toString(2).length + (x === 0n || x === -1n ? 0 : 1);
          expect(bytes.length).toBe(Math.ceil(Math.max(needed, 1) / 7));
          const low = Number(BigInt.asUintN(32, x));
          expect(
            decode(
              written((b) => b.u32(low)),
              false,
            ),
          ).toBe(BigInt(low));
          expect(
            decode(
              written((b) => b.s32(low | 0)),
              true,
            ),
          ).toBe(BigInt(low | 0));
        }
      }
    }
  });
});
