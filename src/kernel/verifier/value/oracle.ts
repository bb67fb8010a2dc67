/**
 * The domain of value/*.as.ts once more, in plain BigInts, for tests: slow, and written to be read. A number is known
 * by its bits and by four ranges.
 */
export interface Scalar {
  value: bigint;
  mask: bigint;
  umin: bigint;
  umax: bigint;
  smin: bigint;
  smax: bigint;
  u32min: bigint;
  u32max: bigint;
  s32min: bigint;
  s32max: bigint;
}

const U64 = (1n << 64n) - 1n;
const U32 = (1n << 32n) - 1n;
const S64_MIN = -(1n << 63n);
const S64_MAX = (1n << 63n) - 1n;
const S32_MIN = -(1n << 31n);
const S32_MAX = (1n << 31n) - 1n;
const u64 = (v: bigint): bigint => BigInt.asUintN(64, v);
const s64 = (v: bigint): bigint => BigInt.asIntN(64, v);
const u32 = (v: bigint): bigint => BigInt.asUintN(32, v);
const s32 = (v: bigint): bigint => BigInt.asIntN(32, v);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** A number of which nothing is known. */
export function unknownScalar(): Scalar {
  return {
    value: 0n,
    mask: U64,
    umin: 0n,
    umax: U64,
    smin: S64_MIN,
    smax: S64_MAX,
    u32min: 0n,
    u32max: U32,
    s32min: S32_MIN,
    s32max: S32_MAX,
  };
}

/** True if a 64-bit number (unsigned) is one of those that the record stands for. */
export function contains(a: Scalar, n: bigint): boolean {
  const low = u32(n);
  return (
    (n & ~a.mask & U64) === a.value &&
    n >= a.umin &&
    n <= a.umax &&
    s64(n) >= a.smin &&
    s64(n) <= a.smax &&
    low >= a.u32min &&
    low <= a.u32max &&
    s32(low) >= a.s32min &&
    s32(low) <= a.s32max
  );
}

type Bits = readonly [value: bigint, mask: bigint];

function range(low: bigint, high: bigint): Bits {
  let mask = 0n;
  while ((low & ~mask) !== (high & ~mask)) mask = (mask << 1n) | 1n;
  return [low & ~mask & U64, mask & U64];
}

function intersect([v, m]: Bits, [w, n]: Bits): Bits {
  const mask = m & n;
  return [(v | w) & ~mask & U64, mask];
}

/** Every number that fits both, the first two above `from` in order. */
function membersFrom([value, mask]: Bits, from: bigint): bigint[] {
  // The unknown bits of a member, packed together, count up as the members do.
  const places: bigint[] = [];
  for (let b = 0n; b < 64n; b++) if (((mask >> b) & 1n) === 1n) places.push(b);
  const unpack = (n: bigint): bigint =>
    places.reduce((sum, place, i) => sum | (((n >> BigInt(i)) & 1n) << place), value);
  const count = 1n << BigInt(places.length);
  let low = 0n;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1n;
    if (unpack(middle) >= from) high = middle;
    else low = middle + 1n;
  }
  return [low, low + 1n].filter((n) => n < count).map(unpack);
}

function boundsFromBits(a: Scalar): void {
  const low: Bits = [u32(a.value), u32(a.mask)];
  const sign32 = 1n << 31n;
  const sign = 1n << 63n;
  a.s32min = max(a.s32min, s32(low[0] | (low[1] & sign32)));
  a.s32max = min(a.s32max, s32(low[0] | (low[1] & ~sign32)));
  a.u32min = max(a.u32min, low[0]);
  a.u32max = min(a.u32max, low[0] | low[1]);
  a.smin = max(a.smin, s64(a.value | (a.mask & sign)));
  a.smax = min(a.smax, s64(a.value | (a.mask & ~sign)));
  a.umin = max(a.umin, a.value);
  a.umax = min(a.umax, a.value | a.mask);
  const members = membersFrom([a.value, a.mask], a.umin);
  const [only, next] = members;
  if (only === undefined) return;
  const fits = (a.umin & ~a.mask & U64) === a.value;
  // That nothing fits above umin, which fits itself, is left unsaid, as in Linux.
  const single = next === undefined ? !fits : next > a.umax && only <= a.umax;
  if (single) setConstant(a, only);
}

function setConstant(a: Scalar, n: bigint): void {
  const signed = s64(n);
  Object.assign(a, { value: n, mask: 0n, umin: n, umax: n, smin: signed, smax: signed });
  Object.assign(a, { u32min: u32(n), u32max: u32(n), s32min: s32(n), s32max: s32(n) });
}

function narrowU32(a: Scalar, low: bigint, high: bigint): void {
  a.u32min = max(a.u32min, low);
  a.u32max = min(a.u32max, high);
}

function narrowS32(a: Scalar, low: bigint, high: bigint): void {
  a.s32min = max(a.s32min, low);
  a.s32max = min(a.s32max, high);
}

function deduce32(a: Scalar): void {
  if (a.umin >> 32n === a.umax >> 32n) {
    narrowU32(a, u32(a.umin), u32(a.umax));
    if (s32(a.umin) <= s32(a.umax)) narrowS32(a, s32(a.umin), s32(a.umax));
  }
  if (a.smin >> 32n === a.smax >> 32n) {
    if (u32(a.smin) <= u32(a.smax)) narrowU32(a, u32(a.smin), u32(a.smax));
    if (s32(a.smin) <= s32(a.smax)) narrowS32(a, s32(a.smin), s32(a.smax));
  }
  for (const [low, high] of [[a.umin, a.umax] as const, [u64(a.smin), u64(a.smax)] as const]) {
    const neighbours = u32((low >> 32n) + 1n) === high >> 32n;
    if (neighbours && s32(low) < 0n && s32(high) >= 0n) narrowS32(a, s32(low), s32(high));
  }
  if (s32(a.u32min) <= s32(a.u32max)) narrowS32(a, s32(a.u32min), s32(a.u32max));
  if (u32(a.s32min) <= u32(a.s32max)) {
    narrowU32(a, u32(a.s32min), u32(a.s32max));
  } else if (a.u32max < u32(a.s32min)) {
    a.s32min = s32(a.u32min);
    a.u32max = min(a.u32max, u32(a.s32max));
  } else if (u32(a.s32max) < a.u32min) {
    a.s32max = s32(a.u32max);
    a.u32min = max(a.u32min, u32(a.s32min));
  }
}

