import { afterEach, describe, expect, test } from "vitest";
import { fixture, fixtureBytes } from "../../test/support/fixture.ts";
import { Btf } from "../btf/btf.ts";
import { createKernel, type Kernel, type KernelTask } from "../transport/in_process.ts";
import { Elf } from "./elf.ts";
import { BpfError, explainLog, VerifierError } from "./errors.ts";
import { BpfObject, type LoadOptions } from "./object.ts";
import { LINUX_6_18 } from "./resolve.ts";

const open: { kernel: Kernel; task: KernelTask; object?: BpfObject }[] = [];

async function newTask(): Promise<KernelTask> {
  const kernel = await createKernel();
  const task = kernel.task();
  open.push({ kernel, task });
  return task;
}

async function load(name: string, options: LoadOptions = {}): Promise<BpfObject> {
  const task = await newTask();
  const object = BpfObject.load(task, fixtureBytes(name), { file: `${name}.bpf.o`, ...options });
  const last = open.at(-1);
  if (last !== undefined) last.object = object;
  return object;
}

afterEach(() => {
  for (const { kernel, task, object } of open.splice(0)) {
    object?.close();
    expect(task.openFds).toBe(0);
    expect(kernel.usage()).toMatchObject({ maps: 0, progs: 0, btfs: 0 });
  }
});

/** An IPv4 UDP packet from 10.0.0.1 to 10.0.0.2. */
function packet(options: { ttl?: number; protocol?: number } = {}): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, options.ttl ?? 64, options.protocol ?? 17, 0, 0], 12);
  bytes.set([10, 0, 0, 1, 10, 0, 0, 2, 0x13, 0x88, 0, 53, 0, 26, 0, 0], 26);
  return bytes;
}

describe("the examples do what they say", () => {
  test("xdp_firewall drops what is on the block list", async () => {
    const object = await load("xdp_firewall");
    expect(object.warnings).toEqual([]);
    const program = object.program();
    expect(program.run(packet()).retval).toBe(2);
    const key = { length: 8, address: [10, 0, 0, 0] };
    object.map("block_list").set(key, { action: "ACTION_BLOCK", id: 7 });
    expect(program.run(packet()).retval).toBe(1);
    expect(program.run(packet({ ttl: 1 })).retval).toBe(1);
    expect(object.map("block_list").get(key)).toEqual({ action: 1, id: 7, hits: 1n });
    expect(object.variable("dropped")).toBe(2n);
    expect(object.variable("seen")).toEqual({ packets: 3n, bytes: 180n });
    expect(object.map("protocols").get(17)).toEqual({ packets: 3n, bytes: 180n });
  });

  test("settings are fixed at load, totals can be written", async () => {
    const object = await load("xdp_firewall", { variables: { min_ttl: 100 } });
    expect(object.program().run(packet()).retval).toBe(1);
    object.setVariable("dropped", 40n);
    object.program().run(packet());
    expect(object.variable("dropped")).toBe(41n);
    expect(() => object.setVariable("min_ttl", 3)).toThrow(BpfError);
    expect(() => object.variable("nothing")).toThrow("no global variable 'nothing'");
  });

  test("tc_count counts by flow", async () => {
    const object = await load("tc_count");
    for (let i = 0; i < 3; i++) expect(object.program().run(packet()).retval).toBe(0);
    const flows = [...object.map("flows").typedEntries()];
    expect(flows).toEqual([
      [
        expect.objectContaining({ version: 4, protocol: 17, source_port: 5000, destination_port: 53 }),
        { packets: 3n, bytes: 180n, longest: 60, shortest: 60 },
      ],
    ]);
    expect(object.map("results").get(0)).toEqual([2n]);
    expect(object.map("results").get(1)).toEqual([1n]);
  });

  test("socket_dns takes DNS and no other packet", async () => {
    const object = await load("socket_dns");
    expect(object.program().run(packet()).retval).toBe(512);
    expect(object.program().run(packet({ protocol: 6 })).retval).toBe(0);
  });

  test("xdp_jump_table calls the parser of the protocol", async () => {
    const object = await load("xdp_jump_table");
    expect(object.program("parse").run(packet()).retval).toBe(2);
    expect(object.program("parse").run(packet({ protocol: 99 })).retval).toBe(2);
    expect(object.variable("totals")).toEqual({ pings: 0, syns: 0, datagrams: 1, others: 1 });
  });

  test("tc_nat rewrites address and port", async () => {
    const object = await load("tc_nat");
    const end = (last: number, port: number) => ({
      address: 10 | (last << 24),
      port: ((port & 255) << 8) | (port >> 8),
      protocol: 17,
    });
    object.map("services").set(end(2, 53), end(9, 5353));
    const { retval, data } = object.program().run(packet());
    expect(retval).toBe(0);
    expect([...data.subarray(30, 34)]).toEqual([10, 0, 0, 9]);
    expect([...data.subarray(36, 38)]).toEqual([5353 >> 8, 5353 & 255]);
    expect(object.variable("rewritten")).toBe(1n);
  });
});

