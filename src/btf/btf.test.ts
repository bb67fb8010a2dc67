import { expect, test } from "vitest";
import { FIXTURES, fixtureBtf } from "../../test/support/fixture.ts";
import { chance, mutate } from "../../test/support/mutate.ts";
import { Btf, BtfError, describe } from "./btf.ts";
import { checkBtf } from "./check.ts";
import { BtfBuilder, type BtfDescription } from "./encode.ts";
import { isComposite } from "./type.ts";

const types = fixtureBtf("types");

function struct(name: string) {
  const type = types.type(types.find("struct", name));
  if (type.kind !== "struct") throw new Error(`no struct ${name}`);
  return type;
}

test("types are found by kind and name, and have clang's sizes", () => {
  expect(struct("everything").size).toBe(160);
  expect(types.size(types.find("typedef", "byte"))).toBe(1);
  expect(types.size(types.find("enum64", "wide"))).toBe(8);
  expect(types.size(types.find("union", "either"))).toBe(4);
  expect(types.find("struct", "no_such_thing")).toBe(0);
  expect(types.find("union", "everything")).toBe(0);
});

test("members have their places, bitfields their widths", () => {
  const members = new Map(struct("everything").members.map((member) => [member.name, member]));
  expect(members.get("word")).toMatchObject({ bitOffset: 64, bitSize: 0 });
  expect(members.get("low")).toMatchObject({ bitOffset: 992, bitSize: 3 });
  expect(members.get("middle")).toMatchObject({ bitOffset: 995, bitSize: 5 });
  expect(members.get("high")).toMatchObject({ bitOffset: 1024, bitSize: 40 });
  expect(members.get("point")).toMatchObject({ bitOffset: 928 });
});

test("enumerators have their values, signed and of 64 bits", () => {
  expect(types.type(types.find("enum", "color"))).toMatchObject({
    signed: true,
    values: [
      { name: "RED", value: 0 },
      { name: "GREEN", value: 5 },
      { name: "BLUE", value: -1 },
    ],
  });
  expect(types.type(types.find("enum64", "wide"))).toMatchObject({
    values: [{ value: 1n }, { name: "HUGE", value: 0x123456789abcdef0n }],
  });
});

test("resolve goes through typedefs and qualifiers", () => {
  const pointer = types.resolve(
    struct("everything").members.find(({ name }) => name === "pointer")?.type ?? 0,
  );
  expect(pointer.kind).toBe("ptr");
  expect(pointer.kind === "ptr" && types.resolve(pointer.type)).toMatchObject({ kind: "int", name: "int" });
});

test("a BTF encoded from its types reads as the same types", () => {
  for (const name of FIXTURES) {
    const btf = fixtureBtf(name);
    const builder = new BtfBuilder();
    for (const { id: _id, ...type } of btf.types()) builder.add(type as BtfDescription);
    const again = builder.build();
    expect([...again.types()]).toEqual([...btf.types()]);
    expect(checkBtf(again.bytes, { logLevel: 1 }).ok).toBe(true);
  }
});

test("split BTF continues ids and strings of its base", () => {
  const base = new BtfBuilder();
  const int = base.add({
    kind: "int",
    name: "int",
    size: 4,
    signed: true,
    char: false,
    bool: false,
    bits: 32,
    bitOffset: 0,
  });
  const first = base.build();
  const more = new Uint8Array(first.bytes);
  // The same bytes as a split BTF: type 2 is an int whose name is in the base's strings.
  const split = Btf.parse(more, { base: first, name: "split" });
  expect(split.typeCount).toBe(3);
  expect(split.type(int)).toEqual(first.type(int));
  expect(split.type(2)).toMatchObject({ id: 2, kind: "int", name: "int" });
  expect(split.findAll("int", "int")).toEqual([1, 2]);
});

test.each([
  ["nothing", new Uint8Array(0), "offset 0: expected a BTF header of 24 bytes, found 0 bytes in all"],
  ["another magic", Uint8Array.from({ length: 30 }, () => 7), "offset 0: expected magic 0xeb9f, found 0x707"],
])("%s is refused with its place", (_what, bytes, message) => {
  expect(() => Btf.parse(bytes, { name: "x.o: .BTF" })).toThrow(
    new BtfError("x.o: .BTF", 0, message.slice(10)),
  );
});

test("a type id that is not there is refused where it stands", () => {
  const builder = new BtfBuilder();
  builder.add({ kind: "ptr", name: "", type: 9 });
  expect(() => builder.build()).toThrow("BTF: offset 32: expected a type id below 2, found 9");
});

test("loops of typedefs end", () => {
  const builder = new BtfBuilder();
  builder.add({ kind: "typedef", name: "a", type: 2, kindFlag: false });
  builder.add({ kind: "typedef", name: "b", type: 1, kindFlag: false });
  builder.add({ kind: "array", name: "", type: 3, indexType: 1, nelems: 2 });
  const btf = builder.build();
  expect(() => btf.resolve(1)).toThrow("found a loop");
  expect(() => btf.size(3)).toThrow("found a loop");
});

test("random and mutated bytes give types or BtfError, nothing else", () => {
  const random = chance("BTF parser");
  const bases = FIXTURES.map((name) => fixtureBtf(name).bytes);
  let parsed = 0;
  for (let i = 0; i < 1500; i++) {
    const base = bases[random.below(bases.length)] ?? types.bytes;
    const bytes =
      i % 5 === 0
        ? Uint8Array.from({ length: random.below(99) }, () => random.below(256))
        : mutate(base, random);
    try {
      const btf = Btf.parse(bytes);
      parsed++;
      for (const type of btf.types()) {
        describe(type);
        if (isComposite(type)) for (const member of type.members) btf.type(member.type);
        try {
          btf.size(type.id);
        } catch (error) {
          expect(error).toBeInstanceOf(BtfError);
        }
      }
    } catch (error) {
      expect(error).toBeInstanceOf(BtfError);
      expect((error as BtfError).message).toMatch(/^BTF: offset \d+: expected /);
    }
  }
  expect(parsed).toBeGreaterThan(50);
});