function deduce64(a: Scalar): void {
  if (s64(a.umin) <= s64(a.umax)) {
    a.smin = max(a.smin, s64(a.umin));
    a.smax = min(a.smax, s64(a.umax));
  }
  if (u64(a.smin) <= u64(a.smax)) {
    a.umin = max(a.umin, u64(a.smin));
    a.umax = min(a.umax, u64(a.smax));
  } else if (a.umax < u64(a.smin)) {
    a.smin = s64(a.umin);
    a.umax = min(a.umax, u64(a.smax));
  } else if (u64(a.smax) < a.umin) {
    a.smax = s64(a.umax);
    a.umin = max(a.umin, u64(a.smin));
  }
}

function deduceMixed(a: Scalar): void {
  const splice = (wide: bigint, low: bigint): bigint => (u64(wide) & ~U32 & U64) | low;
  a.umin = max(a.umin, splice(a.umin, a.u32min));
  a.umax = min(a.umax, splice(a.umax, a.u32max));
  a.smin = max(a.smin, s64(splice(a.smin, a.u32min)));
  a.smax = min(a.smax, s64(splice(a.smax, a.u32max)));
  if (a.s32min >= 0n && a.smin >= S32_MIN && a.smax <= S32_MAX) {
    Object.assign(a, { smin: a.s32min, smax: a.s32max, umin: u64(a.s32min), umax: u64(a.s32max) });
    [a.value, a.mask] = intersect([a.value, a.mask], range(a.umin, a.umax));
  }
}

/** Makes bits and ranges agree, in the order that Linux does it. */
export function sync(a: Scalar): void {
  boundsFromBits(a);
  for (let i = 0; i < 3; i++) {
    deduce32(a);
    deduce64(a);
    deduceMixed(a);
  }
  const wide = intersect([a.value, a.mask], range(a.umin, a.umax));
  const low = intersect([u32(wide[0]), u32(wide[1])], range(a.u32min, a.u32max));
  a.value = (wide[0] & ~U32 & U64) | low[0];
  a.mask = (wide[1] & ~U32 & U64) | low[1];
  boundsFromBits(a);
}

/** The sum of two numbers, synced. */
export function add(a: Scalar, b: Scalar): Scalar {
  return combine(
    a,
    b,
    (x, y) => x + y,
    (o) => [
      [o.umin, o.umax],
      [o.smin, o.smax],
      [o.u32min, o.u32max],
      [o.s32min, o.s32max],
    ],
  );
}

/** The difference of two numbers, synced. */
export function sub(a: Scalar, b: Scalar): Scalar {
  return combine(
    a,
    b,
    (x, y) => x - y,
    (o) => [
      [o.umax, o.umin],
      [o.smax, o.smin],
      [o.u32max, o.u32min],
      [o.s32max, o.s32min],
    ],
  );
}

function combine(
  a: Scalar,
  b: Scalar,
  op: (x: bigint, y: bigint) => bigint,
  ends: (o: Scalar) => readonly (readonly [bigint, bigint])[],
): Scalar {
  const own = [
    [a.umin, a.umax],
    [a.smin, a.smax],
    [a.u32min, a.u32max],
    [a.s32min, a.s32max],
  ] as const;
  const limits = [
    [0n, U64],
    [S64_MIN, S64_MAX],
    [0n, U32],
    [S32_MIN, S32_MAX],
  ] as const;
  const wraps = [u64, s64, u32, s32];
  const ranges = own.map(([low, high], i) => {
    const [otherLow, otherHigh] = ends(b)[i] as readonly [bigint, bigint];
    const [least, most] = limits[i] as readonly [bigint, bigint];
    const wrap = wraps[i] as (v: bigint) => bigint;
    const x = op(low, otherLow);
    const y = op(high, otherHigh);
    const fits = (v: bigint): boolean => v >= least && v <= most;
    const both = fits(x) && fits(y);
    // Unsigned ends that both wrap keep their order.
    const bothWrap = i % 2 === 0 && !fits(x) && !fits(y);
    return both || bothWrap ? [wrap(x), wrap(y)] : [least, most];
  }) as [bigint, bigint][];
  const [[umin, umax], [smin, smax], [u32min, u32max], [s32min, s32max]] = ranges as [
    [bigint, bigint],
    [bigint, bigint],
    [bigint, bigint],
    [bigint, bigint],
  ];
  // A bit is known if no choice of unknown bits reaches it: compare the extremes.
  const base = op(a.value, b.value);
  const sum = op(0n, 1n) > 0n;
  const top = sum ? u64(base + a.mask + b.mask) : u64(base + a.mask);
  const bottom = sum ? u64(base) : u64(base - b.mask);
  const mask = (sum ? u64(base) ^ top : top ^ bottom) | a.mask | b.mask;
  const out: Scalar = {
    value: u64(base) & ~mask & U64,
    mask,
    umin,
    umax,
    smin,
    smax,
    u32min,
    u32max,
    s32min,
    s32max,
  };
  sync(out);
  return out;
}
