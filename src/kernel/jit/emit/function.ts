import type { Insn } from "../../../isa/insn.ts";
import { CALL, CLASS, JMP, MODE, PSEUDO } from "../../../isa/opcode.ts";
import { CPU, CPU_SIZE, FRAME_SIZE } from "../../mem/layout.ts";
import type { Cfg } from "../cfg/graph.ts";
import { isExit, isJump } from "../cfg/graph.ts";
import type { CfgOrder } from "../cfg/order.ts";
import { type StructureSink, structure } from "../cfg/structure.ts";
import { Code, type Label } from "../wasm/code.ts";
import { emitAlu } from "./alu.ts";
import { emitAtomic } from "./atomic.ts";
import { CALLING_BACK, emitCall, emitLdAbs, pushCalleeFrame } from "./call.ts";
import { emitCompare } from "./compare.ts";
import { type Callee, type FunctionContext, type ProgramContext, refuse } from "./context.ts";
import { type CallInfo, effectsOf, usesOf } from "./effects.ts";
import { computeForms, formsAfter } from "./forms.ts";
import { computeLiveness, type Liveness } from "./liveness.ts";
import { emitLoad, emitStore, knownStackOffset } from "./memory.ts";
import { Registers } from "./registers.ts";
import { findStackSlots, type StackSlot } from "./stack_slots.ts";

/** How a function gets its registers: as a program's entry, as a subprogram, or as a part of a split function. */
export type FunctionShape =
  | { readonly kind: "entry" }
  | { readonly kind: "subprog"; readonly params: number }
  /** In place of a call: its parameters are in `regs` already, and it leaves with R0 to `exit`. */
  | {
      readonly kind: "inline";
      readonly code: Code;
      readonly regs: Registers;
      readonly cpu: number;
      readonly exit: Label;
    }
  /** `(r0 … r9: i64, fp, cpu, selector: i32)`; `parts` are the function indexes of all parts. */
  | { readonly kind: "part"; readonly ofEntry: boolean; readonly parts: readonly number[] };

/** A function to be written. */
export interface FunctionInput {
  readonly program: ProgramContext;
  readonly calls: CallInfo;
  /** A reducible graph, and its order. */
  readonly cfg: Cfg;
  readonly order: CfgOrder;
  readonly shape: FunctionShape;
  readonly stackDepth: number;
}

/** BPF_MAX_LOOPS: how often a may_goto is passed before it leaves its loop. */
const MAY_GOTO_ROUNDS = 8 * 1024 * 1024;
/** How many calls in one function are replaced by the subprogram: V8 allows 50,000 locals. */
const MAX_INLINED = 200;
/** R10 is always narrow. */
const FP = 1 << 10;

/** Writes a function's code. */
export function emitFunction(input: FunctionInput): Code {
  return new FunctionEmitter(input).run();
}

class FunctionEmitter implements FunctionContext, StructureSink {
  readonly program: ProgramContext;
  readonly code: Code;
  readonly regs: Registers;
  readonly isEntry: boolean;
  readonly cpu: number;
  readonly stackDepth: number;
  readonly slots: ReadonlyMap<number, StackSlot>;
  readonly #in: FunctionInput;
  readonly #order: CfgOrder;
  readonly #live: Liveness;
  readonly #forms: Int32Array;
  readonly #params: Params;
  #frame: number | undefined;
  #selector: number | undefined;
  #rounds: number | undefined;
  #inlined = 0;

