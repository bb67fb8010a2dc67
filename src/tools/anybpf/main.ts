#!/usr/bin/env node
import { CommanderError } from "commander";
import { program } from "./program.ts";
import { reportError } from "./report_error.ts";

// A reader that has seen enough (`anybpf … | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? error.exitCode : reportError(error);
}
