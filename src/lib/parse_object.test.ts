import { expect, test } from "vitest";
import { fixture, fixtureBytes } from "../../test/support/fixture.ts";
import { CALL, PSEUDO } from "../isa/opcode.ts";
import { MAP_TYPE } from "../uapi/map_type.ts";
import { PROG_TYPE } from "../uapi/prog_type.ts";
import { kconfigBytes } from "./extern.ts";
import { dataMapName } from "./map_def.ts";
import { parseObject, pickProgram } from "./parse_object.ts";
import { LINUX_6_18, resolveProgram } from "./resolve.ts";
import type { MapSpec, ObjectSpec, ProgramSpec } from "./spec.ts";

function map(object: ObjectSpec, name: string): MapSpec {
  const found = object.maps.find((spec) => spec.name === name);
  if (found === undefined) throw new Error(`no map ${name} among ${object.maps.map((spec) => spec.name)}`);
  return found;
}

/** Where the calls of a program go: instruction index to target index. */
function callTargets(program: ProgramSpec): [from: number, to: number][] {
  return program.insns.flatMap((insn, i) =>
    insn.code === 0x85 && insn.src === CALL.LOCAL ? [[i, i + 1 + insn.imm] as [number, number]] : [],
  );
}

/** The functions of a program by their first instruction, from its func_info. */
function functions(object: ObjectSpec, program: ProgramSpec): Map<number, string> {
  const view = new DataView(program.funcInfo.buffer);
  return new Map(
    Array.from({ length: program.funcInfo.length / 8 }, (_, i) => [
      view.getUint32(i * 8, true),
      object.btf?.type(view.getUint32(i * 8 + 4, true)).name ?? "",
    ]),
  );
}

test("what an object says of itself", () => {
  expect(fixture("maps")).toMatchObject({ name: "maps", license: "GPL", version: 0x60c00 });
  expect(fixture("calls").programs.map(({ name, section, autoload }) => [name, section, autoload])).toEqual([
    ["first", "xdp", true],
    ["second", "xdp", true],
    ["not_autoloaded", "?tc", false],
    ["fragments", "xdp.frags", true],
  ]);
  expect(fixture("calls").programs[3]?.flags).toBe(1 << 5);
});

test("BTF-defined maps", () => {
  const object = fixture("maps");
  expect(map(object, "typed")).toMatchObject({
    type: MAP_TYPE.HASH,
    keySize: 4,
    valueSize: 24,
    maxEntries: 8,
    pinning: 1,
  });
  expect(map(object, "sized")).toMatchObject({
    type: MAP_TYPE.LRU_HASH,
    keySize: 6,
    valueSize: 10,
    flags: 2,
    keyTypeId: 0,
  });
  expect(map(object, "per_cpu")).toMatchObject({ type: MAP_TYPE.PERCPU_HASH, keySize: 2, valueSize: 4 });
  expect(map(object, "outer")).toMatchObject({
    type: MAP_TYPE.ARRAY_OF_MAPS,
    valueSize: 4,
    inner: { name: "outer.inner", type: MAP_TYPE.ARRAY, valueSize: 8, maxEntries: 2 },
    slots: [
      { index: 1, map: "inner_one" },
      { index: 3, map: "inner_two" },
    ],
  });
  const typed = object.btf?.resolve(map(object, "typed").valueTypeId);
  expect(typed).toMatchObject({ kind: "struct", name: "value" });
});

test("program arrays with static initialisers", () => {
  expect(map(fixture("xdp_jump_table"), "parsers").slots).toEqual([
    { index: 1, program: "parse_icmp" },
    { index: 6, program: "parse_tcp" },
    { index: 17, program: "parse_udp" },
  ]);
});

test("data sections are array maps named as libbpf names them", () => {
  const object = fixture("maps");
  expect(map(object, "maps.data")).toMatchObject({
    type: MAP_TYPE.ARRAY,
    maxEntries: 1,
    flags: 1 << 10,
    data: { kind: "data" },
  });
  expect(map(object, "maps.bss")).toMatchObject({ valueSize: 4, data: { kind: "bss" } });
  expect(map(object, "maps.rodata")).toMatchObject({ flags: (1 << 7) | (1 << 10) });
  expect(map(object, ".rodata.table").data?.bytes).toEqual(new Uint8Array(Uint32Array.of(1, 2, 3, 5).buffer));
  expect(map(object, ".data.own").data?.bytes).toEqual(Uint8Array.of(7, 0, 0, 0));
});

test.each([
  ["xdp_firewall", ".rodata", "xdp_fire.rodata"],
  ["a", ".bss", "a.bss"],
  ["a-b", ".data", "a_b.data"],
  ["averyverylongname", ".bss", "averyver.bss"],
  ["x", ".rodata.str1.1", ".rodata.str1.1"],
  ["x", ".data.a_very_long_name", ".data.a_very_lo"],
])("the map of %s's %s is called %s", (object, section, name) => {
  expect(dataMapName(object, section)).toBe(name);
});

test("classic map records", () => {
  const object = fixture("classic");
  expect(map(object, "jumps")).toMatchObject({ type: MAP_TYPE.PROG_ARRAY, pinning: 1, classic: { id: 7 } });
  expect(map(object, "counts")).toMatchObject({
    type: MAP_TYPE.ARRAY,
    valueSize: 8,
    maxEntries: 3,
    pinning: 2,
  });
  expect(object.programs.map(({ name, section, type }) => [name, section, type])).toEqual([
    ["target", "7/0", undefined],
    ["entry", "classifier", PROG_TYPE.SCHED_CLS],
  ]);
});

