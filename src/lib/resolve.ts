import type { Btf } from "../btf/btf.ts";
import { type Insn, isLdImm64 } from "../isa/insn.ts";
import { PSEUDO } from "../isa/opcode.ts";
import type { KernelConfig } from "./extern.ts";
import { applyCoreRelos } from "./relo.ts";
import { type ExternSpec, ObjectError, type ObjectSpec, type ProgramSpec } from "./spec.ts";

/** The kernel that a program is made ready for. */
export interface KernelTarget extends KernelConfig {
  /** The kernel's own types (`/sys/kernel/btf/vmlinux`); only CO-RE relocations and kernel symbols need it. */
  readonly btf?: Btf;
}

/** The kernel whose behaviour anybpf follows, without types of its own. */
export const LINUX_6_18: KernelTarget = { kernelVersion: (6 << 16) | (18 << 8) };

/**
 * The instructions of a program with its CO-RE relocations and kernel symbols resolved; map loads still await
 * descriptors. Throws ObjectError for what the target does not have.
 */
export function resolveProgram(object: ObjectSpec, program: ProgramSpec, target: KernelTarget): Insn[] {
  const insns = program.insns.slice();
  applyCoreRelos(object, program, insns, target.btf);
  for (const ref of program.refs) {
    if (ref.kind !== "ksym") continue;
    const ext = object.externs[ref.extern];
    const insn = insns[ref.insn];
    if (ext === undefined || insn === undefined) continue;
    const id = kernelSymbol(object, ext, target);
    if (id === 0 && !ext.weak) {
      const why =
        target.btf === undefined
          ? "no kernel BTF was given to find it in"
          : "the kernel's BTF does not have it";
      throw new ObjectError(
        object.file,
        `program '${program.name}': extern (ksym) '${ext.name}' is not found: ${why}`,
      );
    }
    if (!isLdImm64(insn)) {
      // A weak kernel function that is missing: a call that the verifier refuses if it is reached.
      insns[ref.insn] = id === 0 ? { ...insn, src: 0, imm: MISSING_KFUNC } : { ...insn, imm: id, off: 0 };
    } else {
      // The address of a symbol that is missing is zero.
      insns[ref.insn] = { ...insn, src: id === 0 ? 0 : PSEUDO.BTF_ID, imm: id };
    }
  }
  return insns;
}

/** The id of a kernel symbol in the kernel's BTF, 0 if it is not there. */
function kernelSymbol(object: ObjectSpec, ext: ExternSpec, target: KernelTarget): number {
  const untyped = ext.kind === "ksym" && object.btf?.resolve(ext.typeId).kind === "void";
  if (untyped && !ext.weak) {
    throw new ObjectError(
      object.file,
      `extern (ksym) '${ext.name}' has no type: addresses from /proc/kallsyms are not supported, declare it with its type`,
    );
  }
  return untyped ? 0 : (target.btf?.find(ext.kind === "kfunc" ? "func" : "var", ext.name) ?? 0);
}

/** The helper id that stands for a weak kernel function that the kernel does not have, as in libbpf's logs. */
const MISSING_KFUNC = 2_002_000_000;
