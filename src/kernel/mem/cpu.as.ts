// The block of one CPU at a fixed place in linear memory; the offsets are those of `CPU` in layout.ts (a test compares).

@unmanaged
export class Cpu {
  tailCalls: u32;
  id: u32;
  pid: u32;
  tgid: u32;
  uid: u32;
  gid: u32;
  comm0: u64;
  comm1: u64;
  prandom: u64;
  redirectIfindex: u32;
  redirectFlags: u32;
  redirectMap: u32;
}

// One instance of this module is one CPU at a time, so which one is the instance's own and not in shared memory.
let current: usize = 0x8000;

/** Makes the CPU whose block is at `address` the one that programs now run on; set it before each run. */
export function cpu_enter(address: u32): void {
  current = <usize>address;
}

/** The address of the block of the CPU that programs now run on. */
export function cpu_current(): u32 {
  return <u32>current;
}

/** The block of the CPU that programs now run on, for the other rooms. */
@inline
export function cpu(): Cpu {
  return changetype<Cpu>(current);
}

/** Where a field of `Cpu` lies, by its place in the class; for the test that compares with layout.ts. */
export function cpu_offset(field: i32): u32 {
  switch (field) {
    case 0:
      return <u32>offsetof<Cpu>("tailCalls");
    case 1:
      return <u32>offsetof<Cpu>("id");
    case 2:
      return <u32>offsetof<Cpu>("pid");
    case 3:
      return <u32>offsetof<Cpu>("tgid");
    case 4:
      return <u32>offsetof<Cpu>("uid");
    case 5:
      return <u32>offsetof<Cpu>("gid");
    case 6:
      return <u32>offsetof<Cpu>("comm0");
    case 7:
      return <u32>offsetof<Cpu>("prandom");
    case 8:
      return <u32>offsetof<Cpu>("redirectIfindex");
    case 9:
      return <u32>offsetof<Cpu>("redirectFlags");
    case 10:
      return <u32>offsetof<Cpu>("redirectMap");
  }
  return 0xffffffff;
}