test("subprograms follow in the order of their calls, and every call reaches the one it names", () => {
  const object = fixture("calls");
  const first = pickProgram(object, "first");
  const names = functions(object, first);
  expect([...names.values()]).toEqual(["first", "middle", "leaf", "global_leaf", "hidden_leaf"]);
  const called = callTargets(first).map(([, to]) => names.get(to));
  expect(called).toEqual(["middle", "hidden_leaf", "leaf", "global_leaf", "leaf", "leaf"]);
  expect(object.btf?.type(object.btf.find("func", "hidden_leaf"))).toMatchObject({ linkage: "static" });
  expect(object.btf?.type(object.btf.find("func", "global_leaf"))).toMatchObject({ linkage: "global" });
});

test("subprograms of other sections, and addresses of functions", () => {
  const object = fixture("calls");
  const second = pickProgram(object, "second");
  const names = functions(object, second);
  expect([...names.values()]).toEqual(["second", "step", "elsewhere", "leaf"]);
  const load = second.insns.findIndex(({ code, src }) => code === 0x18 && src === PSEUDO.FUNC);
  expect(names.get(load + 1 + (second.insns[load]?.imm ?? 0))).toBe("step");
});

test("line info is numbered within the program", () => {
  const program = pickProgram(fixture("calls"), "first");
  const view = new DataView(program.lineInfo.buffer);
  const lines = Array.from({ length: program.lineInfo.length / 16 }, (_, i) => view.getUint32(i * 16, true));
  expect(lines[0]).toBe(0);
  expect(lines).toEqual([...lines].sort((a, b) => a - b));
  expect(Math.max(...lines)).toBeLessThan(program.insns.length);
});

test("sections of variables are mended in the BTF", () => {
  const { btf } = fixture("types");
  expect(btf?.type(btf.find("datasec", ".data"))).toMatchObject({
    size: 12,
    vars: [
      { offset: 0, size: 8 },
      { offset: 8, size: 4 },
    ],
  });
});

test("externs of the kernel's configuration get places and values", () => {
  const object = fixture("externs");
  const spec = map(object, "externs.kconfig");
  const kconfig = {
    CONFIG_HZ: "250",
    CONFIG_BPF_SYSCALL: "y",
    CONFIG_NET_SCHED: "m",
    CONFIG_DEFAULT_HOSTNAME: '"(none)"',
  };
  const bytes = kconfigBytes(object.file, object.externs, spec.valueSize, { ...LINUX_6_18, kconfig });
  const at = (name: string): number => object.externs.find((ext) => ext.name === name)?.config?.offset ?? -1;
  const view = new DataView(bytes.buffer);
  expect(view.getUint32(at("LINUX_KERNEL_VERSION"), true)).toBe((6 << 16) | (18 << 8));
  expect(view.getInt32(at("CONFIG_HZ"), true)).toBe(250);
  expect(view.getUint8(at("CONFIG_BPF_SYSCALL"))).toBe(1);
  expect(view.getUint32(at("CONFIG_NET_SCHED"), true)).toBe(2);
  expect(view.getBigUint64(at("CONFIG_MISSING"), true)).toBe(0n);
  expect(
    new TextDecoder().decode(
      bytes.subarray(at("CONFIG_DEFAULT_HOSTNAME"), at("CONFIG_DEFAULT_HOSTNAME") + 7),
    ),
  ).toBe("(none)\0");
  expect(() => kconfigBytes(object.file, object.externs, spec.valueSize, LINUX_6_18)).toThrow(
    "externs.bpf.o: extern (kcfg) 'CONFIG_HZ' is not set in the kernel configuration given, and not weak",
  );
  const wrong = { ...LINUX_6_18, kconfig: { ...kconfig, CONFIG_HZ: "y" } };
  expect(() => kconfigBytes(object.file, object.externs, spec.valueSize, wrong)).toThrow(
    "expected a number, found y",
  );
});

test("weak kernel symbols that are missing become zero, and calls of them cannot pass", () => {
  const object = fixture("externs");
  const program = pickProgram(object, "symbols");
  const insns = resolveProgram(object, program, LINUX_6_18);
  expect(insns.filter(({ code, src }) => code === 0x18 && src === PSEUDO.BTF_ID)).toEqual([]);
  expect(insns.filter(({ code, src }) => code === 0x85 && src === CALL.KFUNC)).toEqual([]);
});

test("CO-RE relocations without a target are refused by name, and only where there are any", () => {
  const object = fixture("core");
  expect(() => resolveProgram(object, pickProgram(object, "relocate"), LINUX_6_18)).toThrow(
    /^core\.bpf\.o: program 'relocate', instruction \d+: CO-RE relocation field_\w+ of type \d+, access 0:0: expected the kernel's types/,
  );
  const plain = fixture("calls");
  expect(resolveProgram(plain, pickProgram(plain, "first"), LINUX_6_18)).toEqual(
    pickProgram(plain, "first").insns,
  );
});

test("a program is picked by name or section, and the choice is shown", () => {
  const object = fixture("calls");
  expect(pickProgram(object, "second").name).toBe("second");
  expect(() => pickProgram(object)).toThrow("name one of them: first, second, not_autoloaded, fragments");
  expect(() => pickProgram(object, "third")).toThrow("calls.bpf.o: no program 'third', only: first, second");
});

test("the same bytes give the same spec, from a Buffer or an array, and stay as they are", () => {
  const bytes = fixtureBytes("externs");
  const copy = new Uint8Array(bytes);
  const strip = ({ btf, ...spec }: ObjectSpec) => ({
    ...spec,
    types: btf === undefined ? [] : [...btf.types()],
  });
  expect(strip(parseObject(bytes, { file: "e.o" }))).toEqual(strip(parseObject(copy, { file: "e.o" })));
  expect(new Uint8Array(bytes)).toEqual(copy);
});