test("CO-RE relocations give the target's places", async () => {
  const section = Elf.parse(fixtureBytes("core_target"), "target").section(".BTF");
  const btf = Btf.parse(section?.data ?? new Uint8Array(), { name: "target" });
  const object = await load("core", { target: { ...LINUX_6_18, btf } });
  object.program("relocate").run(packet());
  const id = (from: Btf | undefined): bigint => BigInt(from?.find("struct", "inner") ?? 0);
  // By hand from core_target.bpf.c, in the order of core.bpf.c.
  const places = [24n, 8n, 1n, 0n, 0n, 48n, 68n, 51n, 60n, 45n, 58n, 1n, 88n];
  const types = [1n, 0n, 96n, 2n, 1n, 0n, 1n, id(object.spec.btf), id(btf), 0n, 0n];
  expect(object.variable("out")).toEqual([...places, ...types]);
  expect(object.program("guarded").run(packet()).retval).toBe(7);
});

test("only what is asked for is loaded", async () => {
  const object = await load("calls", { programs: ["not_autoloaded"], onlyUsedMaps: true });
  expect(object.programs.map(({ name }) => name)).toEqual(["not_autoloaded"]);
  expect(object.maps.map(({ name }) => name)).toEqual(["calls.bss"]);
  expect(() => object.map("nope")).toThrow("calls.bpf.o: no map 'nope', only: calls.bss");
  expect(() => object.program("first")).toThrow("no program 'first', only: not_autoloaded");
});

test("a program without a type is refused as libbpf does, and nothing stays behind", async () => {
  await expect(load("classic")).rejects.toThrow(
    "classic.bpf.o: prog 'target': missing BPF prog type, check ELF section name '7/0'",
  );
});

test("a rejected program explains itself, and nothing stays behind", async () => {
  const task = await newTask();
  const spec = fixture("tc_count");
  const programs = spec.programs.map((program) => ({
    ...program,
    // The first instruction reads a register that was never written.
    insns: program.insns.map((insn, i) =>
      i === 0 ? { ...insn, code: 0xbf, dst: 6, src: 3, off: 0, imm: 0 } : insn,
    ),
  }));
  let caught: unknown;
  try {
    BpfObject.load(task, { ...spec, programs });
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(VerifierError);
  expect(caught).toMatchObject({
    code: "EACCES",
    cmd: "PROG_LOAD",
    cause: "R3 !read_ok",
    source: { text: "void *end = (void *)(long)skb->data_end;", file: "tc_count.bpf.c" },
  });
  expect((caught as VerifierError).log).toContain("0: (bf) r6 = r3");
  expect((caught as VerifierError).message).toMatch(
    /^program 'tc_count' was rejected at tc_count\.bpf\.c:\d+: R3 !read_ok/,
  );
});

test("the complaint is taken out of a log", () => {
  const log = [
    "0: R1=ctx() R10=fp0",
    "; return *(int *)(d + 14); @ x.bpf.c:3",
    "0: (61) r1 = *(u32 *)(r1 +76)         ; R1=pkt(r=0)",
    "1: (61) r0 = *(u32 *)(r1 +14)",
    "invalid access to packet, off=14 size=4, R1(id=0,off=14,r=0)",
    "R1 offset is outside of the packet",
    "processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0",
    "",
  ].join("\n");
  expect(explainLog(log)).toEqual({
    cause: "invalid access to packet, off=14 size=4, R1(id=0,off=14,r=0)",
    source: { text: "return *(int *)(d + 14);", file: "x.bpf.c", line: 3 },
    state: "1: (61) r0 = *(u32 *)(r1 +14)",
  });
  expect(explainLog("unreachable insn 3\n")).toEqual({ cause: "unreachable insn 3" });
});
