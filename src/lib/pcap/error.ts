/** A capture that can't be read: says which file, at which byte, and what was expected there. */
export class PcapError extends Error {
  /** The capture's name, as given by the caller. */
  readonly file: string;
  /** Byte offset in the (uncompressed) capture. */
  readonly offset: number;

  constructor(file: string, offset: number, message: string) {
    super(`${file}: offset ${offset}: ${message}`);
    this.name = "PcapError";
    this.file = file;
    this.offset = offset;
  }
}
