import type { Insn } from "../../../isa/insn.ts";
import { ALU, CALL, CLASS, JMP, MODE, SRC, sizeBytes } from "../../../isa/opcode.ts";
import { FRAME_SIZE } from "../../mem/layout.ts";
import type { ExecMap, InsnFacts } from "../../prog/program.ts";
import type { Cfg } from "../cfg/graph.ts";
import type { CfgOrder } from "../cfg/order.ts";
import { CALLER_SAVED, type CallInfo, effectsOf, killsOf, usesOf } from "./effects.ts";
import type { Liveness } from "./liveness.ts";

/** A place of the stack that is a local: nobody ever sees its address. */
export interface StackSlot {
  readonly local: number;
  readonly size: 1 | 2 | 4 | 8;
}

/** What the analysis needs to know of the function. */
export interface SlotInput {
  readonly cfg: Cfg;
  readonly order: CfgOrder;
  readonly live: Liveness;
  readonly insns: readonly Insn[];
  readonly facts: readonly (InsnFacts | undefined)[];
  readonly maps: readonly (ExecMap | undefined)[];
  readonly calls: CallInfo;
  /** Declares the local of a slot. */
  readonly local: (size: number) => number;
}

/** A register's value: no address of the stack, not known yet, or an offset from R10. */
const OTHER = 1;
const UNSEEN = 2;

/** Map helpers, whose key and value arguments are as long as the map's: map_lookup, update and delete_elem. */
const MAP_HELPERS: ReadonlySet<number> = new Set([1, 2, 3]);
/** Helpers that hand a pointer on to a callback: for_each_map_elem, bpf_loop, timer and user_ringbuf callbacks. */
const CALLBACK_HELPERS: ReadonlySet<number> = new Set([164, 170, 180, 181, 209]);

/**
 * Finds the stack slots that can be locals: every access to them is a direct load or store of one size at one place,
 * none overlaps them otherwise, and no address at or below them that may reach them is given away. Helpers read and
 * write upwards from the address that they get. Returns the slots by instruction; empty where anything is unclear.
 */
export function findStackSlots(input: SlotInput): Map<number, StackSlot> {
  const analysis = new Analysis(input);
  return analysis.run() ? analysis.slots() : new Map();
}

class Analysis {
  readonly #in: SlotInput;
  /** By instruction: where it accesses the stack, and how much. */
  readonly #accesses = new Map<number, { readonly at: number; readonly size: number }>();
  /** Bytes of the frame (0 is R10 - 512) that helpers or atomics reach. */
  readonly #reached = new Uint8Array(FRAME_SIZE);
  #recording = false;
  #escaped = false;
  /** The registers' values at the point looked at: an offset (≤ 0), OTHER or UNSEEN. */
  #regs = new Int32Array(11);

  constructor(input: SlotInput) {
    this.#in = input;
  }

