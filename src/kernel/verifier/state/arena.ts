import {
  FRAME,
  FRAME_SIZE,
  type FramePtr,
  REF_SIZE,
  REG_SIZE,
  type RegPtr,
  SLOT_SIZE,
  STATE,
  STATE_SIZE,
  type StatePtr,
} from "./layout.ts";

/**
 * The verifier's private memory. The first pages belong to the compiled unit (static data) and to scratch registers;
 * records follow. Verification is synchronous, so one memory serves all, emptied by `resetArena` at its start.
 */
export const memory = new WebAssembly.Memory({ initial: 16 });

/** The memory as words; replaced when it grows, so never keep it in a variable across an allocation. */
export let words = new Int32Array(memory.buffer);
/** The memory as bytes; replaced when it grows. */
export let bytes = new Uint8Array(memory.buffer);

const SCRATCH_BASE = 0xc000;
const SCRATCH_REGS = 16;
const RECORDS_BASE = 0x10000;

/** Block sizes that are handed out and kept in free lists. */
const CLASSES = [
  16, 64, 128, 256, 512, 1024, 1408, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288,
];
const free: number[][] = CLASSES.map(() => []);
let top = RECORDS_BASE;

function classOf(size: number): number {
  for (let c = 0; c < CLASSES.length; c++) if (size <= (CLASSES[c] as number)) return c;
  throw new RangeError(`a verifier record of ${size} bytes is larger than any size class`);
}

/** Forgets every record. Called at the start of a verification. */
export function resetArena(): void {
  for (const list of free) list.length = 0;
  top = RECORDS_BASE;
}

/** Hands out a zeroed block of at least `size` bytes, 16-aligned; may grow the memory. */
export function allocBlock(size: number): number {
  const at = takeBlock(size);
  bytes.fill(0, at, at + size);
  return at;
}

/** Hands out a block of at least `size` bytes that may hold anything. */
function takeBlock(size: number): number {
  const c = classOf(size);
  const room = CLASSES[c] as number;
  let at = (free[c] as number[]).pop();
  if (at === undefined) {
    at = top;
    top += room;
    if (top > memory.buffer.byteLength) {
      memory.grow(
        Math.max(Math.ceil((top - memory.buffer.byteLength) / 65536), memory.buffer.byteLength >>> 17),
      );
      words = new Int32Array(memory.buffer);
      bytes = new Uint8Array(memory.buffer);
    }
  }
  return at;
}

/** Takes a block of `size` bytes back. */
export function freeBlock(at: number, size: number): void {
  (free[classOf(size)] as number[]).push(at);
}

/**
 * A register record outside of any state, for operands that are not registers (immediates) and for copies; `n` is 0
 * to 15. By use: 0 to 7 for the walk and calls, 8 to 11 for value/value.ts, 12 to 15 for tests.
 */
export function scratchReg(n: number): RegPtr {
  if (n < 0 || n >= SCRATCH_REGS) throw new RangeError(`scratch register ${n}`);
  return (SCRATCH_BASE + n * REG_SIZE) as RegPtr;
}

/** Makes a state with no frames. */
export function newState(): StatePtr {
  return allocBlock(STATE_SIZE) as StatePtr;
}

/** Makes a frame with no stack; its registers are NOT_INIT records of zeroes (`markNotInit` them). */
export function newFrame(callsite: number, frameno: number, subprogno: number): FramePtr {
  const f = allocBlock(FRAME_SIZE) as FramePtr;
  words[(f + FRAME.callsite) >> 2] = callsite;
  words[(f + FRAME.frameno) >> 2] = frameno;
  words[(f + FRAME.subprogno) >> 2] = subprogno;
  return f;
}

/** Frees a frame and its slots. */
export function freeFrame(f: FramePtr): void {
  const slots = words[(f + FRAME.slots) >> 2] as number;
  if (slots !== 0) freeBlock(slots, (words[(f + FRAME.slotCap) >> 2] as number) * SLOT_SIZE);
  freeBlock(f, FRAME_SIZE);
}

/** Frees a state with its frames and references. */
export function freeState(st: StatePtr): void {
  clearFrames(st);
  const refs = words[(st + STATE.refs) >> 2] as number;
  if (refs !== 0) freeBlock(refs, (words[(st + STATE.refCap) >> 2] as number) * REF_SIZE);
  freeBlock(st, STATE_SIZE);
}

function clearFrames(st: StatePtr): void {
  for (let i = 0; i < 8; i++) {
    const f = words[(st + STATE.frames + 4 * i) >> 2] as number;
    if (f !== 0) freeFrame(f as FramePtr);
    words[(st + STATE.frames + 4 * i) >> 2] = 0;
  }
}

