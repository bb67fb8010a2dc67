import type { Code } from "../wasm/code.ts";
import type { ValType } from "../wasm/opcode.ts";
import type { Forms } from "./forms.ts";

/** R0 to R10 of one function as locals: R0 to R9 each as an i64 and an i32 local of which one holds, R10 an i32. */
export class Registers {
  readonly #code: Code;
  readonly #wide: (number | undefined)[] = [];
  readonly #narrow: (number | undefined)[] = [];
  /** Which registers are in their i32 local now (see `Forms`). */
  forms: Forms = 0;
  /** The local of R10: the end of the frame. */
  readonly framePointer: number;

  constructor(code: Code, framePointer: number) {
    this.#code = code;
    this.framePointer = framePointer;
  }

  /** Uses a parameter of the function as a register's i64 local. */
  bind(reg: number, local: number): void {
    this.#wide[reg] = local;
  }

  isNarrow(reg: number): boolean {
    return reg === 10 || ((this.forms >> reg) & 1) === 1;
  }

  /** Pushes a register as i64. */
  get64(reg: number): void {
    if (this.isNarrow(reg)) {
      this.#code.get(this.#narrowLocal(reg));
      this.#code.op("i64_extend_i32_u");
    } else {
      this.#code.get(this.#wideLocal(reg));
    }
  }

  /** Pushes a register's lower half as i32. */
  get32(reg: number): void {
    if (this.isNarrow(reg)) {
      this.#code.get(this.#narrowLocal(reg));
    } else {
      this.#code.get(this.#wideLocal(reg));
      this.#code.op("i32_wrap_i64");
    }
  }

  /** Pops a value of type `type` (an i32 means its zero-extension) into a register that is to be `narrow` or not. */
  put(reg: number, type: ValType, narrow: boolean): void {
    if (narrow) {
      if (type === "i64") this.#code.op("i32_wrap_i64");
      this.#code.set(this.#narrowLocal(reg));
      this.forms |= 1 << reg;
    } else {
      if (type === "i32") this.#code.op("i64_extend_i32_u");
      this.#code.set(this.#wideLocal(reg));
      this.forms &= ~(1 << reg);
    }
  }

  /** Fills the i64 locals of those registers of `mask` that are narrow; their i32 locals stay as they are. */
  widen(mask: number): void {
    for (let reg = 0; reg < 10; reg++) {
      if (((mask & this.forms) >> reg) & 1) {
        this.get64(reg);
        this.#code.set(this.#wideLocal(reg));
      }
    }
  }

  #wideLocal(reg: number): number {
    const known = this.#wide[reg];
    if (known !== undefined) return known;
    const local = this.#code.local("i64");
    this.#wide[reg] = local;
    return local;
  }

  #narrowLocal(reg: number): number {
    if (reg === 10) return this.framePointer;
    const known = this.#narrow[reg];
    if (known !== undefined) return known;
    const local = this.#code.local("i32");
    this.#narrow[reg] = local;
    return local;
  }
}
