import { createReadStream, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { createKernel, type Kernel } from "../../transport/in_process.ts";
import { Checker, type CheckOptions } from "./checker.ts";
import { type CheckResult, scrub } from "./result_format.ts";
import type { TestJson } from "./test_format.ts";

/** What `anybpf check` was asked, as the command line gives it. */
export interface CheckCommand {
  readonly logLevel?: number;
  readonly name?: string;
  readonly index?: number;
  readonly unpriv?: boolean;
  readonly run: boolean;
  readonly log: boolean;
  readonly xlated?: boolean;
  readonly scrub?: boolean;
  readonly logSize: number;
  readonly interp?: boolean;
}

/** Puts every test of a file (`-` for JSON lines on standard input) to one kernel and prints a result a line. */
export async function checkFile(
  file: string,
  command: CheckCommand,
  print: (line: string) => void,
): Promise<void> {
  const kernel = await createKernel({ cpus: 2, engine: command.interp ? "interp" : "jit" });
  const options: CheckOptions = {
    ...(command.log
      ? command.logLevel === undefined
        ? {}
        : { logLevel: command.logLevel }
      : { logLevel: 0 }),
    logSize: command.logSize,
    run: command.run,
    xlated: command.xlated === true,
    unpriv: command.unpriv === true,
    baseDir: file === "-" ? "." : dirname(file),
  };
  const pattern = command.name === undefined ? undefined : new RegExp(command.name);
  let index = 0;
  for await (const test of readTests(file)) {
    if (command.index !== undefined && index++ !== command.index) continue;
    const name = test instanceof Error ? "" : (test.name ?? "");
    if (pattern !== undefined && !pattern.test(name)) continue;
    const result = test instanceof Error ? malformed(test) : checkOne(kernel, test, options);
    if (command.scrub && result.log !== undefined) result.log = scrub(result.log);
    print(JSON.stringify(result));
  }
}

/** One test in a task of its own, which takes all that the test made with it when it ends. */
export function checkOne(kernel: Kernel, test: TestJson, options: CheckOptions): CheckResult {
  const caps = {
    bpf: !options.unpriv,
    perfmon: !options.unpriv,
    netAdmin: !options.unpriv,
    sysAdmin: !options.unpriv,
  };
  const task = kernel.task({ caps });
  try {
    return new Checker(task, options).check(test);
  } catch (error) {
    // A bug of ours must not end the stream: it is said in the result, with where it happened.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      name: test?.name ?? null,
      verdict: "error",
      errno: 0,
      errname: "",
      setup_error: `anybpf bug: ${text}`,
    };
  } finally {
    task.exit();
  }
}

function malformed(error: Error): CheckResult {
  return {
    name: null,
    verdict: "error",
    errno: 0,
    errname: "",
    setup_error: `malformed test: ${error.message}`,
  };
}

/** The tests of a file: a JSON object, a list, {"tests": [...]}, or JSON lines; a line that is no JSON gives its error. */
async function* readTests(file: string): AsyncGenerator<TestJson | Error> {
  if (file === "-") {
    yield* readLines(process.stdin);
    return;
  }
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    yield* readLines(createReadStream(file));
    return;
  }
  if (Array.isArray(data)) yield* data as TestJson[];
  else if (typeof data === "object" && data !== null && "tests" in data && Array.isArray(data.tests))
    yield* data.tests as TestJson[];
  else yield data as TestJson;
}

async function* readLines(input: Readable): AsyncGenerator<TestJson | Error> {
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === "") continue;
    try {
      yield JSON.parse(line) as TestJson;
    } catch (error) {
      yield error instanceof Error ? error : new Error(String(error));
    }
  }
}
