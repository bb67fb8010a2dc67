/** Random numbers from a seed that the test prints: `below(n)` gives 0 to n - 1. */
export interface Chance {
  readonly seed: number;
  below(limit: number): number;
}

/** A generator (mulberry32) with the seed of ANYBPF_SEED or a new one, which it prints. */
export function chance(what: string): Chance {
  const seed = Number(process.env.ANYBPF_SEED ?? Date.now() % 1_000_000_007);
  console.log(`${what}: seed ${seed} (ANYBPF_SEED=${seed} repeats it)`);
  let state = seed >>> 0;
  return {
    seed,
    below(limit) {
      state = (state + 0x6d2b79f5) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 15), z | 1);
      z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
      return ((z ^ (z >>> 14)) >>> 0) % limit;
    },
  };
}

/** Numbers that decoders stumble over. */
const WORDS = [
  0, 1, 2, 3, 4, 7, 8, 12, 16, 24, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0xffff, 0x10000, 0x7fffffff,
];

/** A copy of `bytes` with a few bytes or words changed, or cut off, or with a piece doubled or taken out. */
export function mutate(bytes: Uint8Array, { below }: Chance): Uint8Array {
  let out = new Uint8Array(bytes);
  if (out.length === 0) return out;
  for (let i = below(3); i >= 0; i--) {
    const at = below(out.length);
    const kind = below(20);
    if (kind < 7) out[at] = below(256);
    else if (kind < 10) out[at] = (out[at] ?? 0) ^ (1 << below(8));
    else if (kind < 17) {
      const word = at & ~3;
      if (word + 4 > out.length) continue;
      const view = new DataView(out.buffer);
      const value = WORDS[below(WORDS.length)] ?? 0;
      const old = view.getUint32(word, true);
      view.setUint32(
        word,
        [value, -value, old + value, old - value, old ^ (value << below(32))][below(5)] ?? 0,
        true,
      );
    } else if (kind === 17) out = out.slice(0, at);
    else {
      const to = at + below(Math.min(64, out.length - at));
      const parts = kind === 18 ? [out.slice(0, to), out.slice(at)] : [out.slice(0, at), out.slice(to)];
      const [a = out, b = out] = parts;
      out = new Uint8Array(a.length + b.length);
      out.set(a);
      out.set(b, a.length);
    }
    if (out.length === 0) break;
  }
  return out;
}
