/** Text that is no program: says on which line, and what would be right there. */
export class AsmError extends Error {
  /** The line, from 1. */
  readonly line: number;
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = "AsmError";
    this.line = line;
  }
}
