/** Says why the interpreter cannot go on: something unsupported, by name, or what no verified program does. */
export class InterpError extends Error {
  constructor(program: string, message: string, insn?: number) {
    super(`interp: ${program}${insn === undefined ? "" : `, instruction ${insn}`}: ${message}`);
    this.name = "InterpError";
  }
}
