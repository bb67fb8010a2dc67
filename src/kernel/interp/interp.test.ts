import { describe, expect, it, vi } from "vitest";
import { linkForTest, TEST_CPU, TEST_DATA, testEnv } from "../../../test/support/executor.ts";
import { writeArray } from "../../../test/support/walk_array.ts";
import { assemble } from "../../isa/asm.ts";
import { MAP } from "../maps/layout.ts";
import { CPU, CPU_SIZE } from "../mem/layout.ts";
import type { ExecHelper } from "../prog/program.ts";
import { createInterpreter, type Trace } from "./interp.ts";
import { PROG_ARRAY } from "./tail_call.ts";

function run(
  text: string,
  { helpers = [] as ExecHelper[], packet = [] as number[], trace = undefined as Trace | undefined } = {},
) {
  const env = testEnv(helpers, packet.length);
  new Uint8Array(env.memory.buffer).set(packet, TEST_DATA);
  const program = linkForTest(assemble(text));
  const { entry } = createInterpreter(env).load(program, trace === undefined ? {} : { trace });
  return { r0: BigInt.asUintN(64, entry(BigInt(TEST_DATA), TEST_CPU)), view: env.view() };
}

describe("loads and stores", () => {
  it("move every size, little endian, and extend signs", () => {
    const stores =
      "*(u64 *)(r1 +0) = -1\nr2 = 0x1122334455667788\n*(u64 *)(r1 +8) = r2\n*(u32 *)(r1 +16) = r2\n";
    const { view } = run(
      `${stores}*(u16 *)(r1 +20) = r2\n*(u8 *)(r1 +22) = r2\nr3 = *(s8 *)(r1 +22)\n*(u64 *)(r1 +24) = r3\nr0 = 0\nexit`,
    );
    expect(view.getBigInt64(TEST_DATA, true)).toBe(-1n);
    expect(view.getBigUint64(TEST_DATA + 8, true)).toBe(0x1122334455667788n);
    expect(view.getUint32(TEST_DATA + 16, true)).toBe(0x55667788);
    expect(view.getUint16(TEST_DATA + 20, true)).toBe(0x7788);
    expect(view.getBigUint64(TEST_DATA + 24, true)).toBe(0xffffffffffffff88n);
  });

  it.each([
    ["u8", 0xffn],
    ["u16", 0xffffn],
    ["u32", 0xffffffffn],
    ["s8", -1n],
    ["s16", -1n],
    ["s32", -1n],
    ["u64", -1n],
  ])("%s", (type, value) => {
    const { r0 } = run(`*(u64 *)(r10 -8) = -1\nr0 = *(${type} *)(r10 -8)\nexit`);
    expect(r0).toBe(BigInt.asUintN(64, value));
  });

  it("acquire and release in every size", () => {
    expect(
      run(`r1 = r10\n*(u64 *)(r10 -8) = 0\nr2 = -1\nstore_release((u8 *)(r1 -8), r2)
        store_release((u16 *)(r1 -6), r2)\nr0 = load_acquire((u64 *)(r1 -8))\nexit`).r0,
    ).toBe(0xffff00ffn);
  });

  it("stop a program that reads outside of memory, naming it and the place", () => {
    expect(() => run("r2 = 0x7fffff00\nr0 = *(u64 *)(r2 +0)\nexit")).toThrow(/interp: test, instruction 1: /);
  });
});

