import { describe, expect, it } from "vitest";
import {
  DATA,
  FP,
  machine,
  subprog,
  type TestMachine,
  type TestProgram,
} from "../../../test/support/jit_machine.ts";
import { writeArray } from "../../../test/support/walk_array.ts";
import { assemble } from "../../isa/asm.ts";
import { MAP } from "../maps/layout.ts";
import { CPU } from "../mem/layout.ts";
import type { ExecHelper } from "../prog/program.ts";
import { JitError } from "./error.ts";

const MAP_AT = DATA + 0x400;
const SLOTS_AT = DATA + 0x600;

/** Puts a program array of four slots into memory. */
function programArray(m: TestMachine, slots: readonly number[]): NonNullable<TestProgram["maps"]> {
  m.view.setUint32(MAP_AT + MAP.type, 3, true);
  m.view.setUint32(MAP_AT + MAP.maxEntries, 4, true);
  m.view.setUint32(MAP_AT + MAP.data, SLOTS_AT, true);
  slots.forEach((slot, i) => {
    m.view.setUint32(SLOTS_AT + i * 4, slot, true);
  });
  return [{ type: 3, address: MAP_AT, keySize: 4, valueSize: 4, maxEntries: 4 }];
}

/** A program whose one tail call is a call of the map that is known, or not. */
function withTailCall(text: string, maps: TestProgram["maps"], known: boolean): TestProgram {
  const insns = assemble(text);
  const call = insns.findIndex((x) => x.code === 0x85 && x.src === 0 && x.imm === 12);
  return {
    insns,
    maps: maps ?? [],
    facts: insns.map((_, i) => (known && i === call ? { callMap: 0 } : undefined)),
  };
}

const TAIL_CALL = `r2 = ${MAP_AT} ll\ncall bpf_tail_call#12`;

describe.each([
  ["tail calls of the engine", true],
  ["ordinary calls in their place", false],
])("bpf_tail_call with %s", (_name, tailCalls) => {
  describe.each([true, false])("map known: %s", (known) => {
    it("goes to the slot's program and does not come back", () => {
      const m = machine([], { tailCalls });
      const maps = programArray(m, [0, 5]);
      m.install(5, { insns: assemble("r0 = *(u32 *)(r1 +0)\nexit") });
      m.view.setUint32(DATA, 77, true);
      expect(m.run(withTailCall(`r3 = 1\n${TAIL_CALL}\nr0 = 1\nexit`, maps, known))).toBe(77n);
    });

    it("falls through for an empty slot, an index beyond the array, and takes the index as u32", () => {
      const m = machine([], { tailCalls });
      const maps = programArray(m, [5, 0]);
      m.install(5, { insns: assemble("r0 = 99\nexit") });
      const text = `r3 = *(u64 *)(r1 +0)\n${TAIL_CALL}\nr0 = 1\nexit`;
      for (const [index, result] of [
        [1n, 1n],
        [4n, 1n],
        [0xffffffffn, 1n],
        [0n, 99n],
        [0x100000000n, 99n],
      ] as const) {
        m.view.setBigUint64(DATA, index, true);
        expect(m.run(withTailCall(text, maps, known))).toBe(result);
      }
    });

    it("is made 33 times in a run; empty slots don't count", () => {
      const m = machine([], { tailCalls });
      const maps = programArray(m, [5, 0]);
      const text = `
        r6 = r1
        r7 = *(u32 *)(r6 +0)
        r7 += 1
        *(u32 *)(r6 +0) = r7
        r3 = 1
        r2 = ${MAP_AT} ll
        call bpf_tail_call#12
        r1 = r6
        r3 = 0
        r2 = ${MAP_AT} ll
        call bpf_tail_call#12
        r0 = *(u32 *)(r6 +0)
        exit`;
      const insns = assemble(text);
      const facts = insns.map((x) => (known && x.code === 0x85 ? { callMap: 0 } : undefined));
      m.install(5, { insns, maps, facts });
      m.view.setUint32(DATA, 0, true);
      expect(m.run({ insns, maps, facts })).toBe(34n);
      expect(m.view.getUint32(m.cpu + CPU.tailCalls, true)).toBe(33);
    });
  });

  it("in a subprogram replaces that subprogram alone, and has its frame below the caller's", () => {
    const m = machine([], { tailCalls });
    const maps = programArray(m, [5]);
    // The other program writes all over its frame and calls a subprogram that does so too.
    const other = assemble(`
      *(u64 *)(r10 -8) = 1
      *(u64 *)(r10 -512) = 1
      r1 = r10
      call pc+1
      exit
      *(u64 *)(r10 -8) = 1
      r0 = r1
      exit`);
    m.install(5, { insns: other, subprogs: [subprog(0, 5), subprog(5, other.length, 8)] });
    const insns = assemble(`
      r6 = r1
      *(u64 *)(r10 -8) = 55
      r2 = r10
      *(u64 *)(r1 +8) = r2
      call pc+4
      *(u64 *)(r6 +0) = r0
      r0 = *(u64 *)(r10 -8)
      r0 += 100
      exit
      r9 = 9
      *(u64 *)(r10 -8) = 3
      r3 = 0
      ${TAIL_CALL}
      r0 = 1
      exit`);
    const call = insns.findIndex((x) => x.code === 0x85 && x.imm === 12);
    const facts = insns.map((_, i) => (i === call ? { callMap: 0 } : undefined));
    const subprogs = [subprog(0, 9, 16), subprog(9, insns.length, 8)];
    expect(m.run({ insns, maps, facts, subprogs })).toBe(155n);
    // R10 of the other program is the subprogram's: below the caller's 16 bytes.
    expect(m.view.getBigUint64(DATA, true)).toBe(BigInt(FP - 16));
    expect(m.view.getUint32(m.cpu + CPU.entryFrame, true)).toBe(0);
  });
});

