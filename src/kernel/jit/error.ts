/** Says why a program cannot be compiled: something unsupported, by name, or instructions no verifier would pass. */
export class JitError extends Error {
  constructor(program: string, message: string, insn?: number) {
    super(`jit: ${program}${insn === undefined ? "" : `, instruction ${insn}`}: ${message}`);
    this.name = "JitError";
  }
}
