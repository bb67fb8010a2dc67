/** A stretch of a task's user memory. The caller owns it and frees it with `UserMemory.free`. */
export interface UserBuffer {
  /** What goes into a pointer field of an attr. Never 0. */
  readonly address: bigint;
  /** The bytes themselves, live in both directions. */
  readonly bytes: Uint8Array;
}

/** The memory of a task that bpf(2) copies from and to. */
export interface UserMemory {
  /** Reserves `size` zeroed bytes (at least one). */
  alloc(size: number): UserBuffer;
  /** Reserves as many bytes as `bytes` has and copies them in. */
  from(bytes: Uint8Array): UserBuffer;
  /** Gives a buffer back; reading or writing its address is EFAULT from then on. */
  free(buffer: UserBuffer): void;
}

/**
 * A process as BPF sees one: descriptors, credentials, memory. The same interface has three makers: `Kernel` in
 * process, a socket to the daemon, the host's real kernel.
 */
export interface Task {
  readonly memory: UserMemory;
  /** The possible CPUs of its kernel: per-CPU maps have a slot for each at the system call. 1 unless given. */
  readonly possibleCpus?: number;
  /**
   * bpf(2): `attr` is the bytes of `union bpf_attr` as far as the caller knows it; outputs are written back into it.
   * Returns a descriptor or 0, or a negative errno. Never throws for what a caller passes.
   */
  bpf(cmd: number, attr: Uint8Array): number;
  /** close(2): 0 or -EBADF. */
  close(fd: number): number;
}
