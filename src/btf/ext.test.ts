import { expect, test } from "vitest";
import { fixtureBtf, fixtureBytes } from "../../test/support/fixture.ts";
import { chance, mutate } from "../../test/support/mutate.ts";
import { Elf } from "../lib/elf.ts";
import { BtfError } from "./btf.ts";
import { parseBtfExt } from "./ext.ts";

function ext(name: string): Uint8Array {
  const data = Elf.parse(fixtureBytes(name), name).section(".BTF.ext")?.data;
  if (data === undefined) throw new Error(`${name} has no .BTF.ext`);
  return data;
}

test("functions, lines and relocations are listed by section", () => {
  const btf = fixtureBtf("core");
  const { funcInfo, lineInfo, coreRelos } = parseBtfExt(ext("core"), btf);
  expect(funcInfo.get("socket")?.map(({ type }) => btf.type(type).name)).toEqual([
    "relocate",
    "load_direct",
    "guarded",
  ]);
  const first = lineInfo.get("socket")?.[0];
  expect(btf.string(first?.lineOff ?? 0)).toBe("int relocate(struct __sk_buff *skb)");
  expect(btf.string(first?.fileNameOff ?? 0)).toContain("core.bpf.c");
  expect(coreRelos.get("socket")?.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining([
      "field_byte_offset",
      "field_lshift_u64",
      "type_matches",
      "enumval_value",
      "type_id_target",
    ]),
  );
});

test("lists that run over the end are refused where they start", () => {
  const bytes = new Uint8Array(ext("core"));
  const view = new DataView(bytes.buffer);
  const at = view.getUint32(4, true) + view.getUint32(8, true) + 8;
  view.setUint32(at, 1000, true);
  expect(() => parseBtfExt(bytes, fixtureBtf("core"), "x.o: .BTF.ext")).toThrow(
    /^x\.o: \.BTF\.ext: offset \d+: expected 1000 records of 8 bytes for socket, found \d+ bytes$/,
  );
});

test("random and mutated bytes give records or BtfError, nothing else", () => {
  const random = chance("BTF.ext parser");
  const btf = fixtureBtf("core");
  const base = ext("core");
  for (let i = 0; i < 2000; i++) {
    const bytes =
      i % 5 === 0
        ? Uint8Array.from({ length: random.below(99) }, () => random.below(256))
        : mutate(base, random);
    try {
      parseBtfExt(bytes, btf);
    } catch (error) {
      expect(error).toBeInstanceOf(BtfError);
      expect((error as BtfError).message).toMatch(/^BTF\.ext: offset \d+: expected /);
    }
  }
});
