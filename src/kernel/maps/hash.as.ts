// The hash of keys: two multiplications for each 8 bytes, seeded for each map. Described in layout.ts for the JIT.

import { tailWord } from "./bytes.as";

const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;

@inline
export function mix(x: u64): u64 {
  x *= MULTIPLIER;
  x ^= x >> 32;
  return x * MULTIPLIER;
}

/** The hash of a key of 4 or 8 bytes that stands in a register. */
@inline
export function hashWord(seed: u64, key: u64): u64 {
  return mix(seed ^ key);
}

/** The hash of a key of any size. */
export function hashBytes(seed: u64, key: usize, size: u32): u64 {
  if (size == 8) return mix(seed ^ load<u64>(key));
  if (size == 4) return mix(seed ^ <u64>load<u32>(key));
  let h = seed;
  while (size >= 8) {
    h = mix(h ^ load<u64>(key));
    key += 8;
    size -= 8;
  }
  return size ? mix(h ^ tailWord(key, size)) : h;
}
