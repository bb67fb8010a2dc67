/**
 * The map of the kernel's one linear memory (DESIGN section 4). Addresses are byte offsets; an eBPF pointer is such
 * an offset, zero-extended to 64 bits, so 0 is NULL.
 *
 * ```
 *   0x0000  never used: the NULL page, reads give zeros
 *   0x0400  static data of the data plane's AssemblyScript (--memoryBase 1024)
 *   0x8000  CPU 0's block, then CPU 1's … (CPU_SIZE bytes each)
 *   HEAP    from the first free page boundary after the CPU blocks: the allocator's
 * ```
 */
export const STATIC_BASE = 0x0400;
/** Where CPU 0's block starts. */
export const CPU_BASE = 0x8000;
/** The bytes of one CPU's block, a power of two. */
export const CPU_SIZE = 0x4000;

/**
 * The fields at the start of a CPU's block, by byte offset. AssemblyScript (`kernel/mem/cpu.as.ts`), the JIT and the
 * interpreter all use these; a test compares them with AssemblyScript's `offsetof`.
 */
export const CPU = {
  /** u32: tail calls made in this run; past 33 a tail call falls through. Zeroed before each run. */
  tailCalls: 0,
  /** u32: this CPU's number. */
  id: 4,
  /** u32: the task's process id (pid in this thread's terms), then thread-group id. */
  pid: 8,
  tgid: 12,
  uid: 16,
  gid: 20,
  /** 16 bytes: the task's command name, zero-padded. */
  comm: 24,
  /** u64: state of the pseudo-random generator, never 0. */
  prandom: 40,
  /** u32, u32, u32: what bpf_redirect asked for: target ifindex, flags, and the map's address (0: none). */
  redirectIfindex: 48,
  redirectFlags: 52,
  redirectMap: 56,
  /**
   * u32: how far below the block's end an entry function's R10 lies. 0, but for a program that a subprogram's tail call
   * enters: it runs in the place of the subprogram, below its callers' frames. Whoever changes it puts it back.
   */
  entryFrame: 60,
  /** Free for the net room: from here to `stack`. */
  net: 64,
  /**
   * The eBPF stack lies from here to the block's end. The main program's R10 is the block's end. Each of 33 tail calls
   * from subprograms may leave 240 bytes of callers above, and the last program may have 8 frames: 12,016 bytes.
   */
  stack: 0x1000,
} as const;

/** The bytes of stack that one frame (main program or subprogram) may use. */
export const FRAME_SIZE = 512;
/** Frames that may be active at once. */
export const MAX_FRAMES = 8;
/** Tail calls that may be made in one run. */
export const MAX_TAIL_CALLS = 33;

/** The farthest that `CPU.entryFrame` may be moved down: what is left is enough for the frames of any program. */
export const MAX_ENTRY_FRAME = CPU_SIZE - CPU.stack - MAX_FRAMES * FRAME_SIZE;

/** The address of a CPU's block. */
export function cpuAddress(cpu: number): number {
  return CPU_BASE + cpu * CPU_SIZE;
}

/** R10 of the main program on a CPU. */
export function stackTop(cpu: number): number {
  return cpuAddress(cpu) + CPU_SIZE;
}