describe("subprograms", () => {
  it("have frames of their own and keep R6 to R9 for their callers", () => {
    const m = machine();
    const insns = assemble(`
      r6 = 1000
      *(u64 *)(r10 -8) = 7
      r1 = 1
      r2 = 2
      r3 = r10
      r3 += -8
      call pc+3
      r0 += r6
      r0 += 0
      exit
      *(u64 *)(r10 -8) = 100
      r6 = r1
      r6 += r2
      r4 = *(u64 *)(r3 +0)
      r6 += r4
      r4 = *(u64 *)(r10 -8)
      r6 += r4
      r0 = r6
      exit`);
    expect(m.run({ insns, subprogs: [subprog(0, 10, 8), subprog(10, insns.length, 8)] })).toBe(1110n);
  });

  it("are called back by bpf_loop, with an index and the context", () => {
    const m = machine();
    const text = (n: string, flags: number): string => `
      r6 = r1
      *(u64 *)(r10 -8) = 0
      r1 = ${n}
      r2 = subprog[body]
      r3 = r10
      r3 += -8
      r4 = ${flags}
      call bpf_loop#181
      r1 = *(u64 *)(r10 -8)
      *(u64 *)(r6 +0) = r1
      exit
      body:
      r3 = *(u64 *)(r2 +0)
      r3 += r1
      *(u64 *)(r2 +0) = r3
      r0 = 0
      if r1 != 9 goto pc+1
      r0 = 1
      exit`;
    const run = (n: string, flags = 0): bigint => {
      const insns = assemble(text(n, flags));
      const body = insns.findIndex((x) => x.code === 0x95) + 1;
      return m.run({ insns, subprogs: [subprog(0, body), subprog(body, insns.length, 0)] });
    };
    expect(run("5")).toBe(5n);
    expect(m.view.getBigUint64(DATA, true)).toBe(10n);
    expect(run("100")).toBe(10n);
    expect(m.view.getBigUint64(DATA, true)).toBe(45n);
    expect(run("0")).toBe(0n);
    expect(BigInt.asIntN(64, run("5", 1))).toBe(-22n);
    expect(BigInt.asIntN(64, run("8388609"))).toBe(-7n);
  });

  it("are called back by bpf_for_each_map_elem, with map, key, value and context", () => {
    const m = machine();
    const map = DATA + 512;
    writeArray(m.view, map, [10n, 20n, 30n]);
    const run = (result: string, flags = 0): bigint => {
      const insns = assemble(`
        r6 = r1
        *(u64 *)(r10 -8) = 0
        r1 = ${map} ll
        r2 = subprog[each]
        r3 = r10
        r3 += -8
        r4 = ${flags}
        call bpf_for_each_map_elem#164
        r1 = *(u64 *)(r10 -8)
        *(u64 *)(r6 +0) = r1
        exit
        each:
        *(u64 *)(r10 -8) = -1
        r5 = *(u64 *)(r4 +0)
        r2 = *(u32 *)(r2 +0)
        r5 += r2
        r3 = *(u64 *)(r3 +0)
        r5 += r3
        *(u64 *)(r4 +0) = r5
        r0 = ${result}
        if r1 == ${map} goto pc+1
        r0 = 1
        exit`);
      const body = insns.findIndex((x) => x.code === 0x95) + 1;
      return m.run({ insns, subprogs: [subprog(0, body, 8), subprog(body, insns.length, 8)] });
    };
    expect(run("0")).toBe(3n);
    expect(m.view.getBigUint64(DATA, true)).toBe(63n);
    expect(run("1")).toBe(1n);
    expect(m.view.getBigUint64(DATA, true)).toBe(10n);
    expect(BigInt.asIntN(64, run("0", 1))).toBe(-22n);
    writeArray(m.view, map, []);
    expect(run("0")).toBe(0n);
  });

  it("may call bpf_for_each_map_elem themselves, each walk with a cursor of its own", () => {
    const m = machine();
    const map = DATA + 512;
    writeArray(m.view, map, [1n, 2n, 3n]);
    const call = (name: string) =>
      `r1 = ${map} ll\nr2 = subprog[${name}]\nr4 = 0\ncall bpf_for_each_map_elem#164`;
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
    const ends = insns.flatMap((x, i) => (x.code === 0x95 ? [i + 1] : []));
    const [a = 0, b = 0, c = 0] = ends;
    expect(m.run({ insns, subprogs: [subprog(0, a, 8), subprog(a, b, 0), subprog(b, c, 0)] })).toBe(18n);
  });
});

