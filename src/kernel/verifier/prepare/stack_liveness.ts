import type { Insn } from "../../../isa/insn.ts";
import { LOG_LEVEL2, type VerifierLog } from "../log/log.ts";
import type { StatePtr } from "../state/layout.ts";
import { callsite, curframe, frameAt, subprogno } from "../state/view.ts";
import { successors } from "./successors.ts";

/**
 * Which stack slots may still be read at an instruction. The walk reports each stack read and write as it meets
 * them; facts are kept for each call chain, because the same subprogram may use its callers' stacks in different
 * ways, and they are pushed backwards through the control-flow graph when a path ends. States saved for pruning then
 * forget the slots that nobody reads any more, as Linux since 6.18 does.
 *
 * A slot is the eight bytes fp-8(spi+1) … fp-8spi-1; only a write of all eight ends a slot's life.
 */
export interface StackLiveness {
  /** The frames of the current state have changed: what the running instruction still reports is dropped. */
  chainChanged(): void;
  /** Starts an instruction's reports. */
  beginInsn(state: StatePtr, insnIdx: number): void;
  /** The instruction (of the current chain, not always the running one) may read the slots [first, last]. */
  markRead(state: StatePtr, frameno: number, insnIdx: number, first: number, last: number): void;
  /** The running instruction writes all of a slot, whatever happens. */
  markWrite(frameno: number, spi: number): void;
  /** Ends an instruction's reports: what it must write is what it wrote every time. */
  endInsn(): void;
  /** A path has ended in this state: brings the chain's facts up to date. */
  propagate(state: StatePtr): void;
  /** Chooses the state that `isAlive` answers for. */
  query(state: StatePtr, insnIdx: number): void;
  /** True if a slot of a frame may be read after the point that the chosen state stands at. */
  isAlive(frameno: number, spi: number): boolean;
}

/** What liveness must know of a program. */
export interface LivenessInput {
  readonly insns: readonly Insn[];
  readonly subprogs: readonly { readonly start: number; readonly end: number }[];
  /** Instructions in postorder, per subprogram one after another. */
  readonly postorder: readonly number[];
  /** True for a call that may run a callback, whose frame is entered from it again and again. */
  callsCallback(insnIdx: number): boolean;
  /** True where paths may be merged: the log shows changes there. */
  prunePoint(insnIdx: number): boolean;
  /** Gets the changes at level 2. */
  readonly log: VerifierLog;
}

/** Int32 words per instruction in a frame's masks; each mask takes two, the low 32 slots first. */
const STRIDE = 8;
const READ = 0;
const WRITE = 2;
const LIVE = 4;
/** More than any program has: keys of call chains are made with it. */
const MAX_SUBPROGS = 1024;
/** Slots that are written on every way from here to the subprogram's end. */
const WRITTEN = 6;

/** One subprogram, called through one chain of call sites. */
interface Instance {
  /** The call chain as the log has it: the call sites and the start, `(4,7)`. */
  readonly label: string;
  readonly depth: number;
  /** The call sites of the outer frames, outermost first: `depth` of them. */
  readonly callsites: readonly number[];
  readonly subprogs: readonly number[];
  readonly start: number;
  readonly count: number;
  /** By frame number 0 … depth; undefined until something is marked in that frame. */
  readonly masks: (Int32Array | undefined)[];
  readonly writeSeen: Uint8Array;
  /** What it calls, by call site and subprogram. */
  readonly callees: Map<number, Instance>;
  updated: boolean;
  writeDropped: boolean;
}

