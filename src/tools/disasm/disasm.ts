import { disasmInsn } from "../../isa/disasm.ts";
import { isLdImm64 } from "../../isa/insn.ts";
import type { ObjectSpec, ProgramSpec } from "../../lib/spec.ts";
import { readObject } from "../anybpf/object_file.ts";
import { UserError } from "../anybpf/report_error.ts";

/** What `anybpf disasm` was asked. */
export interface DisasmCommand {
  readonly prog?: string;
}

/** `anybpf disasm`: the instructions of an object's programs, as the verifier's log writes them. */
export function disasm(path: string, command: DisasmCommand): number {
  const spec = readObject(path);
  const programs = spec.programs.filter(
    (p) => command.prog === undefined || p.name === command.prog || p.section === command.prog,
  );
  if (programs.length === 0)
    throw new UserError(`${path}: no program${command.prog === undefined ? "s" : ` '${command.prog}'`}`);
  for (const program of programs) process.stdout.write(listing(spec, program));
  return 0;
}

function listing(spec: ObjectSpec, program: ProgramSpec): string {
  const maps = new Map(program.refs.flatMap((ref) => (ref.kind === "map" ? [[ref.insn, ref] as const] : [])));
  const lines = [`${program.name} (section ${program.section}):`];
  for (let i = 0; i < program.insns.length; i++) {
    const ref = maps.get(i);
    const name = ref === undefined ? "" : (spec.maps[ref.map]?.name ?? "");
    const note =
      ref === undefined ? "" : `  ; map ${name}${ref.offset === undefined ? "" : ` + ${ref.offset}`}`;
    lines.push(`${String(i).padStart(5)}: ${disasmInsn(program.insns, i)}${note}`);
    const insn = program.insns[i];
    if (insn !== undefined && isLdImm64(insn)) i++;
  }
  return `${lines.join("\n")}\n\n`;
}
