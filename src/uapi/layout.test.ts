import { expect, test } from "vitest";
import { ATTRS, BPF_ATTR_SIZE } from "./attr.ts";
import { CMDS } from "./cmd.ts";
import { BTF_INFO, BTF_INFO_SIZE, MAP_INFO, MAP_INFO_SIZE, PROG_INFO, PROG_INFO_SIZE } from "./info.ts";
import { fieldSize, type Layout, layoutSize, readField, readStruct, writeStruct } from "./layout.ts";

test("every command has a layout, within union bpf_attr and aligned", () => {
  expect(Object.keys(ATTRS).sort()).toEqual(Object.keys(CMDS).sort());
  for (const layout of Object.values<Layout>(ATTRS)) {
    expect(layoutSize(layout)).toBeLessThanOrEqual(BPF_ATTR_SIZE);
    for (const field of Object.values(layout)) {
      expect(field.offset % Math.min(fieldSize(field), field.kind === "name" ? 4 : 8)).toBe(0);
    }
  }
  expect(layoutSize(ATTRS.PROG_LOAD)).toBe(BPF_ATTR_SIZE);
});

test("lengths of pointers name fields of the same layout", () => {
  for (const layout of [...Object.values<Layout>(ATTRS), PROG_INFO, MAP_INFO, BTF_INFO] as Layout[]) {
    for (const field of Object.values(layout)) {
      if (field.kind !== "ptr" || !("field" in field.length)) continue;
      expect(layout).toHaveProperty([field.length.field]);
      if (typeof field.length.times === "string") expect(layout).toHaveProperty([field.length.times]);
    }
  }
});

test("info structs have the sizes that Linux 6.18 gives", () => {
  expect([PROG_INFO_SIZE, MAP_INFO_SIZE, BTF_INFO_SIZE]).toEqual([232, 104, 32]);
  for (const [layout, size] of [
    [PROG_INFO, PROG_INFO_SIZE],
    [MAP_INFO, MAP_INFO_SIZE],
    [BTF_INFO, BTF_INFO_SIZE],
  ] as const) {
    expect(Math.ceil(layoutSize(layout) / 8) * 8).toBe(size);
  }
});

test("fields survive writing and reading; missing bytes are zero", () => {
  const bytes = writeStruct(ATTRS.MAP_CREATE, {
    map_type: 1,
    max_entries: 0xffffffff,
    map_name: "a_name_that_is_too_long",
    map_extra: 0x1122334455667788n,
    value_type_btf_obj_fd: -1,
  });
  expect(readStruct(ATTRS.MAP_CREATE, bytes)).toMatchObject({
    map_type: 1,
    max_entries: 0xffffffff,
    map_name: "a_name_that_is_",
    map_extra: 0x1122334455667788n,
    value_type_btf_obj_fd: -1,
    key_size: 0,
  });
  expect(readField(ATTRS.MAP_CREATE.map_extra, bytes.subarray(0, 66))).toBe(0x7788n);
  expect(readField(ATTRS.MAP_CREATE.map_extra, bytes.subarray(0, 20))).toBe(0n);
  expect(() => writeStruct(ATTRS.MAP_FREEZE as Layout, { nonsense: 1n })).toThrow("no field nonsense");
});
