import { describe, expect, it } from "vitest";
import { assemble } from "../../../isa/asm.ts";
import type { InsnFacts } from "../../prog/program.ts";
import { buildCfg } from "../cfg/graph.ts";
import { makeReducible } from "../cfg/reducible.ts";
import { computeLiveness } from "./liveness.ts";
import { findStackSlots } from "./stack_slots.ts";

const calls = { helperArgs: (id: number) => (id === 1 ? 2 : 5), calleeParams: () => 2 };

/** The instructions whose stack access is a local. */
function slotsOf(text: string, fact?: InsnFacts): number[] {
  const insns = assemble(`${text}\nr0 = 0\nexit`);
  const cfg = buildCfg("test", insns, 0, insns.length);
  const order = makeReducible(cfg);
  const live = computeLiveness(cfg, order, insns, calls);
  const facts = insns.map((x) => (x.code === 0x85 ? fact : undefined));
  const maps = [{ type: 1, address: 8, keySize: 4, valueSize: 8, maxEntries: 1 }];
  let local = 0;
  const slots = findStackSlots({ cfg, order, live, insns, facts, maps, calls, local: () => local++ });
  return [...slots.keys()].sort((a, b) => a - b);
}

const STORE = "*(u64 *)(r10 -16) = 1";

describe("stack slots become locals", () => {
  it("where only loads and stores of one size reach them, also through copies of R10", () => {
    expect(slotsOf(`${STORE}\nr1 = *(u64 *)(r10 -16)`)).toEqual([0, 1]);
    expect(slotsOf(`${STORE}\nr2 = r10\nr2 += -24\nr1 = *(u64 *)(r2 +8)`)).toEqual([0, 3]);
  });

  it("but not where accesses overlap in part", () => {
    expect(slotsOf(`${STORE}\nr1 = *(u32 *)(r10 -16)`)).toEqual([]);
    expect(slotsOf(`${STORE}\nr1 = *(u64 *)(r10 -20)`)).toEqual([]);
    // A chain: the last one shares no byte with the first.
    expect(slotsOf(`${STORE}\nr1 = *(u64 *)(r10 -20)\nr1 = *(u64 *)(r10 -24)`)).toEqual([]);
    expect(slotsOf(`${STORE}\nr1 = *(u64 *)(r10 -24)`)).toEqual([0, 1]);
  });

  it("but not those that a helper may reach, upwards from what it is given", () => {
    const given = (at: number): string =>
      `${STORE}\n*(u64 *)(r10 -8) = 1\n*(u64 *)(r10 -24) = 1\nr1 = 0\nr2 = r10\nr2 += ${at}\ncall bpf_map_lookup_elem#1`;
    expect(slotsOf(given(-16))).toEqual([2]);
    // A known map says how long its key is: 4 bytes here.
    expect(slotsOf(given(-16), { callMap: 0 })).toEqual([1, 2]);
    expect(slotsOf(given(-24))).toEqual([]);
  });

  it("but none where an address of the stack goes astray", () => {
    expect(slotsOf(`${STORE}\nr2 = r10\n*(u64 *)(r10 -8) = r2`)).toEqual([]);
    expect(slotsOf(`${STORE}\nr2 = r10\nr2 += r1`)).toEqual([]);
    expect(slotsOf(`${STORE}\nr2 = r10\nr2 &= -8`)).toEqual([]);
    expect(slotsOf(`${STORE}\nr2 = r10\nif r2 == 0 goto pc+0`)).toEqual([]);
    // One way R2 is R10, the other way it is not.
    expect(slotsOf(`${STORE}\nr2 = r1\nif r1 == 0 goto pc+1\nr2 = r10\nr3 = *(u64 *)(r2 -16)`)).toEqual([]);
  });

  it("and atomics stay in memory", () => {
    expect(slotsOf(`${STORE}\nr1 = 1\nlock *(u64 *)(r10 -16) += r1\n*(u64 *)(r10 -8) = r1`)).toEqual([3]);
  });
});
