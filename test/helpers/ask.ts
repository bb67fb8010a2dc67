import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { encodeInsns, type Insn } from "../../src/isa/insn.ts";
import { createDataplane, type Dataplane } from "../../src/kernel/dataplane/dataplane.ts";
import { SysError } from "../../src/kernel/error.ts";
import { helperTable } from "../../src/kernel/helpers/registry.ts";
import { createInterpreter } from "../../src/kernel/interp/interp.ts";
import { createJit } from "../../src/kernel/jit/jit.ts";
import { testRun } from "../../src/kernel/net/test_run.ts";
import type { Executable, LinkedProgram } from "../../src/kernel/prog/program.ts";
import { PROG_TYPE } from "../../src/uapi/prog_type.ts";
import { linkForTest } from "../support/executor.ts";
import { hexBytes, toHex } from "./script.ts";

/** One BPF_PROG_TEST_RUN, as kbpf.py takes it. Bytes are hex. */
export interface RunSpec {
  readonly data_in?: string;
  readonly ctx_in?: string;
  readonly repeat?: number;
  readonly data_out_size?: number;
  readonly ctx_out_size?: number;
  readonly flags?: number;
  readonly cpu?: number;
  readonly batch_size?: number;
}

/** What came of it. Only `errno` if it failed. */
export interface RunAnswer {
  readonly errno: number;
  readonly retval?: number;
  readonly data_out?: string;
  readonly ctx_out?: string;
  readonly data_size_out?: number;
  readonly ctx_size_out?: number;
}

/** A program and its runs. */
export interface Question {
  readonly name: string;
  readonly type: string;
  readonly insns: readonly Insn[];
  readonly runs: readonly RunSpec[];
}

const ORACLE = fileURLToPath(new URL("../../../shared/oracle/kbpf.py", import.meta.url));

/** A message if Linux cannot be asked on this machine, else undefined. */
export function whyNoLinux(): string | undefined {
  if (!existsSync(ORACLE)) return `${ORACLE} is not there`;
  const [answer] = askLinux([{ name: "probe", type: "xdp", insns: [], runs: [] }], true);
  return answer === undefined ? "bpf(2) does not answer" : undefined;
}

/** Linux's answers, a list of runs for each question: undefined (and `why`'s log) for a program that it rejects. */
export function askLinux(
  questions: readonly Question[],
  probe = false,
  why?: (log: string) => void,
): (readonly RunAnswer[] | undefined)[] {
  const lines = questions.map((q) =>
    JSON.stringify({
      name: q.name,
      prog_type: q.type,
      insns: probe ? "b7000000020000009500000000000000" : toHex(encodeInsns(q.insns)),
      runs: q.runs,
    }),
  );
  const { stdout } = spawnSync("python3", [ORACLE, "--no-fork", "-"], {
    input: lines.join("\n"),
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const result = JSON.parse(line);
      if (result.verdict === "accept") return (result.runs ?? []).map(plainAnswer);
      why?.(`${result.name}: ${result.setup_error ?? result.log}`);
      return undefined;
    });
}

/** Without what differs from run to run. */
function plainAnswer({
  errno,
  retval,
  data_out,
  ctx_out,
  data_size_out,
  ctx_size_out,
}: RunAnswer): RunAnswer {
  if (errno !== 0 && errno !== 28) return { errno };
  return {
    errno,
    ...(retval === undefined ? {} : { retval }),
    ...(data_out === undefined ? {} : { data_out, data_size_out: data_size_out ?? 0 }),
    ...(ctx_out === undefined ? {} : { ctx_out, ctx_size_out: ctx_size_out ?? 0 }),
  };
}

/** A data plane with an executor on it. */
export interface Bench {
  readonly dataplane: Dataplane;
  /** Prepares a program of a type, by its number. */
  readonly load: (type: number, program: LinkedProgram) => Executable;
}

/** Makes one. */
export async function bench(engine: "interp" | "jit" = "interp"): Promise<Bench> {
  const dataplane = await createDataplane({ cpus: 1, imports: { now: () => performance.now() * 1e6 } });
  const helpers = helperTable(dataplane);
  const { mem, table, exports } = dataplane;
  const create = engine === "jit" ? createJit : createInterpreter;
  return {
    dataplane,
    load: (type, program) =>
      create({
        memory: mem.memory,
        table,
        helper: helpers.forType(type),
        ldAbs: exports.ld_abs,
        mapEachNext: exports.map_each_next,
      }).load(program),
  };
}

/** Our answers to a question, in kbpf.py's terms. */
export function askUs({ dataplane, load }: Bench, question: Question): RunAnswer[] {
  const progType = PROG_TYPE[question.type.toUpperCase() as keyof typeof PROG_TYPE];
  const { entry } = load(progType, linkForTest(question.insns, question.name));
  return question.runs.map((run) => {
    const { data_in, ctx_in } = run;
    const dataOut = run.data_out_size ?? (data_in === undefined ? 0 : data_in.length / 2 + 256);
    const ctxOut = run.ctx_out_size ?? (ctx_in === undefined ? 0 : ctx_in.length / 2);
    try {
      const r = testRun(dataplane, {
        progType,
        entry,
        ...(data_in === undefined ? {} : { dataIn: hexBytes(data_in) }),
        ...(ctx_in === undefined ? {} : { ctxIn: hexBytes(ctx_in) }),
        ...(dataOut === 0 ? {} : { dataOutSize: dataOut }),
        ...(ctxOut === 0 ? {} : { ctxOutSize: ctxOut }),
        repeat: run.repeat ?? 0,
        flags: run.flags ?? 0,
        cpu: run.cpu ?? 0,
        batchSize: run.batch_size ?? 0,
      });
      return {
        errno: r.errno,
        retval: r.retval,
        ...(dataOut === 0 ? {} : { data_out: toHex(r.dataOut), data_size_out: r.dataSizeOut }),
        ...(ctxOut === 0
          ? {}
          : { ctx_out: pad(toHex(r.ctxOut), r.ctxSizeOut, ctxOut), ctx_size_out: r.ctxSizeOut }),
      };
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.errno !== 28) return { errno: error.errno };
      // Nothing was written to the caller.
      return {
        errno: 28,
        retval: 0,
        ...(dataOut === 0 ? {} : { data_out: pad("", dataOut, dataOut), data_size_out: dataOut }),
        ...(ctxOut === 0 ? {} : { ctx_out: pad("", ctxOut, ctxOut), ctx_size_out: ctxOut }),
      };
    }
  });
}

/** What kbpf.py shows of a buffer that nothing was written to. */
function pad(hex: string, size: number, room: number): string {
  return hex.padEnd(Math.min(size, room) * 2, "0");
}
