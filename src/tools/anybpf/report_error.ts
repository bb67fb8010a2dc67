/** A mistake of the user's or in a file: shown as one line, without a stack trace. */
export class UserError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UserError";
  }
}

/** Errors whose message says all that a user can use: what, where and what next. */
const EXPLAINED: ReadonlySet<string> = new Set([
  "UserError",
  "ElfError",
  "ObjectError",
  "BtfError",
  "PcapError",
  "BpfError",
  "VerifierError",
  "AsmError",
]);

/** Prints an error for a person on standard error; the exit status is 1. */
export function reportError(error: unknown): number {
  process.stderr.write(`anybpf: ${describeError(error)}\n`);
  return 1;
}

/** One line for errors that explain themselves or come from the system, a stack for bugs of ours. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (EXPLAINED.has(error.name)) return error.message;
  const { code, path } = error as NodeJS.ErrnoException;
  if (typeof code === "string") {
    if (code === "ENOENT") return `${path ?? "file"}: no such file`;
    if (code === "EACCES") return `${path ?? "file"}: permission denied`;
    if (error.name === "Error") return error.message;
  }
  return `bug: ${error.stack ?? error.message}\nPlease report this with the command and its input.`;
}