  constructor(input: FunctionInput) {
    this.#in = input;
    this.program = input.program;
    this.stackDepth = input.stackDepth;
    const { cfg, shape, calls } = input;
    const { insns, facts, maps } = input.program;
    this.isEntry = shape.kind === "entry" || (shape.kind === "part" && shape.ofEntry);
    const p = layParams(shape);
    this.#params = p;
    this.#selector = p.selector;
    this.cpu = p.cpu;
    this.code = shape.kind === "inline" ? shape.code : new Code(p.count);
    this.regs =
      shape.kind === "inline" ? shape.regs : new Registers(this.code, p.fp ?? this.code.local("i32"));
    for (const [reg, local] of p.regs) this.regs.bind(reg, local);
    this.#order = input.order;
    this.#live = computeLiveness(cfg, this.#order, insns, calls);
    // An entry's context is an address; what subprograms get may be any number.
    const narrow = shape.kind === "inline" ? shape.regs.forms : shape.kind === "entry" ? 2 : 0;
    this.#forms = computeForms(cfg, this.#order, insns, FP | narrow);
    const local = (size: number): number => this.code.local(size === 8 ? "i64" : "i32");
    this.slots =
      shape.kind === "part"
        ? new Map()
        : findStackSlots({ cfg, order: this.#order, live: this.#live, insns, facts, maps, calls, local });
  }

  run(): Code {
    const { cfg } = this.#in;
    this.#prologue();
    structure(cfg, this.#order, this);
    // Every way has left by now, but the validator does not know that of a loop's end.
    this.code.op("unreachable");
    return this.code;
  }

  pushFrame = (): void => {
    this.code.get(this.#frame ?? 0);
  };

  inlineCall = (callee: Callee): boolean => {
    const { code } = this;
    const { shape, calls } = this.#in;
    const { inline } = callee;
    if (inline === undefined || shape.kind === "inline" || this.#inlined === MAX_INLINED) return false;
    this.#inlined++;
    const { cfg, order, stackDepth } = inline;
    const framePointer = code.local("i32");
    pushCalleeFrame(this);
    code.set(framePointer);
    const regs = new Registers(code, framePointer);
    for (let r = 1; r <= 5; r++) {
      if (((callee.params >> r) & 1) === 0) continue;
      const narrow = this.regs.isNarrow(r);
      if (narrow) this.regs.get32(r);
      else this.regs.get64(r);
      regs.put(r, narrow ? "i32" : "i64", narrow);
    }
    const exit = code.block("i64");
    const inner: FunctionShape = { kind: "inline", code, regs, cpu: this.cpu, exit };
    emitFunction({ program: this.program, calls, cfg, order, shape: inner, stackDepth });
    code.end();
    this.regs.put(0, "i64", false);
    return true;
  };

  #prologue(): void {
    const { code, regs } = this;
    const { shape, cfg } = this.#in;
    const uses = this.#frameUses();
    regs.forms |= FP;
    if (uses.any && shape.kind === "entry") {
      pushEntryFrame(code, this.cpu);
      code.set(regs.framePointer);
    }
    if (uses.accesses) {
      this.#frame = code.local("i32");
      code.get(regs.framePointer);
      code.i32(FRAME_SIZE);
      code.op("i32_sub");
      code.set(this.#frame);
    }
    const live = this.#live.before[cfg.entry] as number;
    if (shape.kind === "entry" && (live & 2) !== 0) {
      code.get(this.#params.ctx);
      regs.put(1, "i64", true);
    }
    regs.widen(live & ~(this.#forms[cfg.entry] as number) & ~FP);
  }

  /** Whether the function needs R10 at all, and whether it accesses its frame in memory. */
  #frameUses(): { any: boolean; accesses: boolean } {
    const { insns, facts } = this.program;
    let any = false;
    let accesses = false;
    for (const node of this.#in.cfg.nodes) {
      if (node.kind === "leave") any = true;
      if (node.kind !== "code") continue;
      for (let at = node.start; at < node.end; at++) {
        const insn = insns[at] as Insn;
        const isCall = insn.code === (CLASS.JMP | JMP.CALL);
        if (isCall && (insn.src === CALL.LOCAL || CALLING_BACK.has(insn.imm))) any = true;
        const touches = ((usesOf(effectsOf(insn, at, this.#in.calls)) >> 10) & 1) !== 0;
        const isMemory = (insn.code & 0x07) <= CLASS.STX;
        const onStack = isMemory && (touches || knownStackOffset(facts[at]) !== undefined);
        if (!this.slots.has(at) && (touches || onStack)) {
          any = true;
          if (isMemory) accesses = true;
        }
        if (insn.code === 0x18) at++;
      }
    }
    return { any: any || accesses, accesses };
  }

  body(n: number): void {
    const { code, regs } = this;
    const node = this.#in.cfg.nodes[n];
    if (node === undefined) return;
    regs.forms = this.#forms[n] as number;
    if (node.kind === "code") this.#instructions(node.start, node.end);
    else if (node.kind === "select") {
      code.i32(node.value);
      code.set(this.#selectorLocal());
    } else if (node.kind === "leave") this.#leave(node.part, node.value);
    let wide = 0;
    for (const s of node.succs) wide |= (this.#live.before[s] as number) & ~(this.#forms[s] as number);
    regs.widen(wide & ~FP);
  }

  condition(n: number, inverted: boolean): void {
    const node = this.#in.cfg.nodes[n];
    if (node?.kind !== "code") return;
    const at = node.end - 1;
    const insn = this.program.insns[at] as Insn;
    if ((insn.code & 0xf0) !== JMP.JCOND) {
      emitCompare(this, insn, at, inverted);
      return;
    }
    if (insn.src !== 0) refuse(this, at, "a conditional pseudo jump other than may_goto");
    if (this.#in.shape.kind === "part") refuse(this, at, "may_goto in a function this large");
    this.#rounds ??= this.code.local("i32");
    this.code.get(this.#rounds);
    this.code.i32(1);
    this.code.op("i32_add");
    this.code.tee(this.#rounds);
    this.code.i32(MAY_GOTO_ROUNDS);
    this.code.op(inverted ? "i32_le_u" : "i32_gt_u");
  }

  selector(): void {
    this.code.get(this.#selectorLocal());
  }
  block = (): Label => this.code.block();
  loop = (): Label => this.code.loop();
  if = (): Label => this.code.if();
  end = (): void => this.code.end();
  br = (label: Label): void => this.code.br(label);
  brIf = (label: Label): void => this.code.brIf(label);
  brTable = (labels: readonly Label[]): void => this.code.brTable(labels);

  #selectorLocal(): number {
    this.#selector ??= this.code.local("i32");
    return this.#selector;
  }

  #instructions(start: number, end: number): void {
    for (let at = start; at < end; ) at += this.#instruction(at, end);
  }

  /** Writes the instruction at `at`; returns how many slots that covered. */
  #instruction(at: number, end: number): number {
    const insn = this.program.insns[at] as Insn;
    switch (insn.code & 0x07) {
      case CLASS.ALU:
      case CLASS.ALU64:
        return emitAlu(this, insn, at, end);
      case CLASS.LDX:
        emitLoad(this, insn, at);
        return 1;
      case CLASS.ST:
        emitStore(this, insn, at);
        return 1;
      case CLASS.STX:
        if ((insn.code & 0xe0) === MODE.ATOMIC) emitAtomic(this, insn, at);
        else emitStore(this, insn, at);
        return 1;
      case CLASS.LD:
        if (insn.code === 0x18) return this.#loadImmediate(insn, at);
        emitLdAbs(this, insn, at);
        return 1;
    }
    if (isExit(insn)) {
      this.regs.get64(0);
      if (this.#in.shape.kind === "inline") this.code.br(this.#in.shape.exit);
      else this.code.op("return");
    } else if (insn.code === (CLASS.JMP | JMP.CALL)) {
      emitCall(this, insn, at);
    } else if (!isJump(insn)) {
      refuse(this, at, `unknown opcode 0x${insn.code.toString(16)}`);
    }
    return 1;
  }

  #loadImmediate(insn: Insn, at: number): number {
    const { code, regs } = this;
    const next = this.program.insns[at + 1];
    const high = next?.imm ?? 0;
    const narrow = ((formsAfter(insn, next, regs.forms) >> insn.dst) & 1) === 1;
    if (insn.src === PSEUDO.FUNC) {
      code.i32(this.program.callback(insn, at));
      regs.put(insn.dst, "i32", narrow);
    } else if (insn.src !== 0) {
      refuse(this, at, `an address that was not resolved (64-bit load of kind ${insn.src})`);
    } else if (narrow) {
      code.i32(insn.imm);
      regs.put(insn.dst, "i32", true);
    } else {
      code.i64(insn.imm, high);
      regs.put(insn.dst, "i64", false);
    }
    return 2;
  }

  #leave(part: number, value: number): void {
    const { code, regs } = this;
    const { shape } = this.#in;
    const func = shape.kind === "part" ? shape.parts[part] : undefined;
    if (func === undefined) refuse(this, 0, `no part ${part}`);
    for (let r = 0; r < 10; r++) regs.get64(r);
    code.get(regs.framePointer);
    code.get(this.cpu);
    code.i32(value);
    code.returnCall(func);
  }
}

/** Pushes R10 of a program's entry, given the local with the address of the CPU's block. */
export function pushEntryFrame(code: Code, cpu: number): void {
  code.get(cpu);
  code.i32(CPU_SIZE);
  code.op("i32_add");
  code.get(cpu);
  code.memory("i32_load", CPU.entryFrame);
  code.op("i32_sub");
}

interface Params {
  readonly count: number;
  readonly ctx: number;
  readonly cpu: number;
  readonly fp: number | undefined;
  readonly selector: number | undefined;
  /** Registers that are parameters. */
  readonly regs: readonly (readonly [reg: number, local: number])[];
}

/** Where each shape of function has its parameters. */
function layParams(shape: FunctionShape): Params {
  if (shape.kind === "inline") {
    const { cpu, regs } = shape;
    return { count: 0, ctx: 0, cpu, fp: regs.framePointer, selector: undefined, regs: [] };
  }
  if (shape.kind === "entry")
    return { count: 2, ctx: 0, cpu: 1, fp: undefined, selector: undefined, regs: [] };
  const regs: [number, number][] = [];
  if (shape.kind === "part") {
    for (let r = 0; r < 10; r++) regs.push([r, r]);
    return { count: 13, ctx: 0, fp: 10, cpu: 11, selector: 12, regs };
  }
  for (let r = 1; r <= 5; r++) if (((shape.params >> r) & 1) !== 0) regs.push([r, regs.length]);
  const count = regs.length;
  return { count: count + 2, ctx: 0, fp: count, cpu: count + 1, selector: undefined, regs };
}