  /** Follows addresses of the stack through the function; false if one goes where it cannot be followed. */
  run(): boolean {
    const { cfg, order, live } = this.#in;
    const start = cfg.nodes.map(() => new Int32Array(11).fill(UNSEEN));
    const entry = start[cfg.entry];
    if (entry === undefined) return false;
    entry.fill(OTHER);
    entry[10] = 0;
    for (let changed = true; changed && !this.#escaped; ) {
      changed = false;
      for (const n of order.rpo) {
        this.#walk(n, start[n] as Int32Array);
        const alive = (live.after[n] as number) | (1 << 10);
        for (const s of cfg.nodes[n]?.succs ?? []) {
          if (this.#merge(start[s] as Int32Array, alive & ((live.before[s] as number) | (1 << 10))))
            changed = true;
        }
      }
    }
    if (this.#escaped) return false;
    this.#recording = true;
    for (const n of order.rpo) this.#walk(n, start[n] as Int32Array);
    return !this.#escaped;
  }

  /** Gives locals to the places that qualify. */
  slots(): Map<number, StackSlot> {
    const size = new Uint8Array(FRAME_SIZE);
    const bad = Uint8Array.from(this.#reached);
    for (const a of this.#accesses.values()) {
      for (let i = 0; i < a.size; i++) {
        // A byte's mark tells which access it belongs to: the size, and the distance from the start.
        const mark = a.size * 8 + i;
        const byte = a.at + i;
        if (size[byte] === 0) size[byte] = mark;
        else if (size[byte] !== mark) {
          bad[byte] = 1;
        }
      }
    }
    // A bad byte spoils all accesses that contain it, and these all of their bytes.
    for (let changed = true; changed; ) {
      changed = false;
      for (const a of this.#accesses.values()) {
        const part = bad.subarray(a.at, a.at + a.size);
        if (!part.includes(1) || !part.includes(0)) continue;
        part.fill(1);
        changed = true;
      }
    }
    const locals = new Map<number, StackSlot>();
    const slots = new Map<number, StackSlot>();
    for (const [insn, a] of this.#accesses) {
      if (bad[a.at] !== 0) continue;
      let slot = locals.get(a.at);
      if (slot === undefined) {
        slot = { local: this.#in.local(a.size), size: a.size as StackSlot["size"] };
        locals.set(a.at, slot);
      }
      slots.set(insn, slot);
    }
    return slots;
  }

  #merge(into: Int32Array, mask: number): boolean {
    let changed = false;
    for (let r = 0; r < 11; r++) {
      if (((mask >> r) & 1) === 0) continue;
      const have = into[r] as number;
      const value = this.#regs[r] as number;
      if (have === value || value === UNSEEN) continue;
      if (have === UNSEEN) {
        into[r] = value;
        changed = true;
      } else {
        // Different places on different ways, or an address on one of them only.
        this.#escaped = true;
      }
    }
    return changed;
  }

  #walk(n: number, start: Int32Array): void {
    const node = this.#in.cfg.nodes[n];
    this.#regs = Int32Array.from(start);
    if (node?.kind !== "code") return;
    for (let at = node.start; at < node.end; at++) {
      const insn = this.#in.insns[at] as Insn;
      this.#step(insn, at);
      if (insn.code === 0x18) at++;
    }
  }

  #isStack(reg: number): boolean {
    return (this.#regs[reg] as number) <= 0;
  }

  #step(insn: Insn, at: number): void {
    const cls = insn.code & 0x07;
    const op = insn.code & 0xf0;
    const { dst, src, off, imm } = insn;
    const regs = this.#regs;
    if (cls === CLASS.ALU64 && op === ALU.MOV && (insn.code & SRC.X) !== 0 && off === 0) {
      regs[dst] = regs[src] as number;
      return;
    }
    if (
      cls === CLASS.ALU64 &&
      (op === ALU.ADD || op === ALU.SUB) &&
      (insn.code & SRC.X) === 0 &&
      this.#isStack(dst)
    ) {
      const to = (regs[dst] as number) + (op === ALU.ADD ? imm : -imm);
      if (to > 0 || to < -FRAME_SIZE) this.#escaped = true;
      regs[dst] = to;
      return;
    }
    const plain = (insn.code & 0xe0) === MODE.MEM;
    if (cls === CLASS.LDX && this.#isStack(src)) {
      this.#access((regs[src] as number) + off, sizeBytes(insn.code), at, plain);
      regs[dst] = OTHER;
      return;
    }
    if ((cls === CLASS.ST || cls === CLASS.STX) && this.#isStack(dst)) {
      if (cls === CLASS.STX && this.#isStack(src)) this.#escaped = true;
      this.#access((regs[dst] as number) + off, sizeBytes(insn.code), at, plain);
      if (cls === CLASS.STX && !plain) this.#kill(killsOf(effectsOf(insn, at, this.#in.calls)));
      return;
    }
    const effects = effectsOf(insn, at, this.#in.calls);
    if (insn.code === (CLASS.JMP | JMP.CALL) && insn.src === CALL.HELPER)
      this.#helper(insn, at, usesOf(effects));
    else
      for (let r = 0; r < 11; r++)
        if (((usesOf(effects) >> r) & 1) !== 0 && this.#isStack(r)) this.#escaped = true;
    this.#kill(killsOf(effects));
  }

  #kill(mask: number): void {
    for (let r = 0; r < 10; r++) if (((mask >> r) & 1) !== 0) this.#regs[r] = OTHER;
  }

  #helper(insn: Insn, at: number, uses: number): void {
    const fact = this.#in.facts[at];
    const map = fact?.callMap === undefined ? undefined : this.#in.maps[fact.callMap];
    for (let r = 1; r < 6; r++) {
      if (((uses & CALLER_SAVED) >> r) & 1 && this.#isStack(r)) {
        if (CALLBACK_HELPERS.has(insn.imm)) this.#escaped = true;
        const from = FRAME_SIZE + (this.#regs[r] as number);
        const known = MAP_HELPERS.has(insn.imm) && map !== undefined;
        const size = !known ? FRAME_SIZE : r === 2 ? map.keySize : r === 3 ? map.valueSize : FRAME_SIZE;
        if (this.#recording) this.#reached.fill(1, from, Math.min(FRAME_SIZE, from + size));
      }
    }
  }

  #access(offset: number, size: number, insn: number, direct: boolean): void {
    const at = FRAME_SIZE + offset;
    if (at < 0 || at + size > FRAME_SIZE) this.#escaped = true;
    else if (this.#recording && direct) this.#accesses.set(insn, { at, size });
    else if (this.#recording) this.#reached.fill(1, at, at + size);
  }
}
