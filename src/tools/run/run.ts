import cliProgress from "cli-progress";
import { BpfObject } from "../../lib/object.ts";
import { PcapError } from "../../lib/pcap/error.ts";
import { PcapReader } from "../../lib/pcap/reader.ts";
import type { ObjectSpec, ProgramSpec } from "../../lib/spec.ts";
import { createKernel, type PacketRunner } from "../../transport/in_process.ts";
import { colours as pc } from "../anybpf/colours.ts";
import { readObject, readTarget } from "../anybpf/object_file.ts";
import { UserError } from "../anybpf/report_error.ts";
import { Batch } from "./batch.ts";
import { openCapture } from "./capture_input.ts";
import { CaptureOutput } from "./capture_output.ts";
import { fillMaps } from "./map_contents.ts";
import { printReport } from "./report.ts";
import type { RunCommand } from "./run_command.ts";
import { Tally } from "./tally.ts";
import { verdictRules } from "./verdict.ts";

/** A run that takes longer shows how far it is, on a terminal. */
const PROGRESS_AFTER_MS = 1000;

/** `anybpf run`: one program over all packets of a capture. Returns the exit status. */
export async function run(path: string, command: RunCommand): Promise<number> {
  // With the packets on standard output, what is for people goes to standard error.
  const print =
    command.out === "-"
      ? (text: string) => process.stderr.write(text)
      : (text: string) => process.stdout.write(text);
  const spec = readObject(path);
  const chosen = chooseProgram(spec, command.prog);
  const kernel = await createKernel({
    engine: command.interp ? "interp" : "jit",
    onTrace: (line) => process.stderr.write(`${line}\n`),
  });
  const task = kernel.task();
  try {
    const object = BpfObject.load(task, spec, {
      programs: withTailCalls(spec, chosen),
      onlyUsedMaps: true,
      target: readTarget(command.btf),
      logLevel: 4,
    });
    if (command.maps !== undefined) fillMaps(object, command.maps);
    const program = object.program(chosen.name);
    const rules = verdictRules(program.type);
    if (rules === undefined)
      throw new UserError(`${path}: program '${chosen.name}' (section ${chosen.section}) takes no packets`);
    const runner = task.packetRunner(program.fd, { repeat: 1, wantPackets: command.out !== undefined });
    const tally = new Tally(rules, command.perPacket === true);
    try {
      await runCapture(command, runner, tally);
    } finally {
      runner.free();
    }
    printReport({ command, engine: runner.engine, program, spec: chosen, object, tally, print });
    object.close();
  } finally {
    task.exit();
  }
  return 0;
}

/** The program asked for by name or section, or the first that takes packets and is no tail call's target. */
function chooseProgram(spec: ObjectSpec, name: string | undefined): ProgramSpec {
  const takesPackets = (p: ProgramSpec) => p.type !== undefined && verdictRules(p.type) !== undefined;
  const targets = new Set(spec.maps.flatMap((map) => map.slots.map((slot) => slot.program)));
  const found =
    name === undefined
      ? (spec.programs.find((p) => p.autoload && takesPackets(p) && !targets.has(p.name)) ??
        spec.programs.find(takesPackets))
      : (spec.programs.find((p) => p.name === name) ?? spec.programs.find((p) => p.section === name));
  if (found !== undefined) return found;
  const names = spec.programs.map((p) => `${p.name} (${p.section})`).join(", ") || "none";
  throw new UserError(
    name === undefined
      ? `${spec.file}: no program that takes packets (xdp, tc, socket); found: ${names}`
      : `${spec.file}: no program '${name}'; found: ${names}`,
  );
}

/** The program, and those that the object puts into program arrays. */
function withTailCalls(spec: ObjectSpec, chosen: ProgramSpec): string[] {
  const names = new Set([chosen.name]);
  for (const name of names) {
    for (const ref of spec.programs.find((p) => p.name === name)?.refs ?? []) {
      if (ref.kind !== "map") continue;
      for (const slot of spec.maps[ref.map]?.slots ?? [])
        if (slot.program !== undefined) names.add(slot.program);
    }
  }
  return [...names];
}

/** Reads the capture (as often as asked), runs each chunk of it, and writes what passed. */
async function runCapture(command: RunCommand, runner: PacketRunner, tally: Tally): Promise<void> {
  if (command.repeat > 1 && command.pcap === "-")
    throw new UserError("--repeat needs a file: standard input can be read once only");
  const output = command.out === undefined ? undefined : new CaptureOutput(command.out);
  try {
    for (let round = 0; round < command.repeat; round++) {
      // What passes is written once: the rounds after the first are for measuring.
      await runOnce(command, runner, tally, round === 0 ? output : undefined, round);
    }
    output?.commit();
  } catch (error) {
    output?.abandon();
    throw error;
  }
}

async function runOnce(
  command: RunCommand,
  runner: PacketRunner,
  tally: Tally,
  output: CaptureOutput | undefined,
  round: number,
): Promise<void> {
  const input = openCapture(command.pcap);
  const reader = new PcapReader(command.pcap === "-" ? "standard input" : command.pcap);
  const progress = new Progress(input.size, command, round);
  const batch = new Batch();
  try {
    for await (const chunk of input.chunks) {
      reader.push(chunk);
      do {
        batch.fill(reader);
        if (batch.count === 0) break;
        const result = runner.run(batch);
        tally.add(batch, result);
        if (output !== undefined) tally.writePassed(batch, result, output);
      } while (batch.full);
      progress.update(input.consumed());
    }
    reader.finish();
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_")) {
      throw new PcapError(command.pcap, input.consumed(), `expected gzip data: ${error.message}`);
    }
    throw error;
  } finally {
    progress.stop();
  }
}

/** A bar on a terminal once the run takes long; nothing in a pipe. */
class Progress {
  readonly #size: number;
  readonly #wanted: boolean;
  readonly #started = performance.now();
  #bar: cliProgress.SingleBar | undefined;

  constructor(size: number, command: RunCommand, round: number) {
    this.#size = size;
    this.#wanted = size > 0 && round === 0 && process.stderr.isTTY === true && command.json !== true;
  }

  update(consumed: number): void {
    if (!this.#wanted) return;
    if (this.#bar === undefined) {
      if (performance.now() - this.#started < PROGRESS_AFTER_MS) return;
      this.#bar = new cliProgress.SingleBar({
        format: `${pc.cyan("{bar}")} {percentage}% of the capture | {eta_formatted} left`,
        hideCursor: true,
        clearOnComplete: true,
        stream: process.stderr,
      });
      this.#bar.start(this.#size, consumed);
    }
    this.#bar.update(consumed);
  }

  stop(): void {
    this.#bar?.stop();
  }
}
