import type { Insn } from "../../src/isa/insn.ts";
import type { Random } from "./random.ts";
/** Changes a program in one to three places, so that it is mostly wrong in ways that nobody would write. */
export declare function mutate(insns: readonly Insn[], random: Random): Insn[];