/** Makes sure that a frame has slots for `size` bytes below its frame pointer; new slots are invalid. */
export function growStack(f: FramePtr, size: number): void {
  const need = (size + 7) >> 3;
  const used = (words[(f + FRAME.allocatedStack) >> 2] as number) >> 3;
  if (need <= used) return;
  reserveSlots(f, need);
  // A block may be larger than what was in use, and hold another state's slots there.
  const slots = words[(f + FRAME.slots) >> 2] as number;
  bytes.fill(0, slots + used * SLOT_SIZE, slots + need * SLOT_SIZE);
  words[(f + FRAME.allocatedStack) >> 2] = need * 8;
}

function reserveSlots(f: FramePtr, need: number): void {
  const cap = words[(f + FRAME.slotCap) >> 2] as number;
  if (need <= cap) return;
  let room = 1;
  while (room < need) room *= 2;
  const old = words[(f + FRAME.slots) >> 2] as number;
  const at = takeBlock(room * SLOT_SIZE);
  if (old !== 0) {
    bytes.copyWithin(at, old, old + ((words[(f + FRAME.allocatedStack) >> 2] as number) >> 3) * SLOT_SIZE);
    freeBlock(old, cap * SLOT_SIZE);
  }
  words[(f + FRAME.slots) >> 2] = at;
  words[(f + FRAME.slotCap) >> 2] = room;
}

/** Makes `dst` a copy of `src`, frames, slots and references included; `dst` keeps its own blocks where they fit. */
export function copyState(dst: StatePtr, src: StatePtr): void {
  for (let i = 0; i < 8; i++) {
    const at = STATE.frames + 4 * i;
    const from = words[(src + at) >> 2] as number;
    let to = words[(dst + at) >> 2] as number;
    if (from === 0) {
      if (to !== 0) freeFrame(to as FramePtr);
      words[(dst + at) >> 2] = 0;
      continue;
    }
    if (to === 0) {
      to = takeBlock(FRAME_SIZE);
      words[(to + FRAME.slots) >> 2] = 0;
      words[(to + FRAME.slotCap) >> 2] = 0;
      words[(dst + at) >> 2] = to;
    }
    copyFrame(to as FramePtr, from as FramePtr);
  }
  const count = words[(src + STATE.refCount) >> 2] as number;
  reserveRefs(dst, count);
  const refs = words[(dst + STATE.refs) >> 2] as number;
  const cap = words[(dst + STATE.refCap) >> 2] as number;
  if (count > 0) {
    const from = words[(src + STATE.refs) >> 2] as number;
    bytes.copyWithin(refs, from, from + count * REF_SIZE);
  }
  bytes.copyWithin(dst + STATE.curframe, src + STATE.curframe, src + STATE_SIZE);
  words[(dst + STATE.refs) >> 2] = refs;
  words[(dst + STATE.refCap) >> 2] = cap;
}

/** A new state equal to `src`. */
export function cloneState(src: StatePtr): StatePtr {
  const dst = newState();
  copyState(dst, src);
  return dst;
}

/** Makes `dst` a copy of `src` with slots of its own. */
export function copyFrame(dst: FramePtr, src: FramePtr): void {
  const used = (words[(src + FRAME.allocatedStack) >> 2] as number) >> 3;
  words[(dst + FRAME.allocatedStack) >> 2] = 0;
  reserveSlots(dst, used);
  const slots = words[(dst + FRAME.slots) >> 2] as number;
  const cap = words[(dst + FRAME.slotCap) >> 2] as number;
  if (used > 0) {
    const from = words[(src + FRAME.slots) >> 2] as number;
    bytes.copyWithin(slots, from, from + used * SLOT_SIZE);
  }
  bytes.copyWithin(dst, src, src + FRAME_SIZE);
  words[(dst + FRAME.slots) >> 2] = slots;
  words[(dst + FRAME.slotCap) >> 2] = cap;
}

/** Makes room for `need` references. */
export function reserveRefs(st: StatePtr, need: number): void {
  const cap = words[(st + STATE.refCap) >> 2] as number;
  if (need <= cap) return;
  let room = 4;
  while (room < need) room *= 2;
  const old = words[(st + STATE.refs) >> 2] as number;
  const at = takeBlock(room * REF_SIZE);
  if (old !== 0) {
    bytes.copyWithin(at, old, old + (words[(st + STATE.refCount) >> 2] as number) * REF_SIZE);
    freeBlock(old, cap * REF_SIZE);
  }
  words[(st + STATE.refs) >> 2] = at;
  words[(st + STATE.refCap) >> 2] = room;
}
