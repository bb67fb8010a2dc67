// Who, where and when: the current task, the CPU, clocks, random numbers. All from the block of the running CPU.

import { cpu } from "../mem/cpu.as";
import { EINVAL } from "./errno.as";

/** Nanoseconds of the monotonic clock. */
@external("env", "now")
declare function now(): f64;

/** Nanoseconds of international atomic time since 1970. */
@external("env", "tai")
declare function tai(): f64;

export function bpf_ktime_get_ns(): i64 {
  return <i64>now();
}

export function bpf_ktime_get_boot_ns(): i64 {
  return <i64>now();
}

export function bpf_ktime_get_coarse_ns(): i64 {
  // A tick's resolution, as with 250 ticks a second.
  const ns = <i64>now();
  return ns - (ns % 4000000);
}

export function bpf_ktime_get_tai_ns(): i64 {
  return <i64>tai();
}

export function bpf_jiffies64(): i64 {
  // Linux's counter starts five minutes before it would wrap at 32 bits, at 250 ticks a second.
  return <i64>now() / 4000000 + (0x100000000 - 300 * 250);
}

export function bpf_get_prandom_u32(): i64 {
  // xorshift64*: the state is never 0.
  const c = cpu();
  let x = c.prandom;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  c.prandom = x;
  return <i64>((x * 0x2545f4914f6cdd1d) >> 32);
}

export function bpf_get_smp_processor_id(): i64 {
  return <i64>cpu().id;
}

export function bpf_get_numa_node_id(): i64 {
  return 0;
}

export function bpf_get_current_pid_tgid(): i64 {
  const c = cpu();
  return <i64>((<u64>c.tgid << 32) | <u64>c.pid);
}

export function bpf_get_current_uid_gid(): i64 {
  const c = cpu();
  return <i64>((<u64>c.gid << 32) | <u64>c.uid);
}

export function bpf_get_current_comm(buf: i64, size: i64): i64 {
  const to = <usize>(<u32>buf);
  const length = <u32>size;
  if (!length) return EINVAL;
  const from = changetype<usize>(cpu()) + offsetof<CommAt>("comm");
  let i: u32 = 0;
  while (i < length - 1 && i < 15) {
    const c = load<u8>(from + <usize>i);
    if (!c) break;
    store<u8>(to + <usize>i, c);
    i++;
  }
  memory.fill(to + <usize>i, 0, <usize>(length - i));
  return 0;
}

/** Names the place of the command in the CPU's block. */
@unmanaged
class CommAt {
  before: u64;
  ids: u64;
  owner: u64;
  comm: u64;
}

/** The address of the task's own structure: there is none that a program could read. */
export function bpf_get_current_task(): i64 {
  return 0;
}

/** A namespace is named by device and inode; the task is in none that a program could name. */
export function bpf_get_ns_current_pid_tgid(dev: i64, ino: i64, to: i64, size: i64): i64 {
  memory.fill(<usize>(<u32>to), 0, <usize>(<u32>size));
  return EINVAL;
}
