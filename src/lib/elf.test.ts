import { expect, test } from "vitest";
import { FIXTURES, fixtureBytes } from "../../test/support/fixture.ts";
import { chance, mutate } from "../../test/support/mutate.ts";
import { BtfError } from "../btf/btf.ts";
import { Elf, ElfError } from "./elf.ts";
import { parseObject } from "./parse_object.ts";
import { ObjectError } from "./spec.ts";

const calls = fixtureBytes("calls");

test("sections, symbols and relocations of a real object", () => {
  const elf = Elf.parse(calls, "calls.bpf.o");
  expect(elf.section("license")?.data).toEqual(Uint8Array.from(Buffer.from("GPL\0")));
  expect(elf.section(".bss")).toMatchObject({ size: 4 });
  expect(elf.section(".bss")?.data.length).toBe(0);
  const first = elf.symbols.find(({ name }) => name === "first");
  expect(first).toMatchObject({ type: 2, bind: 1, section: elf.section("xdp")?.index });
  const xdp = elf.section("xdp");
  expect(xdp && elf.relocations(xdp).map(({ symbol }) => symbol.name)).toContain("hidden_leaf");
});

function broken(change: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(calls);
  change(new DataView(bytes.buffer));
  return bytes;
}

test.each([
  ["text", new TextEncoder().encode("#!/bin/sh\n"), /^x\.o: offset 0: expected an ELF object/],
  ["nothing", new Uint8Array(0), /^x\.o: offset 0: expected an ELF object/],
  ["half a header", calls.subarray(0, 40), /^x\.o: offset 40: expected an ELF header of 64 bytes/],
  ["a cut file", calls.subarray(0, 2000), /^x\.o: offset 40: expected section headers within 2000 bytes/],
  [
    "an x86 object",
    broken((view) => view.setUint16(18, 62, true)),
    /^x\.o: offset 18: expected a BPF object \(machine 247\), found machine 62/,
  ],
  [
    "a program",
    broken((view) => view.setUint16(16, 2, true)),
    /^x\.o: offset 16: expected a relocatable object/,
  ],
  ["big endian", broken((view) => view.setUint8(5, 2)), /^x\.o: offset 5: expected little-endian ELF/],
  [
    "no sections",
    broken((view) => view.setBigUint64(40, 0n, true)),
    /^x\.o: offset 40: expected section headers, found none/,
  ],
])("%s is refused with file, place and what was expected", (_what, bytes, message) => {
  expect(() => Elf.parse(bytes, "x.o")).toThrow(ElfError);
  expect(() => Elf.parse(bytes, "x.o")).toThrow(message);
});

test("random and mutated objects give a spec or one clear error, soon", () => {
  const random = chance("ELF and object parser");
  const bases = FIXTURES.map(fixtureBytes);
  let parsed = 0;
  for (let i = 0; i < 3000; i++) {
    let bytes = mutate(bases[random.below(bases.length)] ?? calls, random);
    if (i % 10 === 0) bytes = Uint8Array.from({ length: random.below(300) }, () => random.below(256));
    if (i % 20 === 0) bytes.set(calls.subarray(0, Math.min(64, bytes.length)));
    const start = performance.now();
    try {
      parseObject(bytes, { file: "x.o", legacySections: i % 2 === 0 });
      parsed++;
    } catch (error) {
      const known = error instanceof ElfError || error instanceof BtfError || error instanceof ObjectError;
      if (!known) throw error;
      expect((error as Error).message).toMatch(/^x\.o: [^\n]+$/);
    }
    expect(performance.now() - start).toBeLessThan(2000);
  }
  expect(parsed).toBeGreaterThan(100);
});
