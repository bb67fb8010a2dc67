import type { UserBuffer, UserMemory } from "../../transport/task.ts";
import { E } from "../../uapi/errno.ts";
import { SysError } from "../error.ts";

/** Where a task's addresses start: far above any offset in the kernel's memory, so that a mix-up faults. */
const USER_BASE = 0x5500_0000_0000n;
const PAGE = 0x1000n;

/** The user memory of an in-process task: buffers at made-up addresses, each followed by an unmapped page. */
export class TaskMemory implements UserMemory {
  readonly #buffers = new Map<bigint, Uint8Array>();
  /** Starts of all buffers in ascending order: allocation only ever appends, so the list stays sorted. */
  #starts: bigint[] = [];
  #next = USER_BASE;

  alloc(size: number): UserBuffer {
    return this.#map(new Uint8Array(Math.max(size, 1)));
  }

  from(bytes: Uint8Array): UserBuffer {
    return this.#map(bytes.length === 0 ? new Uint8Array(1) : bytes.slice());
  }

  #map(own: Uint8Array): UserBuffer {
    const address = this.#next;
    this.#next += ((BigInt(own.length) + PAGE - 1n) / PAGE + 1n) * PAGE;
    this.#buffers.set(address, own);
    this.#starts.push(address);
    return { address, bytes: own };
  }

  free(buffer: UserBuffer): void {
    if (!this.#buffers.delete(buffer.address)) return;
    if (this.#starts.at(-1) === buffer.address) {
      this.#starts.pop();
    } else if (this.#starts.length > 2 * this.#buffers.size + 64) {
      this.#starts = this.#starts.filter((start) => this.#buffers.has(start));
    }
  }

  /** Buffers not freed yet, for leak checks. */
  get live(): number {
    return this.#buffers.size;
  }

  /** The `length` bytes at `address` themselves, not a copy; EFAULT if any of them is not mapped. */
  at(address: bigint, length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    const start = this.#startBelow(address);
    const buffer = start === undefined ? undefined : this.#buffers.get(start);
    if (start === undefined || buffer === undefined) throw new SysError(E.EFAULT);
    const offset = Number(address - start);
    if (offset + length > buffer.length) throw new SysError(E.EFAULT);
    return buffer.subarray(offset, offset + length);
  }

  /** A copy of the `length` bytes at `address`; EFAULT as `at`. */
  read(address: bigint, length: number): Uint8Array {
    return this.at(address, length).slice();
  }

  /** Copies `bytes` to `address`; EFAULT as `at`, and then nothing is written. */
  write(address: bigint, bytes: Uint8Array): void {
    this.at(address, bytes.length).set(bytes);
  }

  /** The text at `address` up to its NUL, at most `limit` bytes long; EFAULT where memory ends before. */
  readString(address: bigint, limit: number): string {
    const start = this.#startBelow(address);
    const buffer = start === undefined ? undefined : this.#buffers.get(start);
    if (start === undefined || buffer === undefined) throw new SysError(E.EFAULT);
    const from = Number(address - start);
    const rest = buffer.subarray(from, from + limit);
    const end = rest.indexOf(0);
    if (from >= buffer.length || (end < 0 && rest.length < limit)) throw new SysError(E.EFAULT);
    return new TextDecoder("latin1").decode(end < 0 ? rest : rest.subarray(0, end));
  }

  #startBelow(address: bigint): bigint | undefined {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      const start = this.#starts[mid];
      if (start !== undefined && start <= address) low = mid + 1;
      else high = mid;
    }
    return low === 0 ? undefined : this.#starts[low - 1];
  }
}
