// bpf_spin_lock: one CPU runs at a time and a program can't be interrupted in its critical section, so the lock is
// always free; its word is kept as on Linux all the same.

export function bpf_spin_lock(lock: i64): i64 {
  store<u32>(<usize>(<u32>lock), 1);
  return 0;
}

export function bpf_spin_unlock(lock: i64): i64 {
  store<u32>(<usize>(<u32>lock), 0);
  return 0;
}
