import { expect, test } from "vitest";
import { fixtureBtf } from "../../test/support/fixture.ts";
import { chance } from "../../test/support/mutate.ts";
import { BtfError } from "./btf.ts";
import { printJson, printText } from "./print.ts";
import { decodeValue, encodeValue } from "./value.ts";

const btf = fixtureBtf("types");
const everything = btf.find("struct", "everything");

/** Bytes 1, 2, 3 … with a few fields set to what tells more. */
function sample(): Uint8Array {
  const bytes = Uint8Array.from({ length: 160 }, (_, i) => i + 1);
  const view = new DataView(bytes.buffer);
  bytes[0] = 65;
  bytes[3] = 1;
  bytes.set(new TextEncoder().encode("text\0\0\0\0"), 72);
  view.setInt32(32, 5, true);
  view.setBigUint64(40, 0x123456789abcdef0n, true);
  return bytes;
}

test("a struct is decoded member by member", () => {
  expect(decodeValue(btf, everything, sample())).toEqual({
    letter: 65,
    tiny: 2,
    small: 3,
    flag: true,
    half: 0x0605,
    uhalf: 0x0807,
    word: 0x0c0b0a09,
    uword: 0x100f0e0d,
    quad: 0x1817161514131211n,
    uquad: 0x201f1e1d1c1b1a19n,
    color: 5,
    wide: 0x123456789abcdef0n,
    pointer: 0x3837363534333231n,
    opaque: 0x403f3e3d3c3b3a39n,
    call: 0x4847464544434241n,
    text: "text",
    raw: [0x51, 0x52, 0x53],
    matrix: [
      [0x58575655, 0x5c5b5a59, 0x605f5e5d],
      [0x64636261, 0x68676665, 0x6c6b6a69],
    ],
    either: { number: 0x706f6e6d, bytes: [0x6d, 0x6e, 0x6f, 0x70] },
    inner_a: 0x71,
    inner_b: 0x7473,
    point: { x: 0x78777675, y: 0x7c7b7a79 },
    low: 5,
    middle: 0xf,
    high: 0x8584838281n,
    bit: false,
    giant: 0xa09f9e9d9c9b9a999897969594939291n,
  });
});

test("values survive encoding, named enumerators and missing members included", () => {
  const value = decodeValue(btf, everything, sample());
  expect(decodeValue(btf, everything, encodeValue(btf, everything, value))).toEqual(value);
  const partly = encodeValue(btf, everything, {
    word: -1,
    color: "BLUE",
    text: "abc",
    low: 7,
    point: { y: 2 },
  });
  expect(decodeValue(btf, everything, partly)).toMatchObject({
    word: -1,
    color: -1,
    text: "abc",
    low: 7,
    middle: 0,
    point: { x: 0, y: 2 },
    quad: 0n,
  });
});

test("random bytes of a struct survive decoding and encoding", () => {
  const random = chance("BTF values");
  const either = btf.find("struct", "__sk_buff");
  for (let i = 0; i < 50; i++) {
    const bytes = Uint8Array.from({ length: 192 }, () => random.below(256));
    expect(encodeValue(btf, either, decodeValue(btf, either, bytes))).toEqual(
      bytes.map((b, at) => (PADDING(at) ? 0 : b)),
    );
  }
});

/** Three bytes after tstamp_type hold no member of `__sk_buff`. */
const PADDING = (at: number): boolean => at >= 181 && at < 184;

test.each([
  [{ word: "nine" }, "value.word: expected a number for int int, found string nine"],
  [{ nonsense: 1 }, "value: expected no member 'nonsense' for struct everything, found an object"],
  [{ text: "much too long" }, "value.text: expected at most 8 bytes of text"],
  [{ color: "PURPLE" }, "value.color: expected a number or an enumerator"],
])("%j is refused with its path", (value, message) => {
  expect(() => encodeValue(btf, everything, value)).toThrow(message);
  expect(() => encodeValue(btf, everything, value)).toThrow(BtfError);
});

test("JSON as bpftool's: enumerators by name, text, bitfields in hexadecimal", () => {
  const json = printJson(btf, everything, sample());
  expect(json).toContain('{"letter":65,"tiny":2,"small":3,"flag":true,"half":1541,');
  expect(json).toContain('"color":"GREEN","wide":"HUGE","pointer":4050765991979987505,');
  expect(json).toContain('"text":"text","raw":[81,82,83],"matrix":[[1482118741,1549490777,1616862813],[');
  expect(json).toContain('"low":"0x5","middle":"0xf","high":"0x8584838281","bit":"0x0"');
  expect(() => JSON.parse(json)).not.toThrow();
  expect(printJson(btf, everything, sample(), false)).toContain('"low":0x5,"middle":0xf');
});

test("a data section is a list of variables", () => {
  const counters = fixtureBtf("tc_nat");
  const bytes = new Uint8Array(16);
  bytes[0] = 3;
  expect(printJson(counters, counters.find("datasec", ".bss"), bytes)).toBe(
    '{".bss":[{"rewritten":3},{"passed":0}]}',
  );
});

// Recorded from Linux 6.18: a pinned hash map of these bytes, read through the BPF file system. Two things are ours:
// plain pointers for hashed ones, and the matrix's second row, for which Linux shows the first one again.
test("text as reading a pinned map prints it", () => {
  expect(printText(btf, everything, sample())).toBe(
    "{65,2,3,1,1541,2055,202050057,269422093,1735880461161533969,2314601843866147353,GREEN,HUGE," +
      "0x3837363534333231,0x403f3e3d3c3b3a39,0x4847464544434241,['t','e','x','t',],['Q','R','S',]," +
      "[1482118741,1549490777,1616862813,],1684234849,1751606885,1818978921,],],{1886350957,['m','n','o','p',],}," +
      "{113,29811,},{2021095029,2088467065,},0x5,0xf,0x8584838281,0x0,0xa09f9e9d9c9b9a999897969594939291,}",
  );
});
