import tab from "@bomb.sh/tab/commander";
import { Command, InvalidArgumentError, Option } from "commander";
import { VERSION } from "../../version.ts";
import type { CheckCommand } from "../check/check.ts";
import type { DisasmCommand } from "../disasm/disasm.ts";
import type { RunCommand } from "../run/run_command.ts";
import type { VerifyCommand } from "../verify/verify.ts";

const DEFAULT_LOG_SIZE = 16 << 20;

/** An option's whole number, at least `least`. */
function number(least: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > 0xffff_ffff) {
      throw new InvalidArgumentError(`expected a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** The `anybpf` command line. Each command's code is loaded only when it runs. */
export function program(): Command {
  const root = new Command("anybpf")
    .description("Load, verify, compile and run eBPF programs: no root, no Linux, no compiler.")
    .version(VERSION, "-V, --version", "print the version")
    .showHelpAfterError("(anybpf help COMMAND says more)");

  root
    .command("run")
    .description("run a program of an object over the packets of a capture")
    .argument("<object>", "an ELF object with eBPF programs, as clang -target bpf makes it")
    .requiredOption("--pcap <file>", "the packets: pcap or pcapng, may be gzipped; - for standard input")
    .option(
      "--prog <name>",
      "the program, by function name (default: the object's first that can run on packets)",
    )
    .option("--btf <file>", "the kernel types that CO-RE relocations are resolved against")
    .option("--maps <file>", "first contents of maps: JSON as --json prints it")
    .option("--out <file>", "write what the program passed, as changed, to a capture; - for standard output")
    .option("--repeat <n>", "run the whole capture so many times", number(1), 1)
    .option("--interp", "interpret instead of compiling")
    .option("--json", "print one JSON object")
    .option("--per-packet", "print a result for each packet")
    .action(async (object: string, options: RunCommand) => {
      const { run } = await import("../run/run.ts");
      process.exitCode = await run(object, options);
    });

  root
    .command("verify")
    .description("verify the programs of an object and explain what is rejected")
    .argument("<object>", "an ELF object with eBPF programs")
    .option("--prog <name>", "only this program")
    .option("--btf <file>", "the kernel types that CO-RE relocations are resolved against")
    .addOption(
      new Option("--log-level <n>", "the verifier's log: 1 or 2, plus 4 for statistics").argParser(number(0)),
    )
    .option("--json", "print one JSON object")
    .action(async (object: string, options: VerifyCommand) => {
      const { verify } = await import("../verify/verify.ts");
      process.exitCode = await verify(object, options);
    });

  root
    .command("check")
    .description("answer programs given as JSON, in the words of the project's oracle of the live kernel")
    .argument("<file>", "JSON, or JSON lines; - for JSON lines on standard input, a result a line")
    .option("-l, --log-level <n>", "the verifier's log level for all tests", number(0))
    .option("--name <regex>", "only tests whose name matches")
    .option("--index <n>", "only the test at this position", number(0))
    .option("--unpriv", "load without CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN")
    .option("--no-run", "do not run what loads")
    .option("--no-log", "ask for no log")
    .option("--xlated", "print the instructions after the verifier's rewrites")
    .option("--scrub", "logs without addresses and times, so that two can be compared")
    .option("--log-size <bytes>", "the log buffer's size", number(0), DEFAULT_LOG_SIZE)
    .option("--interp", "run with the interpreter")
    .addOption(new Option("--no-fork", "taken for the oracle's sake: there is one process anyhow").hideHelp())
    .addOption(new Option("--timeout <s>", "taken for the oracle's sake").hideHelp())
    .action(async (file: string, options: CheckCommand) => {
      const { checkFile } = await import("../check/check.ts");
      await checkFile(file, options, (line) => process.stdout.write(`${line}\n`));
    });

  root
    .command("disasm")
    .description("print the instructions of an object's programs")
    .argument("<object>", "an ELF object with eBPF programs")
    .option("--prog <name>", "only this program")
    .action(async (object: string, options: DisasmCommand) => {
      const { disasm } = await import("../disasm/disasm.ts");
      process.exitCode = disasm(object, options);
    });

  tab(root, { completionCommandName: "completion" });
  return root;
}
