/** A pseudo-random generator with a seed: the same seed gives the same numbers (mulberry32). */
export interface Random {
    readonly seed: number;
    /** 0 to n - 1. */
    below(n: number): number;
    /** From low to high, both included. */
    between(low: number, high: number): number;
    /** True this many times in a hundred. */
    chance(percent: number): boolean;
    pick<T>(from: readonly T[]): T;
    /** Picks by weight. */
    weighted<T>(from: readonly (readonly [weight: number, what: T])[]): T;
    /** Any 32 bits, signed; often small or at an edge. */
    imm(): number;
}
/** Makes a generator. */
export declare function createRandom(seed: number): Random;
