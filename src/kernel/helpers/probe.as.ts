// Reading memory at addresses that may be wrong. The kernel's is linear memory; a task's own is out of reach, as for a
// process that has nothing mapped.

import { EFAULT } from "./errno.as";

/** Below is the NULL page. */
const LOWEST: u64 = 0x400;

@inline
function memorySize(): u64 {
  return <u64>(<u32>memory.size()) << 16;
}

@inline
function fault(to: i64, size: i64): i64 {
  memory.fill(<usize>(<u32>to), 0, <usize>(<u32>size));
  return EFAULT;
}

export function bpf_probe_read_kernel(to: i64, size: i64, from: i64): i64 {
  const length = <u64>(<u32>size);
  const at = <u64>from;
  if (at < LOWEST || at > 0xffffffff || at + length > memorySize()) return fault(to, size);
  memory.copy(<usize>(<u32>to), <usize>at, <usize>length);
  return 0;
}

export function bpf_probe_read_kernel_str(to: i64, size: i64, from: i64): i64 {
  const length = <u32>size;
  const at = <u64>from;
  if (length == 0) return 0;
  if (at < LOWEST || at > 0xffffffff) return fault(to, size);
  const end = memorySize();
  for (let i: u32 = 0; i < length; i++) {
    if (at + <u64>i >= end) return fault(to, size);
    const c = i + 1 < length ? load<u8>(<usize>at + <usize>i) : 0;
    store<u8>(<usize>(<u32>to) + <usize>i, c);
    if (c == 0) return <i64>(i + 1);
  }
  return <i64>length;
}

export function bpf_probe_read_user(to: i64, size: i64, from: i64): i64 {
  return fault(to, size);
}
