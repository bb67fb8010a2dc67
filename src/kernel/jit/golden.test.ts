import { describe, expect, it } from "vitest";
import wabt from "wabt";
import { link, machine, subprog, type TestProgram } from "../../../test/support/jit_machine.ts";
import { assemble } from "../../isa/asm.ts";
import { MAP } from "../maps/layout.ts";
import { createJit } from "./jit.ts";

/** A map's header lies here; its elements at ELEMENTS. */
const MAP_AT = 0xc400;
const ELEMENTS = 0xc800;

const subprogram = (): TestProgram => {
  const insns = assemble(`
    *(u64 *)(r10 -8) = 7
    r1 = r10
    r1 += -8
    call pc+1
    exit
    r0 = *(u64 *)(r1 +0)
    r0 s/= 3
    exit`);
  return { insns, subprogs: [subprog(0, 5, 8), subprog(5, insns.length, 0)] };
};

/** Programs whose compiled text is kept in `golden/`: what changes there is seen in review. */
const PROGRAMS: Readonly<Record<string, () => TestProgram>> = {
  /** Packet pointers and what is loaded stay i32; the comparison with data_end is in 64 bits. */
  header: () => ({
    insns: assemble(`
      r2 = *(u32 *)(r1 +4)
      r1 = *(u32 *)(r1 +0)
      r3 = r1
      r3 += 14
      if r3 > r2 goto drop
      r4 = *(u16 *)(r1 +12)
      if r4 != 8 goto drop
      r0 = 2
      exit
      drop:
      r0 = 1
      exit`),
  }),
  /** A loop whose exit stands behind it; the stack slot is a local. */
  loop: () => ({
    insns: assemble(`
      r0 = 0
      *(u32 *)(r10 -4) = 10
      again:
      r1 = *(u32 *)(r10 -4)
      w0 += w1
      w1 += -1
      *(u32 *)(r10 -4) = r1
      if w1 != 0 goto again
      exit`),
  }),
  /** A cycle with two entries goes through a dispatch. */
  irreducible: () => ({
    insns: assemble(`
      r0 = *(u64 *)(r1 +0)
      if r0 > 5 goto b
      a:
      r0 += 1
      b:
      r0 += 2
      if r0 < 100 goto a
      exit`),
  }),
  /** An array's element is an address computed here; a tail call is a jump. */
  map: () => {
    const insns = assemble(`
      r6 = r1
      *(u32 *)(r10 -4) = 1
      r2 = r10
      r2 += -4
      r1 = ${MAP_AT} ll
      call bpf_map_lookup_elem#1
      if r0 == 0 goto out
      r3 = *(u32 *)(r0 +0)
      r1 = r6
      r2 = ${MAP_AT} ll
      call bpf_tail_call#12
      out:
      r0 = 0
      exit`);
    return {
      insns,
      facts: insns.map((x) => (x.code === 0x85 ? { callMap: 0 } : undefined)),
      maps: [{ type: 2, address: MAP_AT, keySize: 4, valueSize: 8, maxEntries: 16 }],
    };
  },
  /** A subprogram takes what it reads, and its frame begins below its caller's. */
  subprogram,
  /** The same in place of its call. */
  inlined: subprogram,
};

describe("compiled code", () => {
  it.each(Object.keys(PROGRAMS))("%s", async (name) => {
    const m = machine([{ id: 1, name: "map_lookup_elem", nargs: 2, call: () => 0n }]);
    m.view.setUint32(MAP_AT + MAP.type, 2, true);
    m.view.setUint32(MAP_AT + MAP.maxEntries, 16, true);
    m.view.setUint32(MAP_AT + MAP.data, ELEMENTS, true);
    m.view.setUint32(MAP_AT + MAP.elemSize, 8, true);
    const program = PROGRAMS[name]?.() ?? { insns: [] };
    const bytes = createJit(m.env, { tailCalls: true, inline: name === "inlined" }).compile(
      link({ ...program, name }),
    );
    const module = (await wabt()).readWasm(bytes, { readDebugNames: true, tail_call: true });
    const text = module.toText({ foldExprs: true });
    module.destroy();
    await expect(text).toMatchFileSnapshot(`golden/${name}.wat`);
  });
});