describe("atomics", () => {
  const at = "r1 = r10\nr2 = 0x1122334400000005\n*(u64 *)(r10 -8) = r2\nr3 = 0x300000003\n";
  it.each([
    ["lock *(u64 *)(r1 -8) += r3", 0x300000003n, 0x1122334700000008n],
    ["lock *(u32 *)(r1 -8) |= r3", 0x300000003n, 0x1122334400000007n],
    ["lock *(u64 *)(r1 -8) &= r3", 0x300000003n, 0x1n],
    ["lock *(u32 *)(r1 -8) ^= r3", 0x300000003n, 0x1122334400000006n],
    ["r3 = atomic64_fetch_add((u64 *)(r1 -8), r3)", 0x1122334400000005n, 0x1122334700000008n],
    ["r3 = atomic_fetch_add((u32 *)(r1 -8), r3)", 5n, 0x1122334400000008n],
    ["r3 = atomic64_fetch_xor((u64 *)(r1 -8), r3)", 0x1122334400000005n, 0x1122334700000006n],
    ["r3 = atomic64_xchg((u64 *)(r1 -8), r3)", 0x1122334400000005n, 0x300000003n],
    ["r3 = atomic_xchg((u32 *)(r1 -8), r3)", 5n, 0x1122334400000003n],
  ])("%s", (operation, r3, memory) => {
    expect(run(`${at}${operation}\nr0 = r3\nexit`).r0).toBe(r3);
    expect(run(`${at}${operation}\nr0 = *(u64 *)(r10 -8)\nexit`).r0).toBe(memory);
  });

  it("compare and exchange, giving the old value in R0", () => {
    const swap = "r0 = atomic64_cmpxchg((u64 *)(r1 -8), r0, r3)\n";
    expect(run(`${at}r0 = r2\n${swap}exit`).r0).toBe(0x1122334400000005n);
    expect(run(`${at}r0 = r2\n${swap}r0 = *(u64 *)(r10 -8)\nexit`).r0).toBe(0x300000003n);
    expect(run(`${at}r0 = 9\n${swap}r0 = *(u64 *)(r10 -8)\nexit`).r0).toBe(0x1122334400000005n);
    // 32 bits: R0's upper half is not compared, and is cleared.
    const swap32 = "r0 = -1\nr0 <<= 32\nr0 |= 5\nr0 = atomic_cmpxchg((u32 *)(r1 -8), r0, r3)\n";
    expect(run(`${at}${swap32}exit`).r0).toBe(5n);
    expect(run(`${at}${swap32}r0 = *(u64 *)(r10 -8)\nexit`).r0).toBe(0x1122334400000003n);
  });
});

describe("calls", () => {
  it("give each frame its own stack and keep R6 to R9", () => {
    const { r0 } = run(`
      r6 = 1
      *(u64 *)(r10 -8) = 100
      r1 = 20
      call sub
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      r0 += r6
      exit
    sub:
      r6 = 77
      *(u64 *)(r10 -8) = 3
      *(u64 *)(r10 -512) = 3
      r0 = r1
      exit`);
    expect(r0).toBe(121n);
  });

  it("hand helpers their arguments and take any 64-bit result", () => {
    const call = vi.fn((...args: bigint[]) => args.reduce((a, b) => a + b, 0n));
    const helper: ExecHelper = { id: 5, name: "sum", nargs: 5, call };
    const { r0 } = run("r1 = -1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = -20\ncall bpf_ktime_get_ns\nexit", {
      helpers: [helper],
    });
    expect(call.mock.calls[0]).toEqual([-1n, 2n, 3n, 4n, -20n]);
    expect(r0).toBe(BigInt.asUintN(64, -12n));
  });

  it("see memory that a helper made grow", () => {
    const env = testEnv([{ id: 5, name: "grow", nargs: 0, call: () => BigInt(env.memory.grow(1)) }]);
    const text = "*(u64 *)(r10 -8) = 7\ncall bpf_ktime_get_ns\nr0 = *(u64 *)(r10 -8)\nexit";
    const { entry } = createInterpreter(env).load(linkForTest(assemble(text)));
    expect(entry(0n, TEST_CPU)).toBe(7n);
  });

  it("refuse helpers and instructions that are not there, by name", () => {
    expect(() => run("call bpf_ktime_get_ns\nexit")).toThrow(
      "interp: test, instruction 0: helper 5 is not there",
    );
    expect(() => run("r1 = addr_space_cast(r1, 0, 1)\nexit")).toThrow("no behaviour for opcode 0xbf");
    expect(() => run("call kfunc#7\nexit")).toThrow("no behaviour for opcode 0x85");
  });
});

