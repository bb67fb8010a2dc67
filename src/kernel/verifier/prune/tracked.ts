import type { LinkedReg } from "./history.ts";

/**
 * The registers and stack slots whose values are wanted precisely while a path is walked backwards, by frame. Linux:
 * struct backtrack_state.
 */
export interface Tracked {
  /** The frame that the instruction under the cursor runs in. */
  frame: number;
  /** One bit per register. */
  readonly regs: Int32Array;
  /** One bit per slot: two words a frame, slots 0 to 31 first. */
  readonly slots: Int32Array;
}

/** Makes a record with nothing tracked. */
export function createTracked(frame: number): Tracked {
  return { frame, regs: new Int32Array(8), slots: new Int32Array(16) };
}

/** True if nothing is tracked in any frame up to the current one. */
export function nothingTracked(t: Tracked): boolean {
  for (let f = 0; f <= t.frame; f++) {
    if (t.regs[f] !== 0 || t.slots[2 * f] !== 0 || t.slots[2 * f + 1] !== 0) return false;
  }
  return true;
}

/** True if a register of a frame is tracked. */
export function hasReg(t: Tracked, frame: number, n: number): boolean {
  return (((t.regs[frame] as number) >>> n) & 1) !== 0;
}

/** Tracks a register of a frame. */
export function addReg(t: Tracked, frame: number, n: number): void {
  t.regs[frame] = (t.regs[frame] as number) | (1 << n);
}

/** Tracks a register of a frame no longer. */
export function dropReg(t: Tracked, frame: number, n: number): void {
  t.regs[frame] = (t.regs[frame] as number) & ~(1 << n);
}

/** True if a slot of a frame is tracked. */
export function hasSlot(t: Tracked, frame: number, spi: number): boolean {
  return (((t.slots[2 * frame + (spi >> 5)] as number) >>> (spi & 31)) & 1) !== 0;
}

/** Tracks a slot of a frame. */
export function addSlot(t: Tracked, frame: number, spi: number): void {
  const at = 2 * frame + (spi >> 5);
  t.slots[at] = (t.slots[at] as number) | (1 << (spi & 31));
}

/** Tracks a slot of a frame no longer. */
export function dropSlot(t: Tracked, frame: number, spi: number): void {
  const at = 2 * frame + (spi >> 5);
  t.slots[at] = (t.slots[at] as number) & ~(1 << (spi & 31));
}

/** True if no slot of the frame is tracked. */
export function noSlots(t: Tracked, frame: number): boolean {
  return t.slots[2 * frame] === 0 && t.slots[2 * frame + 1] === 0;
}

/** If one of the linked places is tracked, all of them are: they hold one number. */
export function addLinked(t: Tracked, linked: readonly LinkedReg[]): void {
  const has = (l: LinkedReg): boolean =>
    l.isReg ? hasReg(t, l.frame, l.index) : hasSlot(t, l.frame, l.index);
  if (!linked.some(has)) return;
  for (const l of linked) {
    if (l.isReg) addReg(t, l.frame, l.index);
    else addSlot(t, l.frame, l.index);
  }
}

/** The tracked registers of a frame as the log shows them: `r0,r6`. */
export function regsText(t: Tracked, frame: number): string {
  const names: string[] = [];
  for (let n = 0; n < 32; n++) if (hasReg(t, frame, n)) names.push(`r${n}`);
  return names.join(",");
}

/** The tracked slots of a frame as the log shows them: `-8,-16`. */
export function slotsText(t: Tracked, frame: number): string {
  const names: string[] = [];
  for (let spi = 0; spi < 64; spi++) if (hasSlot(t, frame, spi)) names.push(`${-8 * (spi + 1)}`);
  return names.join(",");
}
