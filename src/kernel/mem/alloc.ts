/** The allocator's functions as the data plane exports them (`alloc.as.ts`). Addresses and sizes are bytes, unsigned 32 bits. */
export interface AllocExports {
  /** Takes [start, the memory's end) as the heap, giving out addresses below `limit`. Called once. */
  alloc_init(start: number, limit: number): void;
  /** Memory of at least `size` bytes, aligned to 8, or 0 when there is none; the caller frees it. */
  alloc(size: number): number;
  /** As `alloc`, filled with zeros. */
  alloc_zeroed(size: number): number;
  /** Gives back what `alloc` gave; 0 is ignored. */
  free(address: number): void;
  /** The payload bytes of a block. */
  alloc_size(address: number): number;
  /** Payload bytes that are handed out now, for leak checks. */
  alloc_used(): number;
  /** Blocks that are handed out now, for leak checks. */
  alloc_blocks(): number;
}

/** What the data plane exports of the CPU blocks (`cpu.as.ts`). */
export interface CpuExports {
  /** Makes the CPU whose block is at `address` the one that programs now run on; set it before each run. */
  cpu_enter(address: number): void;
  /** The address of the block of the CPU that programs now run on. */
  cpu_current(): number;
  /** Where a field of the AssemblyScript class lies; for the test that compares it with `CPU`. */
  cpu_offset(field: number): number;
}
