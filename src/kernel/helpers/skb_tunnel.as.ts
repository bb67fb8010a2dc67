// The key of a packet that comes from, or is to go into, a tunnel (struct bpf_tunnel_key). In a test run no device
// gave the packet one, so there is only what the program set itself.

import { cpu_current } from "../mem/cpu.as";
import { skbOf } from "../net/skb.as";
import { EINVAL, ENOENT, ENOMEM, EPROTO } from "./errno.as";

/** struct bpf_tunnel_key; IPv4 addresses are in host byte order. */
@unmanaged
class TunnelKey {
  id: u32;
  remote0: u32;
  remote1: u32;
  remote2: u32;
  remote3: u32;
  tos: u8;
  ttl: u8;
  /** Must be zero to set; the flags, if asked for, to get. */
  ext: u16;
  label: u32;
  local0: u32;
  local1: u32;
  local2: u32;
  local3: u32;
}

const SIZE: u32 = 44;
/** Where the CPU's key lies in its block: behind the contexts. The flags (u32) follow it. */
const KEY_OFFSET: u32 = 448;

/** Where the options that go with the key lie in the CPU's block: their length (u32), then as many bytes. */
const OPTIONS_OFFSET: u32 = 1024;
const OPTIONS_MAX: u32 = 255;

const TUNINFO_IPV6: u32 = 1;
const ZERO_CSUM_TX: u32 = 2;
const DONT_FRAGMENT: u32 = 4;
const SEQ_NUMBER: u32 = 8;
const NO_TUNNEL_KEY: u32 = 16;
/** bpf_skb_get_tunnel_key's: give the flags. */
const TUNINFO_FLAGS: u32 = 16;

/** The flags that come out, as a big-endian number read as a little-endian one. */
const TUNNEL_CSUM: u32 = 0x0100;
const TUNNEL_KEY: u32 = 0x0400;
const TUNNEL_SEQ: u32 = 0x0800;
const TUNNEL_DONT_FRAGMENT: u32 = 0x0001;
const TUNNEL_NOCACHE: u32 = 0x0020;

const FLOWLABEL_MASK: u32 = 0x000fffff;

@inline
function current(): TunnelKey {
  return changetype<TunnelKey>(<usize>(cpu_current() + KEY_OFFSET));
}

@inline
function options(): usize {
  return <usize>(cpu_current() + OPTIONS_OFFSET);
}

/** The sizes that the structure had in earlier versions. */
@inline
function isOldSize(size: u32): bool {
  return size == 28 || size == 24 || size == 22 || size == 8;
}

export function bpf_skb_set_tunnel_key(ctx: i64, from: i64, size: i64, flagBits: i64): i64 {
  const length = <u32>size;
  const flags = <u32>flagBits;
  if (<u64>flagBits > 31) return EINVAL;
  if (length != SIZE && !isOldSize(length)) return EINVAL;
  const key = current();
  const given = <usize>(<u32>from);
  const v6 = (flags & TUNINFO_IPV6) != 0;
  // A structure that is too short reads as if zeros followed.
  const ext = length >= 24 ? load<u16>(given, 22) : 0;
  const label = length >= 28 ? load<u32>(given, 24) : 0;
  if (ext != 0 || (!v6 && label != 0)) return EINVAL;
  memory.fill(changetype<usize>(key), 0, <usize>SIZE);
  memory.copy(changetype<usize>(key), given, <usize>length);
  key.label &= FLOWLABEL_MASK;
  let state = TUNNEL_KEY | TUNNEL_CSUM | TUNNEL_NOCACHE;
  if (flags & DONT_FRAGMENT) state |= TUNNEL_DONT_FRAGMENT;
  if (flags & ZERO_CSUM_TX) state &= ~TUNNEL_CSUM;
  if (flags & SEQ_NUMBER) state |= TUNNEL_SEQ;
  if (flags & NO_TUNNEL_KEY) state &= ~TUNNEL_KEY;
  key.ext = <u16>state;
  skbOf(ctx).tunnel = v6 ? 2 : 1;
  store<u32>(options(), 0);
  return 0;
}

/** Options belong to a key that the program has set before. */
export function bpf_skb_set_tunnel_opt(ctx: i64, from: i64, size: i64): i64 {
  const length = <u32>size;
  if (!skbOf(ctx).tunnel || length & 3) return EINVAL;
  if (length > OPTIONS_MAX) return ENOMEM;
  store<u32>(options(), length);
  memory.copy(options() + 4, <usize>(<u32>from), <usize>length);
  return 0;
}

/** Gives the options' length; the buffer is zeros behind them, or all of it on failure. */
export function bpf_skb_get_tunnel_opt(ctx: i64, to: i64, size: i64): i64 {
  const at = <usize>(<u32>to);
  const length: u32 = skbOf(ctx).tunnel ? load<u32>(options()) : 0;
  memory.fill(at, 0, <usize>(<u32>size));
  if (length == 0) return ENOENT;
  if (<u32>size < length) return ENOMEM;
  memory.copy(at, options() + 4, <usize>length);
  return length;
}

export function bpf_skb_get_tunnel_key(ctx: i64, to: i64, size: i64, flagBits: i64): i64 {
  const skb = skbOf(ctx);
  const length = <u32>size;
  const flags = <u32>flagBits;
  const at = <usize>(<u32>to);
  const v6 = skb.tunnel == 2;
  let error: i64 = 0;
  if (!skb.tunnel || <u64>flagBits & ~(<u64>(TUNINFO_IPV6 | TUNINFO_FLAGS))) error = EINVAL;
  else if (v6 != ((flags & TUNINFO_IPV6) != 0)) error = EPROTO;
  else if (length != SIZE && !isOldSize(length)) error = EINVAL;
  else if (length == 8 && v6) error = EINVAL;
  memory.fill(at, 0, <usize>length);
  if (error) return error;
  // What was set as the way out reads as the way in: remote and local have changed places.
  const key = current();
  store<u32>(at, key.id);
  store<u32>(at, key.local0, 4);
  if (length < 22) return 0;
  if (v6) {
    store<u32>(at, key.local1, 8);
    store<u32>(at, key.local2, 12);
    store<u32>(at, key.local3, 16);
  }
  store<u8>(at, key.tos, 20);
  store<u8>(at, key.ttl, 21);
  if (length < 24) return 0;
  if (flags & TUNINFO_FLAGS) store<u16>(at, key.ext, 22);
  if (length < 44) return 0;
  store<u32>(at, key.remote0, 28);
  if (v6) {
    store<u32>(at, key.label, 24);
    store<u32>(at, key.remote1, 32);
    store<u32>(at, key.remote2, 36);
    store<u32>(at, key.remote3, 40);
  }
  return 0;
}
