// Copying and comparing short byte strings: for these sizes a loop of words is faster than memory.copy's call.

/** The last `n` (0 to 7) bytes of a string as a number, reading no byte beyond them. */
@inline
export function tailWord(p: usize, n: u32): u64 {
  let w: u64 = 0;
  let at: u32 = 0;
  if (n & 4) {
    w = <u64>load<u32>(p);
    at = 4;
  }
  if (n & 2) {
    w |= <u64>load<u16>(p + at) << <u64>(at << 3);
    at += 2;
  }
  if (n & 1) w |= <u64>load<u8>(p + at) << <u64>(at << 3);
  return w;
}

/** Copies `n` bytes, exactly; the two must not overlap. The sizes that most keys and values have are copied in line. */
@inline
export function copyBytes(to: usize, from: usize, n: u32): void {
  if (n == 8) store<u64>(to, load<u64>(from));
  else if (n == 4) store<u32>(to, load<u32>(from));
  else copyAny(to, from, n);
}

function copyAny(to: usize, from: usize, n: u32): void {
  if (n > 128) {
    memory.copy(to, from, n);
    return;
  }
  while (n >= 8) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
    n -= 8;
  }
  if (n & 4) {
    store<u32>(to, load<u32>(from));
    to += 4;
    from += 4;
  }
  if (n & 2) {
    store<u16>(to, load<u16>(from));
    to += 2;
    from += 2;
  }
  if (n & 1) store<u8>(to, load<u8>(from));
}

/** True if `n` bytes are the same at both places. */
export function equalBytes(a: usize, b: usize, n: u32): bool {
  while (n >= 8) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
    n -= 8;
  }
  return n == 0 || tailWord(a, n) == tailWord(b, n);
}
