import { errnoName, strerror } from "../uapi/errno.ts";

/** A bpf(2) call that the kernel refused. */
export class BpfError extends Error {
  /** The positive errno, e.g. 13. */
  readonly errno: number;
  /** Its name, e.g. `EACCES`. */
  readonly code: string;
  /** The command's name without `BPF_`, e.g. `PROG_LOAD`. */
  readonly cmd: string;
  constructor(cmd: string, errno: number, about: string) {
    super(`${about}: ${strerror(errno)} (${cmd}: ${errnoName(errno)})`);
    this.name = "BpfError";
    this.errno = errno;
    this.code = errnoName(errno);
    this.cmd = cmd;
  }
}

/** A place in the source of a program, as its BTF knows it. */
export interface SourceLine {
  readonly text: string;
  readonly file: string;
  readonly line: number;
}

/** A program that the verifier refused. */
export class VerifierError extends BpfError {
  /** The verifier's log, whole. */
  readonly log: string;
  /** The line of the log that says why: the first of the final complaint. */
  override readonly cause: string;
  /** The source line of the instruction that was refused, if the program has line info. */
  readonly source: SourceLine | undefined;
  /** The last instruction in the log with its registers, if any. */
  readonly state: string | undefined;
  constructor(errno: number, program: string, log: string) {
    const explained = explainLog(log);
    const { source, cause } = explained;
    const where = source === undefined ? "" : ` at ${source.file}:${source.line}`;
    super("PROG_LOAD", errno, `program '${program}' was rejected${where}: ${cause}`);
    this.name = "VerifierError";
    this.log = log;
    this.cause = cause;
    this.source = source;
    this.state = explained.state;
  }
}

/** Takes the complaint, the source line before it and the last state out of a verifier's log. */
export function explainLog(log: string): { cause: string; source?: SourceLine; state?: string } {
  const lines = log.split("\n").filter((line) => line !== "" && !STATISTICS.test(line));
  let source: SourceLine | undefined;
  let state: string | undefined;
  let last = -1;
  lines.forEach((line, i) => {
    const found = /^; (.*) @ (.*):(\d+)$/.exec(line);
    if (found !== null) source = { text: found[1] ?? "", file: found[2] ?? "", line: Number(found[3]) };
    if (found !== null || line.startsWith("; ")) last = i;
    else if (INSTRUCTION.test(line)) {
      state = line;
      last = i;
    } else if (TRACE.test(line)) last = i;
  });
  const cause = lines[last + 1] ?? lines.at(-1) ?? "the verifier gave no reason";
  return { cause, ...(source === undefined ? {} : { source }), ...(state === undefined ? {} : { state }) };
}

const STATISTICS = /^(processed \d+ insns |verification time |stack depth )/;
const INSTRUCTION = /^\d+: (\([0-9a-f]{2}\)|R\d|\(.*fp)/;
const TRACE =
  /^(func#|mark_precise:|from \d+ to |last_idx |parent |regs=|Validating |Func#|\d+: safe|propagating )/;
