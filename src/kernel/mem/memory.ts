/**
 * The kernel's address space: one 32-bit linear memory. Views are made anew when the memory has grown, so never keep
 * one across an allocation; ask again (`mem.u8`).
 */
export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  #u8: Uint8Array;
  #view: DataView;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#u8 = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  /** All of memory as bytes. */
  get u8(): Uint8Array {
    if (this.#u8.buffer !== this.memory.buffer) this.#refresh();
    return this.#u8;
  }

  /** All of memory for typed reads and writes; pass `true` for little endian. */
  get view(): DataView {
    if (this.#view.buffer !== this.memory.buffer) this.#refresh();
    return this.#view;
  }

  /** A view of `length` bytes at `address`, valid until memory grows. */
  bytes(address: number, length: number): Uint8Array {
    return this.u8.subarray(address, address + length);
  }

  #refresh(): void {
    this.#u8 = new Uint8Array(this.memory.buffer);
    this.#view = new DataView(this.memory.buffer);
  }
}
