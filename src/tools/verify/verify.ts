import { VerifierError } from "../../lib/errors.ts";
import { BpfObject } from "../../lib/object.ts";
import type { ObjectSpec, ProgramSpec } from "../../lib/spec.ts";
import { createKernel, type Kernel } from "../../transport/in_process.ts";
import { PROG_TYPES } from "../../uapi/prog_type.ts";
import { nameOf } from "../../uapi/table.ts";
import { colours as pc } from "../anybpf/colours.ts";
import { readObject, readTarget } from "../anybpf/object_file.ts";
import { describeError, UserError } from "../anybpf/report_error.ts";

/** What `anybpf verify` was asked. */
export interface VerifyCommand {
  readonly prog?: string;
  readonly btf?: string;
  readonly logLevel?: number;
  readonly json?: boolean;
}

/** What became of one program. */
interface Verdict {
  readonly name: string;
  readonly section: string;
  readonly type: string;
  readonly insns: number;
  readonly verdict: "accept" | "reject" | "error";
  readonly errno: number;
  readonly errname: string;
  /** Instructions that the verifier looked at on all paths. */
  readonly insns_processed?: number;
  readonly log: string;
  /** Why it was rejected, and where. */
  readonly cause?: string;
  readonly source?: { readonly text: string; readonly file: string; readonly line: number };
  readonly state?: string;
}

const STATISTICS_LEVEL = 4;

/** `anybpf verify`: each program of an object, accepted or rejected and why. Returns the exit status: 1 if any is not. */
export async function verify(path: string, command: VerifyCommand): Promise<number> {
  const spec = readObject(path);
  const wanted = spec.programs.filter(
    (p) => command.prog === undefined || p.name === command.prog || p.section === command.prog,
  );
  if (wanted.length === 0) {
    const names = spec.programs.map((p) => p.name).join(", ") || "none";
    throw new UserError(
      command.prog === undefined
        ? `${path}: no programs`
        : `${path}: no program '${command.prog}'; found: ${names}`,
    );
  }
  const kernel = await createKernel();
  const verdicts = wanted.map((program) => verifyOne(kernel, spec, program, command));
  if (command.json) process.stdout.write(`${JSON.stringify({ object: path, programs: verdicts })}\n`);
  else for (const verdict of verdicts) process.stdout.write(describe(verdict, command, path));
  return verdicts.every((v) => v.verdict === "accept") ? 0 : 1;
}

function verifyOne(kernel: Kernel, spec: ObjectSpec, program: ProgramSpec, command: VerifyCommand): Verdict {
  const task = kernel.task();
  const about = {
    name: program.name,
    section: program.section,
    type:
      program.type === undefined
        ? "unknown"
        : (nameOf(PROG_TYPES, program.type) ?? String(program.type)).toLowerCase(),
    insns: program.insns.length,
  };
  try {
    const object = BpfObject.load(task, spec, {
      programs: [program.name],
      onlyUsedMaps: true,
      target: readTarget(command.btf),
      logLevel: command.logLevel ?? STATISTICS_LEVEL,
    });
    const { log } = object.program(program.name);
    return { ...about, verdict: "accept", errno: 0, errname: "", ...processed(log), log };
  } catch (error) {
    if (error instanceof VerifierError) {
      // Without a level of the user's the statistics alone were asked for: the log that explains is one more load away.
      const { log, cause, source, state } =
        command.logLevel === undefined ? explained(kernel, spec, program, command, error) : error;
      return {
        ...about,
        verdict: "reject",
        errno: error.errno,
        errname: error.code,
        ...processed(log),
        log,
        cause,
        ...(source === undefined ? {} : { source }),
        ...(state === undefined ? {} : { state }),
      };
    }
    const message = describeError(error);
    if (message.startsWith("bug:")) throw error;
    return { ...about, verdict: "error", errno: 0, errname: "", log: "", cause: message };
  } finally {
    task.exit();
  }
}

/** The rejection again with a log of level 1, or the one there is if it is not rejected twice. */
function explained(
  kernel: Kernel,
  spec: ObjectSpec,
  program: ProgramSpec,
  command: VerifyCommand,
  first: VerifierError,
): VerifierError {
  const task = kernel.task();
  try {
    BpfObject.load(task, spec, {
      programs: [program.name],
      onlyUsedMaps: true,
      target: readTarget(command.btf),
      logLevel: 1,
    });
  } catch (error) {
    if (error instanceof VerifierError) return error;
  } finally {
    task.exit();
  }
  return first;
}

function processed(log: string): { insns_processed?: number } {
  const found = /processed (\d+) insns/.exec(log);
  return found === null ? {} : { insns_processed: Number(found[1]) };
}

function describe(verdict: Verdict, command: VerifyCommand, path: string): string {
  const { name, type, section } = verdict;
  const head = `${pc.bold(name)} (${type}, section ${section})`;
  if (verdict.verdict === "accept") {
    const log = command.logLevel === undefined ? "" : verdict.log;
    return `${pc.green("accepted")}  ${head}: ${verdict.insns} instructions, ${verdict.insns_processed ?? "?"} processed\n${log}`;
  }
  if (verdict.verdict === "error") return `${pc.red("not loaded")}  ${head}: ${verdict.cause ?? ""}\n`;
  const lines = [
    `${pc.red("rejected")}  ${head}: ${verdict.cause ?? ""} (${verdict.errname}, ${verdict.insns_processed ?? 0} instructions processed)`,
  ];
  if (verdict.source !== undefined)
    lines.push(`  at ${verdict.source.file}:${verdict.source.line}: ${verdict.source.text}`);
  if (verdict.state !== undefined) lines.push(`  state ${verdict.state}`);
  if (command.logLevel === undefined)
    lines.push(pc.dim(`  all of it: anybpf verify ${path} --prog ${name} --log-level 2`));
  else lines.push(verdict.log.trimEnd());
  return `${lines.join("\n")}\n`;
}
