/** A number from 0 to `below` - 1. */
export type Pick = (below: number) => number;

/** A small generator of random numbers (mulberry32): the same seed gives the same numbers. */
export function random(seed: number): Pick {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** One of these. */
export function oneOf<T>(pick: Pick, items: readonly T[]): T {
  return items[pick(items.length)] as T;
}

/** Random bytes as hex. */
export function randomHex(pick: Pick, bytes: number): string {
  return Array.from({ length: bytes }, () => pick(256).toString(16).padStart(2, "0")).join("");
}
