import { Bytes } from "./bytes.ts";
import { OP, type OpName, VALTYPE, type ValType } from "./opcode.ts";

/** A place that branches go to: the nesting depth at which its block or loop was opened. */
export type Label = number;

/** The instructions of one function being written, with its locals and the nesting of its blocks. */
export class Code {
  readonly bytes = new Bytes(1024);
  readonly #locals: ValType[] = [];
  readonly #free: Record<ValType, number[]> = { i32: [], i64: [] };
  readonly #params: number;
  #depth = 0;

  /** `params`: the number of parameters, which are locals 0 and up. */
  constructor(params: number) {
    this.#params = params;
  }

  /** Declares a local of its own; it starts as 0. */
  local(type: ValType): number {
    this.#locals.push(type);
    return this.#params + this.#locals.length - 1;
  }

  /** A local for a few instructions' use, to be given back with `release`; it starts with any value. */
  scratch(type: ValType): number {
    return this.#free[type].pop() ?? this.local(type);
  }

  release(type: ValType, local: number): void {
    this.#free[type].push(local);
  }

  /** An instruction without immediates. */
  op(name: OpName): void {
    const code = OP[name];
    if (code > 0xff) this.bytes.byte(code >> 8);
    this.bytes.byte(code & 0xff);
  }

  get(local: number): void {
    this.bytes.byte(OP.local_get);
    this.bytes.u32(local);
  }

  set(local: number): void {
    this.bytes.byte(OP.local_set);
    this.bytes.u32(local);
  }

  tee(local: number): void {
    this.bytes.byte(OP.local_tee);
    this.bytes.u32(local);
  }

  i32(value: number): void {
    this.bytes.byte(OP.i32_const);
    this.bytes.s32(value);
  }

  /** A 64-bit constant: a sign-extended 32-bit number, or two halves. */
  i64(low: number, high: number = low >> 31): void {
    this.bytes.byte(OP.i64_const);
    this.bytes.s64(low, high);
  }

  /** A load or store; `align` is the exponent of the alignment (atomic instructions demand their natural one). */
  memory(name: OpName, offset: number, align = 0): void {
    this.op(name);
    this.bytes.u32(align);
    this.bytes.u32(offset);
  }

  call(func: number): void {
    this.bytes.byte(OP.call);
    this.bytes.u32(func);
  }

  callIndirect(type: number, table: number): void {
    this.bytes.byte(OP.call_indirect);
    this.bytes.u32(type);
    this.bytes.u32(table);
  }

  returnCall(func: number): void {
    this.bytes.byte(OP.return_call);
    this.bytes.u32(func);
  }

  returnCallIndirect(type: number, table: number): void {
    this.bytes.byte(OP.return_call_indirect);
    this.bytes.u32(type);
    this.bytes.u32(table);
  }

  block(result?: ValType): Label {
    return this.#open(OP.block, result);
  }

  loop(): Label {
    return this.#open(OP.loop);
  }

  if(result?: ValType): Label {
    return this.#open(OP.if, result);
  }

  else(): void {
    this.bytes.byte(OP.else);
  }

  end(): void {
    this.bytes.byte(OP.end);
    this.#depth--;
  }

  br(label: Label): void {
    this.bytes.byte(OP.br);
    this.bytes.u32(this.#depth - label);
  }

  brIf(label: Label): void {
    this.bytes.byte(OP.br_if);
    this.bytes.u32(this.#depth - label);
  }

  /** Branches by an index on the stack: to the label of that number, or past them to the last. */
  brTable(labels: readonly Label[]): void {
    this.bytes.byte(OP.br_table);
    this.bytes.u32(labels.length - 1);
    for (const label of labels) this.bytes.u32(this.#depth - label);
  }

  /** The entry of the code section: size, runs of locals, instructions. */
  finish(): Uint8Array {
    const locals = new Bytes();
    const runs: { type: ValType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    locals.u32(runs.length);
    for (const run of runs) {
      locals.u32(run.count);
      locals.byte(VALTYPE[run.type]);
    }
    const out = new Bytes(this.bytes.length + locals.length + 6);
    out.u32(locals.length + this.bytes.length + 1);
    out.raw(locals.view());
    out.raw(this.bytes.view());
    out.byte(OP.end);
    return out.take();
  }

  #open(code: number, result?: ValType): Label {
    this.bytes.byte(code);
    this.bytes.byte(result === undefined ? 0x40 : VALTYPE[result]);
    return ++this.#depth;
  }
}
