import type { TestJson } from "../../src/tools/check/test_format.ts";
import { type ProgType } from "./writer.ts";
/** How programs are generated. */
export interface GenerateOptions {
    /** Of a hundred programs, how many are mutated after they were written. */
    readonly mutated?: number;
    /** Of a hundred statements, how many are wrong on purpose. */
    readonly wrong?: number;
    /** Only this type. */
    readonly type?: ProgType;
}
/** A test, and the program as text to look at when a kernel disagrees. */
export interface Generated {
    readonly test: TestJson & {
        readonly name: string;
        readonly insns: string;
        readonly maps: NonNullable<TestJson["maps"]>;
    };
    readonly text: string;
    readonly mutated: boolean;
}
/**
 * Makes a random program with its maps and packets, as a TEST of `../shared/oracle/kbpf.py`. Most of them are valid;
 * those run, and give the same on every kernel. Those that are wrong have no runs: what they read may be anything.
 */
export declare function generateTest(seed: number, options?: GenerateOptions): Generated;