describe("bpf_loop", () => {
  const loop = (turns: number, body: string, flags = 0) =>
    run(`
      *(u64 *)(r10 -8) = 0
      r1 = ${turns}
      r2 = subprog[turn]
      r3 = r10
      r3 += -8
      r4 = ${flags}
      call bpf_loop
      r1 = *(u64 *)(r10 -8)
      r1 <<= 32
      r0 += r1
      exit
    turn:
      r3 = *(u64 *)(r2 +0)
      r3 += r1
      *(u64 *)(r2 +0) = r3
      ${body}
      exit`).r0;

  it("calls back with the turn and the context", () => {
    expect(loop(5, "r0 = 0")).toBe((10n << 32n) | 5n);
  });
  it("ends when the callback says so", () => {
    expect(loop(5, "r0 = 0\nif r1 != 0x2 goto pc+1\nr0 = 1")).toBe((3n << 32n) | 3n);
  });
  it("refuses flags and too many turns", () => {
    expect(loop(5, "r0 = 0", 1)).toBe(BigInt.asUintN(64, -22n));
    expect(loop(8388609, "r0 = 0")).toBe(BigInt.asUintN(64, -7n));
  });
});

describe("bpf_for_each_map_elem", () => {
  const MAP_AT = TEST_DATA + 512;
  /** Adds up each key and its value in the caller's frame; the callback goes on with `body`. */
  const walk = (elements: readonly bigint[], body: string, flags = 0) => {
    const env = testEnv();
    writeArray(env.view(), MAP_AT, elements);
    const insns = assemble(`
      *(u64 *)(r10 -512) = 0
      r6 = 77
      r1 = ${MAP_AT}
      r2 = subprog[each]
      r3 = r10
      r3 += -512
      r4 = ${flags}
      call bpf_for_each_map_elem#164
      r1 = *(u64 *)(r10 -512)
      r1 <<= 32
      r0 += r1
      if r6 == 0x4d goto pc+1
      r0 = 0
      exit
    each:
      r6 = *(u32 *)(r2 +0)
      r7 = *(u64 *)(r3 +0)
      r7 += r6
      r6 = *(u64 *)(r4 +0)
      r6 += r7
      *(u64 *)(r4 +0) = r6
      *(u64 *)(r10 -8) = -1
      if r1 != ${MAP_AT} goto pc+2
      ${body}
      exit
      exit`);
    const { entry } = createInterpreter(env).load(linkForTest(insns));
    return BigInt.asUintN(64, entry(BigInt(TEST_DATA), TEST_CPU));
  };

  it("calls back with the map, each key and value, and the context", () => {
    expect(walk([10n, 20n, 30n], "r0 = 0")).toBe((63n << 32n) | 3n);
    expect(walk([], "r0 = 0")).toBe(0n);
  });
  it("ends when the callback says so, counting that element", () => {
    expect(walk([10n, 20n, 30n], "r0 = 1")).toBe((10n << 32n) | 1n);
  });
  it("refuses flags", () => {
    expect(walk([10n], "r0 = 0", 1)).toBe(BigInt.asUintN(64, -22n));
  });
  it("may be called by the callback", () => {
    const env = testEnv();
    writeArray(env.view(), MAP_AT, [1n, 2n, 3n]);
    const call = (name: string) =>
      `r1 = ${MAP_AT}\nr2 = subprog[${name}]\nr4 = 0\ncall bpf_for_each_map_elem#164`;
    const insns = assemble(`
      *(u64 *)(r10 -8) = 0
      r3 = r10
      r3 += -8
      ${call("outer")}
      r0 = *(u64 *)(r10 -8)
      exit
    outer:
      r3 = r4
      ${call("inner")}
      r0 = 0
      exit
    inner:
      r1 = *(u64 *)(r4 +0)
      r2 = *(u64 *)(r3 +0)
      r1 += r2
      *(u64 *)(r4 +0) = r1
      r0 = 0
      exit`);
    const { entry } = createInterpreter(env).load(linkForTest(insns));
    expect(entry(BigInt(TEST_DATA), TEST_CPU)).toBe(18n);
  });
});

describe("packet reads", () => {
  const packet = [1, 2, 3, 4, 5];
  it("give network order as a number", () => {
    expect(run("r6 = r1\nr0 = *(u32 *)skb[1]\nexit", { packet }).r0).toBe(0x02030405n);
    expect(run("r6 = r1\nr2 = 2\nr0 = *(u16 *)skb[r2 + 1]\nexit", { packet }).r0).toBe(0x0405n);
  });
  it("end the program with 0 outside of the packet", () => {
    expect(run("r6 = r1\nr0 = *(u32 *)skb[2]\nr0 = 9\nexit", { packet }).r0).toBe(0n);
  });
});

