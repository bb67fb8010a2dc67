// The Internet checksum: sums in ones' complement arithmetic (RFC 1071), and the helpers on them. Sums are over the
// bytes as they lie, read as little-endian numbers; the result is right in either byte order. Where a sum is
// congruent to zero, which of its two forms (0, all ones) comes out is visible to programs, and kept as in Linux.

import { CHECKSUM_COMPLETE, CHECKSUM_NONE, CHECKSUM_UNNECESSARY, Skb, skbOf, skbRange } from "../net/skb.as";
import { EACCES, EFAULT, EINVAL, ENOTSUPP } from "./errno.as";

const HDR_FIELD_MASK: u64 = 0xf;
const PSEUDO_HDR: u64 = 0x10;
const MARK_MANGLED_0: u64 = 0x20;
const MARK_ENFORCE: u64 = 0x40;
const CSUM_IPV6: u64 = 0x80;

/** a + b with the carry added at the low end. */
@inline
export function csumAdd(a: u32, b: u32): u32 {
  const sum = a + b;
  return sum + <u32>(sum < b);
}

/** The 32-bit sum of `len` bytes at `p`, added to `seed`; an odd last byte counts as if a zero followed it. */
export function csumPartial(p: usize, len: u32, seed: u32): u32 {
  let sum = <u64>seed;
  let left = len;
  while (left >= 4) {
    sum += <u64>load<u32>(p);
    p += 4;
    left -= 4;
  }
  if (left & 2) {
    sum += <u64>load<u16>(p);
    p += 2;
  }
  if (left & 1) sum += <u64>load<u8>(p);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  return <u32>sum;
}

/** A 32-bit sum as a 16-bit one. */
@inline
export function csumFold16(sum: u32): u32 {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

/** A 32-bit sum as the 16-bit checksum that goes into a header. */
@inline
export function csumFold(sum: u32): u16 {
  return <u16>~csumFold16(sum);
}

/** The checksum at `at` after the summed data changed by `diff`. */
function replaceByDiff(at: usize, diff: u32): void {
  store<u16>(at, csumFold(csumAdd(diff, ~(<u32>load<u16>(at)))));
}

/** The checksum at `at` after a 32-bit field changed. */
function replace4(at: usize, from: u32, to: u32): void {
  store<u16>(at, csumFold(csumAdd(csumAdd(~(<u32>load<u16>(at)), ~from), to)));
}

/** 16-bit addition with the carry added at the low end. */
@inline
function csum16Add(a: u32, b: u32): u32 {
  const sum = (a + b) & 0xffff;
  return (sum + <u32>(sum < b)) & 0xffff;
}

/** The checksum at `at` after a 16-bit field changed. */
function replace2(at: usize, from: u32, to: u32): void {
  const old = ~(<u32>load<u16>(at)) & 0xffff;
  store<u16>(at, <u16>~csum16Add(csum16Add(old, ~from & 0xffff), to & 0xffff));
}

/**
 * Changes the checksum at `at` as the size in `flags` says. For a 16-bit field Linux uses 16-bit sums in network
 * headers and 32-bit ones in transport headers (`wide`); they differ in the form of a zero.
 */
function replace(at: usize, from: u64, to: u64, flags: u64, wide: bool): i64 {
  const size = flags & HDR_FIELD_MASK;
  if (size == 0) {
    if (from != 0) return EINVAL;
    replaceByDiff(at, <u32>to);
  } else if (size == 2) {
    if (wide) replace4(at, <u32>from & 0xffff, <u32>to & 0xffff);
    else replace2(at, <u32>from & 0xffff, <u32>to & 0xffff);
  } else if (size == 4) replace4(at, <u32>from, <u32>to);
  else return EINVAL;
  return 0;
}

/** The checksum field at `offset`, or 0 where there can be none. */
function field(skb: Skb, offset: u32): u32 {
  if (offset > 0xffff || (offset & 1) != 0) return 0;
  return skbRange(skb, offset, 2);
}

export function bpf_l3_csum_replace(ctx: i64, offset: i64, from: i64, to: i64, flags: i64): i64 {
  if (<u64>flags & ~HDR_FIELD_MASK) return EINVAL;
  const at = field(skbOf(ctx), <u32>offset);
  if (!at) return EFAULT;
  return replace(<usize>at, <u64>from, <u64>to, <u64>flags, false);
}

export function bpf_l4_csum_replace(ctx: i64, offset: i64, from: i64, to: i64, flags: i64): i64 {
  const f = <u64>flags;
  if (f & ~(HDR_FIELD_MASK | PSEUDO_HDR | MARK_MANGLED_0 | MARK_ENFORCE | CSUM_IPV6)) return EINVAL;
  const at = <usize>field(skbOf(ctx), <u32>offset);
  if (!at) return EFAULT;
  const mangled = (f & MARK_MANGLED_0) != 0;
  if (mangled && (f & MARK_ENFORCE) == 0 && load<u16>(at) == 0) return 0;
  const error = replace(at, <u64>from, <u64>to, f, true);
  if (error) return error;
  if (mangled && load<u16>(at) == 0) store<u16>(at, 0xffff);
  return 0;
}

export function bpf_csum_diff(from: i64, fromSize: i64, to: i64, toSize: i64, seed: i64): i64 {
  const fromLen = <u32>fromSize;
  const toLen = <u32>toSize;
  const start = <u32>seed;
  let sum = start;
  if (fromLen && toLen) {
    const added = csumPartial(<usize>(<u32>to), toLen, start);
    sum = csumAdd(added, ~csumPartial(<usize>(<u32>from), fromLen, 0));
  } else if (toLen) sum = csumPartial(<usize>(<u32>to), toLen, start);
  else if (fromLen) sum = ~csumPartial(<usize>(<u32>from), fromLen, ~start);
  return <i64>csumFold16(sum);
}

export function bpf_csum_update(ctx: i64, csum: i64): i64 {
  // Only a packet whose device summed it all has a sum to update, and test runs have none such.
  return ENOTSUPP;
}

export function bpf_csum_level(ctx: i64, level: i64): i64 {
  const skb = skbOf(ctx);
  const known = skb.ipSummed == CHECKSUM_UNNECESSARY;
  switch (<u32>level) {
    case 0: // QUERY
      return known ? <i64>skb.csumLevel : EACCES;
    case 1: // INC
      if (known) {
        if (skb.csumLevel < 3) skb.csumLevel++;
      } else if (skb.ipSummed == CHECKSUM_NONE) {
        skb.ipSummed = CHECKSUM_UNNECESSARY;
        skb.csumLevel = 0;
      }
      return 0;
    case 2: // DEC
      if (known) {
        if (skb.csumLevel == 0) skb.ipSummed = CHECKSUM_NONE;
        else skb.csumLevel--;
      }
      return 0;
    case 3: // RESET
      if (known) {
        skb.ipSummed = CHECKSUM_NONE;
        skb.csumLevel = 0;
      }
      return 0;
  }
  return EINVAL;
}
