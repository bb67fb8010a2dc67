// Strings: numbers read from them, and their comparison.

import { EINVAL, ERANGE } from "./errno.as";

const BASE_MASK: u64 = 0x1f;

@inline
function isSpace(c: u32): bool {
  return c == 32 || (c >= 9 && c <= 13) || c == 0xa0;
}

/** The value of a digit, or 255. */
@inline
function digit(c: u32): u32 {
  if (c >= 48 && c <= 57) return c - 48;
  const low = c | 32;
  if (low >= 97 && low <= 102) return low - 87;
  return 255;
}

// What `parse` found; one instance runs one program at a time.
let value: u64 = 0;
let negative: bool = false;

/** Reads a number as strtoull does: bytes consumed, or a negative errno. */
function parse(buf: usize, len: u32, flags: u64): i64 {
  if (!len) return EINVAL;
  let base = <u32>(flags & BASE_MASK);
  if (base != 0 && base != 8 && base != 10 && base != 16) return EINVAL;
  if (flags & ~BASE_MASK) return EINVAL;
  let i: u32 = 0;
  while (i < len && isSpace(<u32>load<u8>(buf + <usize>i))) i++;
  negative = i < len && load<u8>(buf + <usize>i) == 45;
  if (negative) i++;
  if (i >= len) return EINVAL;
  // No more than 63 characters are looked at.
  const end = min<u32>(len, i + 63);
  if (load<u8>(buf + <usize>i) == 48) {
    const x = i + 1 < end ? <u32>load<u8>(buf + <usize>(i + 1)) | 32 : 0;
    const hex = x == 120 && i + 2 < end && digit(<u32>load<u8>(buf + <usize>(i + 2))) < 16;
    if (base == 0) base = hex ? 16 : 8;
    if (base == 16 && x == 120) i += 2;
  } else if (base == 0) base = 10;
  const start = i;
  let n: u64 = 0;
  let overflow = false;
  while (i < end) {
    const d = digit(<u32>load<u8>(buf + <usize>i));
    if (d >= base) break;
    if (n > (u64.MAX_VALUE - <u64>d) / <u64>base) overflow = true;
    n = n * <u64>base + <u64>d;
    i++;
  }
  if (i == start) return EINVAL;
  if (overflow) return ERANGE;
  value = n;
  return <i64>i;
}

export function bpf_strtol(buf: i64, len: i64, flags: i64, res: i64): i64 {
  store<u64>(<usize>(<u32>res), 0);
  const n = parse(<usize>(<u32>buf), <u32>len, <u64>flags);
  if (n < 0) return n;
  if (negative) {
    if (value > 0x8000000000000000) return ERANGE;
    store<u64>(<usize>(<u32>res), ~value + 1);
  } else {
    if (value > 0x7fffffffffffffff) return ERANGE;
    store<u64>(<usize>(<u32>res), value);
  }
  return n;
}

export function bpf_strtoul(buf: i64, len: i64, flags: i64, res: i64): i64 {
  store<u64>(<usize>(<u32>res), 0);
  const n = parse(<usize>(<u32>buf), <u32>len, <u64>flags);
  if (n < 0) return n;
  if (negative) return EINVAL;
  store<u64>(<usize>(<u32>res), value);
  return n;
}

export function bpf_strncmp(s1: i64, len: i64, s2: i64): i64 {
  const a = <usize>(<u32>s1);
  const b = <usize>(<u32>s2);
  const n = <usize>(<u32>len);
  for (let i: usize = 0; i < n; i++) {
    const x = load<u8>(a + i);
    const y = load<u8>(b + i);
    if (x != y) return x < y ? -1 : 1;
    if (!x) break;
  }
  return 0;
}
