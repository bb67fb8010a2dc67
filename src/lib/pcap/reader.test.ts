import { describe, expect, test } from "vitest";
import { PcapError } from "./error.ts";
import { PcapReader } from "./reader.ts";
import { pcapHeader, pcapRecord } from "./writer.ts";

interface Packet {
  readonly bytes: number[];
  readonly wire: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly linkType: number;
}

/** Reads a capture cut into chunks of `size` bytes. */
function read(capture: Uint8Array, size = capture.length): Packet[] {
  const reader = new PcapReader("t.pcap");
  const packets: Packet[] = [];
  for (let at = 0; at < capture.length; at += Math.max(size, 1)) {
    reader.push(capture.slice(at, at + size));
    while (reader.next()) {
      packets.push({
        bytes: [...reader.bytes.subarray(reader.start, reader.end)],
        wire: reader.wireLength,
        seconds: reader.seconds,
        nanoseconds: reader.nanoseconds,
        linkType: reader.linkType,
      });
    }
  }
  reader.finish();
  return packets;
}

function concat(...parts: (Uint8Array | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

/** 32-bit numbers in either byte order. */
function words(little: boolean, ...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((v, i) => {
    view.setUint32(i * 4, v, little);
  });
  return bytes;
}

function halves(little: boolean, a: number, b: number): Uint8Array {
  const bytes = new Uint8Array(4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, a, little);
  view.setUint16(2, b, little);
  return bytes;
}

function block(little: boolean, type: number, body: Uint8Array): Uint8Array {
  const padded = concat(body, new Uint8Array((4 - (body.length % 4)) % 4));
  const length = padded.length + 12;
  return concat(words(little, type, length), padded, words(little, length));
}

function pcapng(little: boolean, tsresol: number[] = []): Uint8Array {
  const options =
    tsresol.length === 0 ? [] : [...halves(little, 9, 1), ...tsresol, 0, 0, 0, ...words(little, 0)];
  return concat(
    block(
      little,
      0x0a0d0d0a,
      concat(words(little, 0x1a2b3c4d), halves(little, 1, 0), words(little, 0xffffffff, 0xffffffff)),
    ),
    block(little, 1, concat(halves(little, 1, 0), words(little, 65535), options)),
    block(little, 0x99, concat([1, 2, 3, 4])),
    block(little, 6, concat(words(little, 0, 1, 500, 3, 60), [7, 8, 9])),
    block(little, 3, concat(words(little, 2), [5, 6])),
  );
}

const two = concat(
  pcapHeader(),
  pcapRecord(5, 6, new Uint8Array([1, 2, 3])),
  pcapRecord(7, 8, new Uint8Array([4])),
);

describe("pcap", () => {
  test("reads what the writer wrote, however it is cut into chunks", () => {
    for (const size of [1, 2, 7, 16, 24, two.length]) {
      expect(read(two, size)).toEqual([
        { bytes: [1, 2, 3], wire: 3, seconds: 5, nanoseconds: 6, linkType: 1 },
        { bytes: [4], wire: 1, seconds: 7, nanoseconds: 8, linkType: 1 },
      ]);
    }
  });

  test.each([
    ["little endian, microseconds", true, 0xa1b2c3d4, 6000],
    ["big endian, microseconds", false, 0xa1b2c3d4, 6000],
    ["big endian, nanoseconds", false, 0xa1b23c4d, 6],
  ])("%s", (_name, little, magic, nanoseconds) => {
    const header = concat(words(little, magic), halves(little, 2, 4), words(little, 0, 0, 65535, 1));
    const packets = read(concat(header, words(little, 5, 6, 2, 90), [1, 2]));
    expect(packets).toEqual([{ bytes: [1, 2], wire: 90, seconds: 5, nanoseconds, linkType: 1 }]);
  });

  test("says where and what when a file is damaged", () => {
    expect(() => read(new Uint8Array(0))).toThrow(
      "t.pcap: offset 0: expected a pcap or pcapng header, but the file is empty",
    );
    expect(() => read(new Uint8Array([1, 2, 3, 4]))).toThrow(
      "offset 0: expected a pcap or pcapng magic number, found 0x01020304",
    );
    expect(() => read(two.subarray(0, two.length - 1))).toThrow(
      "offset 43: expected a whole packet, but the file ends after 16 more bytes",
    );
    const huge = concat(pcapHeader(), words(true, 0, 0, 0x7fffffff, 0));
    expect(() => read(huge)).toThrow(
      "offset 32: expected a packet of at most 262144 bytes, found a length of 2147483647",
    );
  });
});

describe("pcapng", () => {
  test.each([true, false])("reads packets, either byte order (little: %s)", (little) => {
    for (const size of [1, 5, 1000]) {
      expect(read(pcapng(little), size)).toEqual([
        { bytes: [7, 8, 9], wire: 60, seconds: 4294, nanoseconds: 967_796_000, linkType: 1 },
        { bytes: [5, 6], wire: 2, seconds: 0, nanoseconds: 0, linkType: 1 },
      ]);
    }
  });

  test("takes the unit of timestamps from the interface", () => {
    expect(read(pcapng(true, [9]))[0]).toMatchObject({ seconds: 4, nanoseconds: 294_967_796 });
    expect(read(pcapng(true, [0x80]))[0]).toMatchObject({ seconds: 4_294_967_796, nanoseconds: 0 });
  });

  test("refuses lying lengths and unknown interfaces", () => {
    expect(() => read(concat(block(true, 0x0a0d0d0a, words(true, 1, 0, 0, 0))))).toThrow("byte-order magic");
    const head = pcapng(true).subarray(0, 28);
    expect(() => read(concat(head, words(true, 6, 3, 0)))).toThrow(
      "offset 32: expected a block length of at least 12",
    );
    expect(() => read(concat(head, block(true, 6, words(true, 3, 0, 0, 0, 0))))).toThrow(
      "expected an interface below 0, found 3",
    );
    expect(() => read(concat(head, words(true, 6, 16, 0, 20)))).toThrow(
      "expected the block's length 16 again at its end, found 20",
    );
  });
});

test("random and mutated bytes give packets or PcapError, nothing else", () => {
  const seed = Number(process.env.ANYBPF_SEED ?? Date.now() % 1e9);
  console.log(`pcap mutation seed ${seed} (set ANYBPF_SEED to repeat)`);
  let state = seed >>> 0 || 1;
  const random = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const samples = [two, pcapng(true), pcapng(false, [6])];
  for (let round = 0; round < 3000; round++) {
    const bytes = (samples[random(samples.length)] ?? two).slice(0, 1 + random(200));
    for (let i = random(6); i > 0; i--) bytes[random(bytes.length)] = random(256);
    try {
      read(bytes, 1 + random(64));
    } catch (error) {
      expect(error).toBeInstanceOf(PcapError);
    }
  }
});
