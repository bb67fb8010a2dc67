// The register record as AssemblyScript sees it: the same fields as REG in state/layout.ts.

/** Known bits (value) and unknown bits (mask, never overlapping value) of a 64-bit number. */
@unmanaged
export class Tnum {
  value: u64;
  mask: u64;
}

/** A RegState; see state/layout.ts for the meaning of each field. */
@unmanaged
export class Reg {
  type: i32;
  off: i32;
  map: i32;
  mapUid: i32;
  aux0: i32;
  aux1: i32;
  aux2: i32;
  pad: i32;
  value: u64;
  mask: u64;
  smin: i64;
  smax: i64;
  umin: u64;
  umax: u64;
  s32min: i32;
  s32max: i32;
  u32min: u32;
  u32max: u32;
  id: i32;
  refObjId: i32;
  frameno: i32;
  subregDef: i32;
  precise: i32;
  /** offsetof<Reg>() does not round up, and records lie in arrays. */
  pad2: i32;
}

export const ADD_CONST32: i32 = 0x40000000;
export const ADD_CONST: i32 = i32.MIN_VALUE | ADD_CONST32;

/** The known bits of a register, in place. */
// @ts-ignore: decorator
@inline
export function tnumOf(r: Reg): Tnum {
  return changetype<Tnum>(changetype<usize>(r) + offsetof<Reg>("value"));
}

// @ts-ignore: decorator
@inline
export function joinHalves(lo: u32, hi: u32): u64 {
  return ((hi as u64) << 32) | (lo as u64);
}

/** A StackSlot. */
@unmanaged
export class Slot {
  kinds: u64;
  // A RegState follows.
}

/** A FuncState's head; eleven RegStates follow. */
@unmanaged
export class Frame {
  callsite: i32;
  frameno: i32;
  subprogno: i32;
  asyncEntryCnt: i32;
  callbackRetMin: i32;
  callbackRetMax: i32;
  inCallbackFn: i32;
  inAsyncCallbackFn: i32;
  inExceptionCallbackFn: i32;
  callbackDepth: i32;
  allocatedStack: i32;
  slots: i32;
  slotCap: i32;
  pad: i32;
}

/** A VerifierState; see STATE in state/layout.ts. */
@unmanaged
export class State {
  frame0: i32;
  frame1: i32;
  frame2: i32;
  frame3: i32;
  frame4: i32;
  frame5: i32;
  frame6: i32;
  frame7: i32;
  curframe: i32;
  insnIdx: i32;
  firstInsnIdx: i32;
  lastInsnIdx: i32;
  branches: i32;
  parent: i32;
  speculative: i32;
  inSleepable: i32;
  activeLocks: i32;
  activeLockId: i32;
  activeLockPtr: i32;
  activePreemptLocks: i32;
  activeRcuLocks: i32;
  activeIrqId: i32;
  dfsDepth: i32;
  callbackUnrollDepth: i32;
  mayGotoDepth: i32;
  cleaned: i32;
  histTail: i32;
  histCount: i32;
  refs: i32;
  refCount: i32;
  refCap: i32;
  equalState: i32;
}

/** An acquired reference. */
@unmanaged
export class Reference {
  type: i32;
  id: i32;
  insnIdx: i32;
  ptr: i32;
}

// @ts-ignore: decorator
@inline
export function frameOf(st: State, n: i32): Frame {
  return changetype<Frame>(load<u32>(changetype<usize>(st) + ((n as usize) << 2)) as usize);
}

// @ts-ignore: decorator
@inline
export function regOf(f: Frame, n: i32): Reg {
  return changetype<Reg>(
    changetype<usize>(f) + offsetof<Frame>() + (n as usize) * offsetof<Reg>(),
  );
}

// @ts-ignore: decorator
@inline
export function slotOf(f: Frame, n: i32): Slot {
  return changetype<Slot>((f.slots as usize) + (n as usize) * (8 + offsetof<Reg>()));
}

// @ts-ignore: decorator
@inline
export function slotRegOf(s: Slot): Reg {
  return changetype<Reg>(changetype<usize>(s) + 8);
}

// @ts-ignore: decorator
@inline
export function kindOf(s: Slot, b: i32): i32 {
  return load<u8>(changetype<usize>(s) + (b as usize)) as i32;
}
