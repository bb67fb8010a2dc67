/** Random numbers for tests: the same seed gives the same numbers. */
export interface Random {
  /** A number from 0 up to and without `below`. */
  int(below: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(from: readonly [T, ...T[]]): T;
  bytes(size: number): Uint8Array;
}

/** A generator (xorshift32) from a seed. */
export function createRandom(seed: number): Random {
  let x = seed >>> 0 || 1;
  const next = () => {
    x = (x ^ (x << 13)) >>> 0;
    x ^= x >>> 17;
    x = (x ^ (x << 5)) >>> 0;
    return x / 0x1_0000_0000;
  };
  const int = (below: number) => Math.floor(next() * below);
  return {
    int,
    chance: (probability) => next() < probability,
    pick: (from) => from[int(from.length)] ?? from[0],
    bytes: (size) => Uint8Array.from({ length: size }, () => int(256)),
  };
}

/** The seed of this run: ANYBPF_SEED, or the time; printed, so that the run can be repeated. */
export function testSeed(what: string): number {
  const seed = Number(process.env.ANYBPF_SEED ?? Date.now() % 1_000_000_000);
  console.log(`${what}: ANYBPF_SEED=${seed}`);
  return seed;
}
