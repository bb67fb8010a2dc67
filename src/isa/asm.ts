import { AsmError } from "./asm_error.ts";
import { type Assembly, FORMS, type Jump, type Line, refuse } from "./asm_forms.ts";
import { toOff16 } from "./asm_number.ts";
import type { Insn } from "./insn.ts";

/**
 * Assembles the syntax of the verifier log, one instruction a line, as `disasmInsn` writes it: for every legal program
 * `assemble` of its disassembly is the program again. The `N: ` and `(xx) ` prefixes and `; comments` may be left out
 * or there. A line `name:` is a label, and a jump, call or `subprog[…]` may name one instead of `pc+N`; `may_goto`,
 * `goto` and `gotol` too. `r1 = 5` is a move, `r1 = 0x123456789` or `r1 = 5 ll` a 64-bit load.
 *
 * Throws AsmError with the line and what was expected there.
 */
export function assemble(text: string): Insn[] {
  const asm: Assembly = { insns: [], labels: new Map(), jumps: [] };
  text.split("\n").forEach((line, i) => {
    assembleLine(line, i + 1, asm);
  });
  for (const jump of asm.jumps) resolve(jump, asm);
  return asm.insns;
}

function assembleLine(raw: string, number: number, asm: Assembly): void {
  const prefix = /^\s*(?:\d+:\s*)?(?:\((?<code>[0-9a-f]{2})\)\s+)?/i.exec(raw);
  const text = raw
    .slice(prefix?.[0].length ?? 0)
    .replace(/(;|\/\/).*$/, "")
    .replace(/\s+/g, " ")
    .trim();
  if (text === "") return;
  const label = /^([a-z_.$][\w.$]*):$/i.exec(text)?.[1];
  if (label !== undefined) {
    if (asm.labels.has(label)) throw new AsmError(number, `label ${label} is there twice`);
    asm.labels.set(label, asm.insns.length);
    return;
  }
  const code = prefix?.groups?.code;
  const line: Line = { number, asm, code: code === undefined ? undefined : Number.parseInt(code, 16) };
  for (const form of FORMS) {
    const match = form.pattern.exec(text);
    if (match === null) continue;
    const made = form.make(match.groups ?? {}, line);
    const parts = Array.isArray(made) ? made : [made];
    if (line.code !== undefined && parts[0]?.code !== line.code) {
      throw refuse(line, `the text of opcode ${code}; "${text}" is opcode ${parts[0]?.code?.toString(16)}`);
    }
    for (const part of parts) asm.insns.push({ code: 0, dst: 0, src: 0, off: 0, imm: 0, ...part });
    return;
  }
  const meant = FORMS.find((form) => form.looksLike.test(text));
  const expected = meant?.syntax ?? "an instruction in the verifier log's syntax, such as r0 = 0";
  throw new AsmError(number, `"${text}": expected ${expected}`);
}

function resolve(jump: Jump, asm: Assembly): void {
  const to = asm.labels.get(jump.label);
  const insn = asm.insns[jump.at];
  if (to === undefined || insn === undefined)
    throw new AsmError(jump.line, `there is no label ${jump.label}`);
  const distance = to - jump.at - 1;
  if (jump.field === "off" && toOff16(BigInt(distance)) === undefined) {
    throw new AsmError(
      jump.line,
      `${jump.label} is ${distance} instructions away; goto reaches 32767, gotol more`,
    );
  }
  asm.insns[jump.at] = { ...insn, [jump.field]: distance };
}
