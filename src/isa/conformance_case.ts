import { assembleConformance } from "./asm_conformance.ts";
import { AsmError } from "./asm_error.ts";
import { decodeInsns, type Insn } from "./insn.ts";

/** A test of the public conformance suite (github Alan-Jowett/bpf_conformance): a `.data` file. */
export interface ConformanceCase {
  readonly insns: readonly Insn[];
  /** Bytes that R1 points to, with their length in R2; empty if the test gives none. */
  readonly mem: Uint8Array;
  /** R0 at the end, unsigned; undefined if the program is to fail instead. */
  readonly result: bigint | undefined;
  /** What the test says of the failure that it wants. */
  readonly error: string | undefined;
}

/**
 * Reads a `.data` file: sections headed by `-- name` lines, `#` comments anywhere. Where a file gives both the
 * assembly and the `raw` instructions (as 64-bit numbers), they must agree. Throws AsmError.
 */
export function parseConformanceCase(text: string): ConformanceCase {
  const sections = new Map<string, string>();
  let current: string | undefined;
  text.split("\n").forEach((line, i) => {
    const header = /^--\s*(.*?)\s*$/.exec(line)?.[1];
    if (header !== undefined) {
      current = header;
      // The assembler counts from the section's start; empty lines make that the file's.
      sections.set(header, header === "asm" ? "\n".repeat(i + 1) : "");
    } else if (current !== undefined) {
      sections.set(current, `${sections.get(current)}${line}\n`);
    }
  });
  const asm = sections.get("asm");
  const raw = sections.get("raw");
  const fromAsm = asm === undefined ? undefined : assembleConformance(asm);
  const fromRaw = raw === undefined ? undefined : parseRaw(words(raw));
  if (fromAsm && fromRaw && JSON.stringify(fromAsm) !== JSON.stringify(fromRaw)) {
    throw new AsmError(1, "the asm and raw sections are different programs");
  }
  const insns = fromAsm ?? fromRaw;
  if (insns === undefined) throw new AsmError(1, "expected a section -- asm or -- raw");
  const result = words(sections.get("result") ?? "")[0];
  return {
    insns,
    mem: Uint8Array.from(words(sections.get("mem") ?? ""), (byte) => Number.parseInt(byte, 16)),
    result: result === undefined ? undefined : BigInt.asUintN(64, BigInt(result)),
    error: sections.get("error")?.trim(),
  };
}

function words(text: string): string[] {
  return text
    .replace(/#.*$/gm, "")
    .split(/\s+/)
    .filter((word) => word !== "");
}

function parseRaw(numbers: readonly string[]): Insn[] {
  return decodeInsns(new Uint8Array(BigUint64Array.from(numbers, BigInt).buffer));
}
