import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { askLiveBtf } from "../../test/support/live_btf.ts";
import { liveKernelAnswers } from "../../test/support/live_kernel.ts";
import { chance, mutate } from "../../test/support/mutate.ts";
import { parseObject } from "../lib/parse_object.ts";
import { E } from "../uapi/errno.ts";
import { checkBtf } from "./check.ts";
import { joinBtf } from "./patch.ts";

function fixture(name: string): Uint8Array {
  const file = fileURLToPath(new URL(`../../test/fixtures/${name}.bpf.o`, import.meta.url));
  const { btf } = parseObject(readFileSync(file), { file });
  if (btf === undefined) throw new Error(`${name} has no BTF`);
  return btf.bytes;
}

const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
/** Strings: 1 `int`, 5 `foo`, 9 `a b`, 13 `x`. */
const STRINGS = new TextEncoder().encode("\0int\0foo\0a b\0x\0");
const btfOf = (...types: Uint8Array[]): Uint8Array => joinBtf(types, [STRINGS]);
const INT = words(1, 0x01000000, 4, 0x01000020);

const fixtures = ["types", "maps", "calls", "core", "externs", "classic"].map(fixture);

describe("verdicts and messages", () => {
  test("BTF that clang made is taken, and its log lists every type", () => {
    for (const bytes of fixtures) {
      const result = checkBtf(bytes, { logLevel: 1 });
      expect(result.ok, result.log).toBe(true);
      expect(result.log).toContain("magic: 0xeb9f\nversion: 1\nflags: 0x0\nhdr_len: 24\n");
    }
    expect(checkBtf(fixtures[0] ?? INT, { logLevel: 0 }).log).toBe("");
  });

  test.each([
    [
      "a pointer with a name",
      btfOf(INT, words(1, 0x02000000, 1)),
      E.EINVAL,
      "[2] PTR int type_id=1 Invalid name",
    ],
    [
      "typedefs in a loop",
      btfOf(words(5, 8 << 24, 2), words(5, 8 << 24, 1)),
      E.EEXIST,
      "[1] TYPEDEF foo type_id=2 Loop detected",
    ],
    [
      "an array of nothing",
      btfOf(INT, words(0, 3 << 24, 0, 9, 1, 3)),
      E.EINVAL,
      "[2] ARRAY (anon) type_id=9 index_type_id=1 nr_elems=3 Invalid elem",
    ],
    [
      "an integer of two encodings",
      btfOf(words(1, 1 << 24, 4, 0x03000020)),
      E.ENOTSUPP,
      "[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=UNKN Unsupported encoding",
    ],
    [
      "a member past the end",
      btfOf(INT, words(5, (4 << 24) | 1, 4, 13, 1, 8)),
      E.EINVAL,
      "\tx type_id=1 bits_offset=8 Member exceeds struct_size",
    ],
    ["no types", btfOf(), E.EINVAL, "No type found"],
    ["nothing", new Uint8Array(0), E.EINVAL, "hdr_len not found"],
  ])("%s is refused", (_what, bytes, errno, line) => {
    const result = checkBtf(bytes, { logLevel: 1 });
    expect(result).toMatchObject({ ok: false, errno });
    expect(result.log.trimEnd().split("\n").at(-1)).toBe(line);
  });
});

test("random bytes never crash the check", () => {
  const random = chance("BTF of random bytes");
  for (let i = 0; i < 300; i++) {
    const bytes = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
    if (i % 2 === 0) bytes.set(INT.subarray(0, Math.min(bytes.length, 16)));
    expect(checkBtf(bytes, { logLevel: 1 }).ok).toBe(false);
  }
});

test.skipIf(!liveKernelAnswers())("mutated BTF gets Linux's verdict and log", () => {
  const random = chance("mutated BTF");
  const tests = Array.from({ length: 3000 }, () => {
    const base = fixtures[random.below(fixtures.length)] ?? INT;
    return { base, bytes: mutate(base, random) };
  });
  const live = askLiveBtf(tests.map(({ bytes }) => bytes));
  let verdicts = 0;
  let logs = 0;
  tests.forEach(({ bytes }, i) => {
    const ours = checkBtf(bytes, { logLevel: 1 });
    const theirs = live[i];
    const errno = ours.ok ? 0 : ours.errno;
    const tail = (log: string | undefined): string => (log ?? "").trimEnd().split("\n").slice(-2).join(" / ");
    if (errno !== theirs?.errno) {
      verdicts++;
      console.log(
        `case ${i}: ours ${errno} ${tail(ours.log)}\n  Linux's ${theirs?.errno} ${tail(theirs?.log)}`,
      );
    } else if (ours.log !== theirs.log) {
      logs++;
      console.log(`case ${i}: log\n  ours    ${tail(ours.log)}\n  Linux's ${tail(theirs.log)}`);
    }
  });
  expect(verdicts).toBe(0);
  // A mutation that breaks several types at once may be told of in another order.
  expect(logs).toBeLessThan(tests.length / 300);
});