describe("tail calls", () => {
  const MAP_AT = TEST_DATA + 64;
  const CALL = `r6 = r1\nr2 = ${MAP_AT}\ncall bpf_tail_call\n`;
  function kernel(programs: readonly string[], first: string) {
    const env = testEnv();
    const interp = createInterpreter(env);
    env.view().setUint32(MAP_AT + MAP.maxEntries, 4, true);
    env.view().setUint32(MAP_AT + MAP.data, MAP_AT + 128, true);
    programs.forEach((text, i) => {
      env.table.set(i + 1, interp.load(linkForTest(assemble(text))).entry);
      env.view().setUint32(MAP_AT + 128 + 4 * i, i + 1, true);
    });
    const { entry } = interp.load(linkForTest(assemble(first)));
    return { r0: entry(BigInt(TEST_DATA), TEST_CPU), view: env.view() };
  }

  it("agree with the maps room on the layout", () => {
    expect(PROG_ARRAY).toEqual({ maxEntries: MAP.maxEntries, data: MAP.data });
  });
  it("replace the program, handing over the context", () => {
    const { r0, view } = kernel(["r0 = r1\nexit"], `r3 = 0x100000000\n${CALL}r0 = 1\nexit`);
    expect(r0).toBe(BigInt(TEST_DATA));
    expect(view.getUint32(TEST_CPU + CPU.tailCalls, true)).toBe(1);
  });
  it.each([
    ["out of range", 4],
    ["negative", -1],
    ["empty", 3],
  ])("fall through if the index is %s", (_what, index) => {
    const { r0, view } = kernel(["r0 = 5\nexit"], `r3 = ${index}\n${CALL}r0 = 1\nexit`);
    expect(r0).toBe(1n);
    expect(view.getUint32(TEST_CPU + CPU.tailCalls, true)).toBe(0);
  });
  it("fall through after 33", () => {
    const count = "r2 = *(u64 *)(r1 +0)\nr2 += 1\n*(u64 *)(r1 +0) = r2\n";
    const text = `${count}r3 = 0\n${CALL}r0 = *(u64 *)(r6 +0)\nexit`;
    expect(kernel([text], text).r0).toBe(34n);
  });
  it("from a subprogram replace only its frame, and leave the callers' stack alone", () => {
    const { r0, view } = kernel(
      ["*(u64 *)(r10 -8) = 1\n*(u64 *)(r10 -512) = 1\nr0 = 40\nexit"],
      `*(u64 *)(r10 -8) = 2\ncall sub\nr1 = *(u64 *)(r10 -8)\nr0 += r1\nexit\nsub:\nr3 = 0\n${CALL}r0 = 1\nexit`,
    );
    expect(r0).toBe(42n);
    expect(view.getUint32(TEST_CPU + CPU.entryFrame, true)).toBe(0);
  });
});

describe("the trace", () => {
  it("sees registers before each instruction, and the frame", () => {
    const seen: [number, bigint, number][] = [];
    run("r0 = 1\ncall sub\nexit\nsub:\nr0 += 4\nexit", {
      trace: (pc, regs, depth) => seen.push([pc, regs[0] ?? 0n, depth]),
    });
    expect(seen).toEqual([
      [0, 0n, 0],
      [1, 1n, 0],
      [3, 1n, 1],
      [4, 5n, 1],
      [2, 5n, 0],
    ]);
  });
  it("sees the stack pointer", () => {
    let top = 0n;
    run("r0 = 0\nexit", { trace: (_pc, regs) => (top = regs[10] ?? 0n) });
    expect(top).toBe(BigInt(TEST_CPU + CPU_SIZE));
  });
});

describe("may_goto", () => {
  it("lets a loop run, and ends it in the end", () => {
    expect(run("r0 = 0\nagain:\nmay_goto out\nr0 += 1\ngoto again\nout:\nexit").r0).toBe(8388608n);
  });
});
