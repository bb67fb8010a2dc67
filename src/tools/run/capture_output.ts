import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { pcapHeader } from "../../lib/pcap/writer.ts";
import { UserError } from "../anybpf/report_error.ts";

const BUFFER = 1 << 20;
const RECORD_HEADER = 16;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Opens the temporary file; what open(2) refuses is told of the name that the user gave. */
function openForWriting(temporary: string, path: string): number {
  try {
    return openSync(temporary, "w");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new UserError(`${path}: its directory does not exist`);
    throw Object.assign(error as Error, { path });
  }
}

/**
 * Writes packets to a capture. The file appears under its name only when all is written (`commit`); until then it is a
 * temporary one beside it, which `abandon` takes away. `-` writes to standard output at once.
 */
export class CaptureOutput {
  readonly #path: string;
  readonly #temporary: string;
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #view = new DataView(this.#buffer.buffer);
  #used = 0;

  constructor(path: string) {
    this.#path = path;
    this.#temporary = path === "-" ? "" : `${path}.${process.pid}.tmp`;
    this.#fd = path === "-" ? 1 : openForWriting(this.#temporary, path);
    this.#append(pcapHeader());
  }

  /** Adds `length` bytes of `bytes` from `start` as one packet. */
  write(seconds: number, nanoseconds: number, bytes: Uint8Array, start: number, length: number): void {
    if (this.#used + RECORD_HEADER > BUFFER) this.#flush();
    const at = this.#used;
    this.#view.setUint32(at, seconds, true);
    this.#view.setUint32(at + 4, nanoseconds, true);
    this.#view.setUint32(at + 8, length, true);
    this.#view.setUint32(at + 12, length, true);
    this.#used += RECORD_HEADER;
    this.#append(bytes.subarray(start, start + length));
  }

  /** Writes what is left and puts the file in its place. */
  commit(): void {
    this.#flush();
    if (this.#temporary === "") return;
    closeSync(this.#fd);
    renameSync(this.#temporary, this.#path);
  }

  /** Leaves no file behind. */
  abandon(): void {
    if (this.#temporary === "") return;
    closeSync(this.#fd);
    rmSync(this.#temporary, { force: true });
  }

  #append(bytes: Uint8Array): void {
    if (this.#used + bytes.length > BUFFER) this.#flush();
    if (bytes.length > BUFFER) {
      this.#writeAll(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #flush(): void {
    this.#writeAll(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  #writeAll(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(this.#fd, bytes, at);
      } catch (error) {
        // A pipe whose reader is slow: wait a little, as a blocking write would.
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
        Atomics.wait(PAUSE, 0, 0, 1);
      }
    }
  }
}
