import type { RegisterFacts } from "../../src/kernel/verifier/contract.ts";
import { TYPE, TYPE_FLAG, TYPE_MASK } from "../../src/kernel/verifier/state/layout.ts";

/** What the verifier believed before an instruction on one path, of the registers that are read later. */
export type Belief = ReadonlyMap<number, RegisterFacts>;

const signed = (value: bigint) => BigInt.asIntN(64, value);

/** Says why a register's value is none that the facts allow, or undefined if it is. `r10` is the running frame's. */
export function contradiction(
  facts: RegisterFacts,
  value: bigint,
  frame: number,
  r10: bigint,
): string | undefined {
  const type = facts.type & TYPE_MASK;
  if (facts.type === TYPE.SCALAR_VALUE) return numberContradiction(facts, value);
  if (type === TYPE.NOT_INIT) return undefined;
  if ((facts.type & TYPE_FLAG.PTR_MAYBE_NULL) !== 0 && value === 0n) return undefined;
  // All of the kernel's memory is below 4 GiB, and nothing lies in the first KiB. The packet's end may lie anywhere
  // beyond, and a packet pointer that is not compared yet too.
  if (value < 1024n) return "a null pointer";
  if (type === TYPE.PTR_TO_STACK && facts.frame === frame) {
    const offset = value - r10 - BigInt(facts.off);
    const wrong = numberContradiction(facts, BigInt.asUintN(64, offset));
    return wrong === undefined ? undefined : `stack offset: ${wrong}`;
  }
  return undefined;
}

function numberContradiction(facts: RegisterFacts, value: bigint): string | undefined {
  const low = Number(BigInt.asUintN(32, value));
  if ((value & ~facts.mask) !== facts.value) return "known bits";
  if (value < facts.umin || value > facts.umax) return "umin, umax";
  if (signed(value) < facts.smin || signed(value) > facts.smax) return "smin, smax";
  if (low < facts.u32min || low > facts.u32max) return "u32min, u32max";
  if ((low | 0) < facts.s32min || (low | 0) > facts.s32max) return "s32min, s32max";
  return undefined;
}

/**
 * Says what is wrong with all of the beliefs, or undefined if one of them allows these registers. That one comes to the
 * front: loops ask for it again.
 */
export function disbelief(beliefs: Belief[], regs: BigUint64Array, frame: number): string | undefined {
  const r10 = regs[10] ?? 0n;
  const reasons: string[] = [];
  for (let i = 0; i < beliefs.length; i++) {
    const belief = beliefs[i] as Belief;
    const doubt = firstDoubt(belief, regs, frame, r10);
    if (doubt === undefined) {
      if (i > 0) [beliefs[0], beliefs[i]] = [belief, beliefs[0] as Belief];
      return undefined;
    }
    const [n, facts, why] = doubt;
    if (i < 8) reasons.push(`r${n} = ${regs[n]}: ${why} of ${describe(facts)}`);
  }
  return reasons.length === 0 ? "no path came here" : reasons.join("; ");
}

function firstDoubt(
  belief: Belief,
  regs: BigUint64Array,
  frame: number,
  r10: bigint,
): [number, RegisterFacts, string] | undefined {
  for (const [n, facts] of belief) {
    const why = contradiction(facts, regs[n] ?? 0n, frame, r10);
    if (why !== undefined) return [n, facts, why];
  }
  return undefined;
}

function describe({ type, off, frame: _, value, mask, ...ranges }: RegisterFacts): string {
  const text = Object.entries(ranges).map(([name, limit]) => `${name}=${limit}`);
  return `type ${type} off ${off} (${value.toString(16)}; ${mask.toString(16)}) ${text.join(" ")}`;
}