/** Makes the record of a program of which nothing has been reported. */
export function createStackLiveness(input: LivenessInput): StackLiveness {
  /** Subprograms that were called by nobody. */
  const roots = new Map<number, Instance>();
  const orderOf = input.subprogs.map(({ start, end }) =>
    Int32Array.from(input.postorder.filter((i) => i >= start && i < end)),
  );
  const verbose = (input.log.level & LOG_LEVEL2) !== 0;
  const writes = new Int32Array(2 * 8);
  /** Two successors of each instruction, -1 for none; made when first wanted. */
  let nexts: Int32Array | undefined;
  let current: Instance | undefined;
  let writing = -1;
  let asked: (Instance | undefined)[] = [];
  let askedAt = 0;

  /** The instance of the frames 0 … depth of a state, made where `make` says so. */
  function instanceOf(state: StatePtr, depth: number, make: boolean): Instance | undefined {
    let siblings = roots;
    let found: Instance | undefined;
    for (let f = 0; f <= depth; f++) {
      const frame = frameAt(state, f);
      const key = (f === 0 ? 0 : callsite(frame)) * MAX_SUBPROGS + subprogno(frame);
      found = siblings.get(key);
      if (found === undefined) {
        if (!make) return undefined;
        found = makeInstance(state, f);
        siblings.set(key, found);
      }
      siblings = found.callees;
    }
    return found;
  }

  function makeInstance(state: StatePtr, depth: number): Instance {
    const callsites: number[] = [];
    const subprogs: number[] = [];
    for (let f = 0; f <= depth; f++) {
      const frame = frameAt(state, f);
      if (f > 0) callsites.push(callsite(frame));
      subprogs.push(subprogno(frame));
    }
    const sub = input.subprogs[subprogs[depth] ?? 0] ?? { start: 0, end: input.insns.length };
    return {
      label: `(${[...callsites, sub.start].join()})`,
      depth,
      callsites,
      subprogs,
      start: sub.start,
      count: sub.end - sub.start,
      masks: [],
      writeSeen: new Uint8Array(sub.end - sub.start),
      callees: new Map(),
      updated: false,
      writeDropped: false,
    };
  }

  function makeNexts(): Int32Array {
    const made = new Int32Array(2 * input.insns.length);
    const next: [number, number] = [-1, -1];
    for (let i = 0; i < input.insns.length; i++) {
      successors(input.insns, i, next);
      made[2 * i] = next[0];
      made[2 * i + 1] = next[1];
    }
    return made;
  }

  function masksOf(instance: Instance, frameno: number): Int32Array {
    let masks = instance.masks[frameno];
    if (masks === undefined) {
      masks = new Int32Array(instance.count * STRIDE);
      instance.masks[frameno] = masks;
    }
    return masks;
  }

  function addRead(instance: Instance, frameno: number, insnIdx: number, lo: number, hi: number): void {
    if ((lo | hi) === 0) return;
    const masks = masksOf(instance, frameno);
    const at = (insnIdx - instance.start) * STRIDE + READ;
    const oldLo = masks[at] as number;
    const oldHi = masks[at + 1] as number;
    if ((oldLo | lo) === oldLo && (oldHi | hi) === oldHi) return;
    masks[at] = oldLo | lo;
    masks[at + 1] = oldHi | hi;
    // A slot that is live here anyway makes no difference to others.
    const live = at - READ + LIVE;
    const news = ((oldLo | lo) & ~(masks[live] as number)) | ((oldHi | hi) & ~(masks[live + 1] as number));
    if (news !== 0) instance.updated = true;
  }

  /** Takes the collected writes of one instruction over. */
  function commit(instance: Instance, insnIdx: number): void {
    const rel = insnIdx - instance.start;
    const first = instance.writeSeen[rel] === 0;
    instance.writeSeen[rel] = 1;
    for (let f = 0; f <= instance.depth; f++) {
      const lo = writes[2 * f] as number;
      const hi = writes[2 * f + 1] as number;
      const known = instance.masks[f];
      if (known === undefined && (lo | hi) === 0) continue;
      const masks = known ?? masksOf(instance, f);
      const at = rel * STRIDE + WRITE;
      const oldLo = masks[at] as number;
      const oldHi = masks[at + 1] as number;
      const newLo = first ? lo : oldLo & lo;
      const newHi = first ? hi : oldHi & hi;
      if (newLo === oldLo && newHi === oldHi) continue;
      if ((oldLo & ~newLo) !== 0 || (oldHi & ~newHi) !== 0) instance.writeDropped = true;
      masks[at] = newLo;
      masks[at + 1] = newHi;
      instance.updated = true;
    }
  }

  /** The places of the slots of a mask. */
  function slots(lo: number, hi: number): string {
    const places: string[] = [];
    for (let spi = 0; spi < 64; spi++) {
      if ((((spi < 32 ? lo : hi) >>> (spi & 31)) & 1) === 1) places.push(String(-(spi + 1) * 8));
    }
    return places.join();
  }

  /** Writes the slots that a mask gained and those that it lost. */
  function logChange(
    where: string,
    what: string,
    old: readonly [number, number],
    now: readonly [number, number],
  ): void {
    if (old[0] === now[0] && old[1] === now[1]) return;
    const gained = slots(now[0] & ~old[0], now[1] & ~old[1]);
    const lost = slots(old[0] & ~now[0], old[1] & ~now[1]);
    const plus = gained === "" ? "" : `+${what} ${gained} `;
    input.log.line(where + plus + (lost === "" ? "" : `-${what} ${lost}`));
  }

  /** One backward step for one instruction and frame; true if its facts changed. */
  function step(masks: Int32Array, instance: Instance, f: number, i: number): boolean {
    nexts ??= makeNexts();
    let liveLo = 0;
    let liveHi = 0;
    let allLo = (nexts[2 * i] as number) < 0 ? 0 : -1;
    let allHi = allLo;
    for (let k = 0; k < 2; k++) {
      const n = nexts[2 * i + k] as number;
      if (n < 0) continue;
      const s = (n - instance.start) * STRIDE;
      liveLo |= masks[s + LIVE] as number;
      liveHi |= masks[s + LIVE + 1] as number;
      allLo &= masks[s + WRITTEN] as number;
      allHi &= masks[s + WRITTEN + 1] as number;
    }
    const at = (i - instance.start) * STRIDE;
    const wLo = masks[at + WRITE] as number;
    const wHi = masks[at + WRITE + 1] as number;
    liveLo = (liveLo & ~wLo) | (masks[at + READ] as number);
    liveHi = (liveHi & ~wHi) | (masks[at + READ + 1] as number);
    allLo |= wLo;
    allHi |= wHi;
    if (
      masks[at + LIVE] === liveLo &&
      masks[at + LIVE + 1] === liveHi &&
      masks[at + WRITTEN] === allLo &&
      masks[at + WRITTEN + 1] === allHi
    ) {
      return false;
    }
    const own = wLo | wHi | (masks[at + READ] as number) | (masks[at + READ + 1] as number);
    if (verbose && (own !== 0 || i === instance.start || input.prunePoint(i))) {
      const was = (field: number): [number, number] => [
        masks[at + field] as number,
        masks[at + field + 1] as number,
      ];
      const where = `${instance.label} frame ${f} insn ${i} `;
      logChange(where, "live", was(LIVE), [liveLo, liveHi]);
      logChange(where, "written", was(WRITTEN), [allLo, allHi]);
    }
    masks[at + LIVE] = liveLo;
    masks[at + LIVE + 1] = liveHi;
    masks[at + WRITTEN] = allLo;
    masks[at + WRITTEN + 1] = allHi;
    return true;
  }

  function update(instance: Instance): void {
    if (!instance.updated) return;
    const order = orderOf[instance.subprogs[instance.depth] ?? 0] ?? new Int32Array(0);
    if (instance.writeDropped) {
      // Sets of certain writes shrank, so that what was built on them has to be built again from nothing.
      for (const masks of instance.masks) {
        for (let at = WRITTEN; at < (masks?.length ?? 0); at += STRIDE) masks?.fill(0, at, at + 2);
      }
    }
    let rounds = 0;
    let changed = true;
    while (changed) {
      changed = false;
      rounds++;
      instance.masks.forEach((masks, f) => {
        if (masks === undefined) return;
        for (const i of order) if (step(masks, instance, f, i)) changed = true;
      });
    }
    if (verbose) input.log.line(`${instance.label} live stack update done in ${rounds} iterations`);
    instance.updated = false;
    instance.writeDropped = false;
  }

  /** What a callee does to its callers' stacks happens, for the caller, at the call. */
  function passOut(inner: Instance, outer: Instance): void {
    const site = inner.callsites[inner.depth - 1] ?? 0;
    writes.fill(0);
    for (let f = 0; f < inner.depth; f++) {
      const masks = inner.masks[f];
      if (masks === undefined) continue;
      addRead(outer, f, site, masks[LIVE] as number, masks[LIVE + 1] as number);
      writes[2 * f] = masks[WRITTEN] as number;
      writes[2 * f + 1] = masks[WRITTEN + 1] as number;
    }
    commit(outer, site);
  }

  function bit(instance: Instance | undefined, frameno: number, insnIdx: number, spi: number): boolean {
    const masks = instance?.masks[frameno];
    if (instance === undefined || masks === undefined) return false;
    const word = masks[(insnIdx - instance.start) * STRIDE + LIVE + (spi >> 5)] as number;
    return ((word >>> (spi & 31)) & 1) === 1;
  }

  return {
    chainChanged() {
      current = undefined;
    },
    beginInsn(state, insnIdx) {
      current ??= instanceOf(state, curframe(state), true);
      writing = insnIdx;
      writes.fill(0);
    },
    markRead(state, frameno, insnIdx, first, last) {
      current ??= instanceOf(state, curframe(state), true);
      if (current === undefined) return;
      let lo = 0;
      let hi = 0;
      for (let spi = first; spi <= last; spi++) {
        if (spi < 32) lo |= 1 << spi;
        else hi |= 1 << (spi - 32);
      }
      addRead(current, frameno, insnIdx, lo, hi);
    },
    markWrite(frameno, spi) {
      const at = 2 * frameno + (spi >> 5);
      writes[at] = (writes[at] as number) | (1 << (spi & 31));
    },
    endInsn() {
      if (current !== undefined) commit(current, writing);
    },
    propagate(state) {
      for (let depth = curframe(state); depth >= 0; depth--) {
        const instance = instanceOf(state, depth, true);
        if (instance === undefined) continue;
        const changed = instance.updated;
        update(instance);
        if (depth === 0 || !changed) continue;
        const outer = instanceOf(state, depth - 1, true);
        if (outer !== undefined) passOut(instance, outer);
      }
    },
    query(state, insnIdx) {
      asked = [];
      for (let depth = 0; depth <= curframe(state); depth++) asked.push(instanceOf(state, depth, false));
      askedAt = insnIdx;
    },
    isAlive(frameno, spi) {
      const top = asked.length - 1;
      const inner = asked[top];
      // Read in the innermost frame from here on?
      if (bit(inner, frameno, askedAt, spi)) return true;
      for (let f = frameno; f < top; f++) {
        const instance = asked[f];
        const site = asked[f + 1]?.callsites[f] ?? -1;
        if (site < 0) return true;
        // A callback may be entered once more from its call; anything else goes on behind it.
        if (bit(instance, frameno, input.callsCallback(site) ? site : site + 1, spi)) return true;
      }
      return false;
    },
  };
}