describe("helpers", () => {
  const seen: bigint[][] = [];
  const helper: ExecHelper = {
    id: 5,
    name: "ktime_get_ns",
    nargs: 3,
    call: (...args) => {
      seen.push(args);
      return -2n;
    },
  };

  it("get R1 and up, and give R0", () => {
    const m = machine([helper]);
    seen.length = 0;
    const insns = assemble("r1 = -1\nw2 = -1\nr3 = 7\ncall bpf_ktime_get_ns#5\nexit");
    expect(BigInt.asIntN(64, m.run({ insns }))).toBe(-2n);
    expect(seen).toEqual([[-1n, 0xffffffffn, 7n]]);
  });

  it("see what the program wrote to the stack, though slots nobody sees are locals", () => {
    const m = machine([{ ...helper, nargs: 1, call: (at) => BigInt(m.view.getUint32(Number(at), true)) }]);
    const insns = assemble(`
      *(u32 *)(r10 -4) = 5
      *(u64 *)(r10 -16) = 6
      r1 = r10
      r1 += -4
      call bpf_ktime_get_ns#5
      r1 = *(u64 *)(r10 -16)
      r0 += r1
      exit`);
    m.view.setBigUint64(FP - 16, 0n, true);
    expect(m.run({ insns })).toBe(11n);
    // The second one never reached memory.
    expect(m.view.getBigUint64(FP - 16, true)).toBe(0n);
  });

  it("that are missing are refused by number", () => {
    expect(() => machine().load({ insns: assemble("call bpf_ktime_get_ns#5\nexit") })).toThrow(
      new JitError("test", "helper #5 is not available to this program", 0),
    );
  });

  it("get_smp_processor_id is a load", () => {
    const m = machine();
    m.view.setUint32(m.cpu + CPU.id, 3, true);
    expect(m.run({ insns: assemble("call bpf_get_smp_processor_id#8\nexit") })).toBe(3n);
  });
});

describe("other instructions", () => {
  it("LD_ABS and LD_IND read big endian, and end the function with 0 past the packet", () => {
    const m = machine();
    m.view.setUint32(DATA + 4, 0x11223344, false);
    expect(m.run({ insns: assemble("r6 = r1\nr0 = *(u32 *)skb[4]\nexit") })).toBe(0x11223344n);
    expect(m.run({ insns: assemble("r6 = r1\nr2 = 5\nr0 = *(u16 *)skb[r2 + -1]\nexit") })).toBe(0x1122n);
    expect(m.run({ insns: assemble("r6 = r1\nr0 = *(u32 *)skb[62]\nr0 = 5\nexit") })).toBe(0n);
  });

  it("may_goto leaves a loop that does not end by itself", () => {
    const insns = assemble("r0 = 0\nr0 += 1\nmay_goto pc+1\ngoto pc-3\nexit");
    expect(machine().run({ insns })).toBe(8388609n);
  });

  it("refuses what it does not know, by name", () => {
    const load = (insn: Parameters<TestMachine["load"]>[0]["insns"][number]) => () =>
      machine().load({ insns: [insn, ...assemble("exit")] });
    expect(load({ code: 0x8d, dst: 0, src: 0, off: 0, imm: 0 })).toThrow(JitError);
    expect(load({ code: 0x85, dst: 0, src: 2, off: 0, imm: 9 })).toThrow(/kernel function #9/);
    expect(load({ code: 0xbf, dst: 0, src: 1, off: 1, imm: 1 })).toThrow(/address space cast/);
    expect(load({ code: 0x05, dst: 0, src: 0, off: 9, imm: 0 })).toThrow(/leaves the function/);
  });

  it("compiles without blocking as well, to the same", async () => {
    const { createJit } = await import("./jit.ts");
    const { link } = await import("../../../test/support/jit_machine.ts");
    const m = machine();
    const program = link({ insns: assemble("r0 = 5\nexit") });
    const { entry, engine, codeSize } = await createJit(m.env).loadAsync(program);
    expect([entry(0n, m.cpu), engine]).toEqual([5n, "jit"]);
    expect(codeSize).toBe(createJit(m.env).compile(program).length);
  });
});
