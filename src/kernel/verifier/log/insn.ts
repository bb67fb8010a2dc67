import { disasmInsn, imm64Hex } from "../../../isa/disasm.ts";
import type { Insn } from "../../../isa/insn.ts";
import { PSEUDO } from "../../../isa/opcode.ts";
import type { Env } from "../walk/env.ts";
import { isStateScratched } from "../walk/regs.ts";
import { printSourceLine } from "./source.ts";
import { isLogged, printInsnState } from "./state.ts";

/** Stands for the kernel's address of a map, which a log shows; the low digits tell maps apart. */
const MAP_ADDRESS = "0xffff88810000";

/** The text of the instruction `i` as the log shows it. */
export function insnText(env: Env, i: number): string {
  return disasmInsn(env.insns, i, {
    imm64(insn: Insn, next: Insn): string | undefined {
      if (insn.src === 0 || insn.src === PSEUDO.FUNC) return imm64Hex(insn, next);
      const map = env.aux[i]?.mapIndex ?? -1;
      if (map < 0) return imm64Hex(insn, next);
      return env.allowPtrLeaks ? MAP_ADDRESS + (map * 0x400).toString(16).padStart(4, "0") : "0x0";
    },
    call: () => undefined,
  });
}

/** Logs what is still to be shown of the instruction before, the source line, and the instruction about to be checked. */
export function printInsn(env: Env): void {
  if (!isLogged(env)) return;
  if (isStateScratched(env)) printInsnState(env);
  printSourceLine(env, env.insnIdx, "; ");
  const start = env.log.position;
  env.insnTexts[env.insnIdx] ??= `${env.insnIdx}: ${insnText(env, env.insnIdx)}`;
  env.log.write(env.insnTexts[env.insnIdx] ?? "");
  // By itself, because the state after the instruction mostly takes its place.
  env.log.write("\n");
  env.prevInsnPrintPosition = env.log.position - start;
  env.prevLogPosition = env.log.position;
}
