import { AsmError } from "./asm_error.ts";
import { parseNumber, toImm32, toOff16 } from "./asm_number.ts";
import type { Insn } from "./insn.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, SIZE, SRC } from "./opcode.ts";

/**
 * Assembles the syntax of the public conformance suite (that of uBPF): `mov %r0, 1`, `ldxdw %r0, [%r1+8]`,
 * `jeq %r0, 5, label`, `lock fetch add32 [%r10-4], %r1`, `call local name`. `exit` as a target is the last `exit`.
 * Immediates may be written with up to 64 bits where the upper ones only repeat the sign. Throws AsmError.
 */
export function assembleConformance(text: string): Insn[] {
  const insns: Insn[] = [];
  const labels = new Map<string, number>();
  const jumps: { line: number; at: number; field: "off" | "imm"; label: string }[] = [];
  text.split("\n").forEach((raw, i) => {
    const line = raw.replace(/#.*$/, "").trim();
    if (line === "") return;
    const label = /^(\w+):$/.exec(line)?.[1];
    if (label !== undefined) {
      labels.set(label, insns.length);
      return;
    }
    if (line === "exit") labels.set("exit", insns.length);
    const made = assembleOne(line, i + 1);
    if (made.label !== undefined) {
      jumps.push({ line: i + 1, at: insns.length, field: made.field ?? "off", label: made.label });
    }
    for (const part of made.parts) insns.push({ code: 0, dst: 0, src: 0, off: 0, imm: 0, ...part });
  });
  for (const { line, at, field, label } of jumps) {
    const to = labels.get(label);
    const insn = insns[at];
    if (to === undefined || insn === undefined) throw new AsmError(line, `there is no label ${label}`);
    insns[at] = { ...insn, [field]: to - at - 1 };
  }
  return insns;
}

interface Made {
  readonly parts: readonly Partial<Insn>[];
  readonly label?: string | undefined;
  readonly field?: "off" | "imm";
}

/** A mnemonic: the shape of its operands, and the opcode or imm that it stands for. */
interface Row {
  readonly shape: keyof typeof SHAPES;
  readonly code: number;
  readonly off?: number;
  readonly imm?: number;
}

const WIDTHS = [
  ["", CLASS.ALU64],
  ["64", CLASS.ALU64],
  ["32", CLASS.ALU],
] as const;

const ROWS: ReadonlyMap<string, Row> = new Map(mnemonics());

function* mnemonics(): Generator<[string, Row]> {
  for (const [name, op] of Object.entries(ALU)) {
    const lower = name.toLowerCase();
    if (name === "END") continue;
    const shape = name === "NEG" ? "unary" : "alu";
    for (const [suffix, cls] of WIDTHS) {
      yield [lower + suffix, { shape, code: cls | op }];
      if (name === "DIV" || name === "MOD") yield [`s${lower}${suffix}`, { shape, code: cls | op, off: 1 }];
    }
  }
  for (const bits of [16, 32, 64]) {
    yield [`le${bits}`, { shape: "unary", code: CLASS.ALU | ALU.END | SRC.K, imm: bits }];
    yield [`be${bits}`, { shape: "unary", code: CLASS.ALU | ALU.END | SRC.X, imm: bits }];
    const swap: Row = { shape: "unary", code: CLASS.ALU64 | ALU.END, imm: bits };
    yield [`swap${bits}`, swap];
    yield [`bswap${bits}`, swap];
  }
  for (const [from, to] of [
    [8, 32],
    [16, 32],
    [8, 64],
    [16, 64],
    [32, 64],
  ] as const) {
    const cls = to === 32 ? CLASS.ALU : CLASS.ALU64;
    yield [`movsx${from}${to}`, { shape: "movsx", code: cls | ALU.MOV | SRC.X, off: from }];
  }
  for (const [name, op] of Object.entries(JMP)) {
    if (op === JMP.CALL || op === JMP.EXIT || op === JMP.JCOND || op === JMP.JA) continue;
    yield [name.toLowerCase(), { shape: "branch", code: CLASS.JMP | op }];
    yield [`${name.toLowerCase()}32`, { shape: "branch", code: CLASS.JMP32 | op }];
  }
  yield ["ja", { shape: "ja", code: CLASS.JMP | JMP.JA }];
  yield ["ja32", { shape: "ja", code: CLASS.JMP32 | JMP.JA }];
  yield ["exit", { shape: "none", code: CLASS.JMP | JMP.EXIT }];
  yield ["call", { shape: "call", code: CLASS.JMP | JMP.CALL }];
  yield ["lddw", { shape: "lddw", code: CLASS.LD | MODE.IMM | SIZE.DW }];
  for (const [name, size] of Object.entries(SIZE)) {
    const lower = name.toLowerCase();
    yield [`ldx${lower}`, { shape: "load", code: CLASS.LDX | MODE.MEM | size }];
    yield [`stx${lower}`, { shape: "store", code: CLASS.STX | MODE.MEM | size }];
    yield [`st${lower}`, { shape: "store", code: CLASS.ST | MODE.MEM | size }];
    if (size !== SIZE.DW) yield [`ldxs${lower}`, { shape: "load", code: CLASS.LDX | MODE.MEMSX | size }];
  }
  for (const [suffix, size] of [
    ["", SIZE.DW],
    ["32", SIZE.W],
  ] as const) {
    const code = CLASS.STX | MODE.ATOMIC | size;
    for (const op of ["ADD", "OR", "AND", "XOR"] as const) {
      const lower = op.toLowerCase() + suffix;
      yield [`lock ${lower}`, { shape: "store", code, imm: ATOMIC[op] }];
      yield [`lock fetch ${lower}`, { shape: "store", code, imm: ATOMIC[op] | ATOMIC.FETCH }];
    }
    yield [`lock xchg${suffix}`, { shape: "store", code, imm: ATOMIC.XCHG }];
    yield [`lock cmpxchg${suffix}`, { shape: "store", code, imm: ATOMIC.CMPXCHG }];
  }
}

const SHAPES = {
  none: { syntax: "", make: none },
  unary: { syntax: "%rD", make: unary },
  alu: { syntax: "%rD, %rS|IMM", make: alu },
  movsx: { syntax: "%rD, %rS", make: alu },
  branch: { syntax: "%rD, %rS|IMM, LABEL|+N", make: branch },
  ja: { syntax: "LABEL|+N", make: ja },
  call: { syntax: "ID, local LABEL or %rD", make: call },
  lddw: { syntax: "%rD, IMM", make: lddw },
  load: { syntax: "%rD, [%rS+OFF]", make: load },
  store: { syntax: "[%rD+OFF], %rS|IMM", make: store },
} as const;

/** Thrown inside for operands that don't have the mnemonic's shape; the line's message says which it is. */
class WrongOperands extends Error {}

function assembleOne(text: string, line: number): Made {
  const m = /^((?:lock )?(?:fetch )?\w+)\s*(.*)$/.exec(text.replace(/\s+/g, " "));
  const row = ROWS.get(m?.[1] ?? "");
  if (row === undefined)
    throw new AsmError(line, `"${text}": expected a mnemonic such as mov, not ${m?.[1]}`);
  const operands = m?.[2] ? m[2].split(",").map((s) => s.trim()) : [];
  const shape = SHAPES[row.shape];
  try {
    return shape.make(row, operands);
  } catch (error) {
    if (!(error instanceof WrongOperands)) throw error;
    throw new AsmError(line, `"${text}": expected ${m?.[1]} ${shape.syntax}`);
  }
}

function none(row: Row, operands: readonly string[]): Made {
  if (operands.length !== 0) throw new WrongOperands();
  return { parts: [{ code: row.code }] };
}

function unary(row: Row, [dst]: readonly string[]): Made {
  return { parts: [{ code: row.code, dst: reg(dst), imm: row.imm ?? 0 }] };
}

function alu(row: Row, [dst, from]: readonly string[]): Made {
  return { parts: [{ dst: reg(dst), off: row.off ?? 0, ...source(row.code, from) }] };
}

function branch(row: Row, [dst, from, to]: readonly string[]): Made {
  const insn = { dst: reg(dst), ...source(row.code, from) };
  return { parts: [{ ...insn, ...target(to, "off") }], label: label(to) };
}

function ja(row: Row, [to]: readonly string[]): Made {
  const field = (row.code & 7) === CLASS.JMP ? "off" : "imm";
  return { parts: [{ code: row.code, ...target(to, field) }], label: label(to), field };
}

function call(row: Row, [to]: readonly string[]): Made {
  const local = /^local (\S+)$/.exec(to ?? "")?.[1];
  if (local !== undefined) {
    const part = { code: row.code, src: CALL.LOCAL, ...target(local, "imm") };
    return { parts: [part], label: label(local), field: "imm" };
  }
  if (to?.startsWith("%")) return { parts: [{ code: row.code | SRC.X, dst: reg(to) }] };
  return { parts: [{ code: row.code, imm: imm32(to) }] };
}

function lddw(row: Row, [dst, value]: readonly string[]): Made {
  const n = parseNumber(value ?? "");
  if (n === undefined) throw new WrongOperands();
  const half = (bits: bigint) => Number(BigInt.asIntN(32, bits));
  return { parts: [{ code: row.code, dst: reg(dst), imm: half(n) }, { imm: half(n >> 32n) }] };
}

function load(row: Row, [dst, from]: readonly string[]): Made {
  const at = place(from);
  return { parts: [{ code: row.code, dst: reg(dst), src: at.reg, off: at.off }] };
}

function store(row: Row, [to, from]: readonly string[]): Made {
  const at = place(to);
  const insn = { code: row.code, dst: at.reg, off: at.off, imm: row.imm ?? 0 };
  const value = (row.code & 7) === CLASS.ST ? { imm: imm32(from) } : { src: reg(from) };
  return { parts: [{ ...insn, ...value }] };
}

function reg(text: string | undefined): number {
  const n = /^%r(\d+)$/.exec(text ?? "")?.[1];
  if (n === undefined || Number(n) > 10) throw new WrongOperands();
  return Number(n);
}

function imm32(text: string | undefined): number {
  const n = toImm32(parseNumber(text ?? "") ?? 1n << 65n);
  if (n === undefined) throw new WrongOperands();
  return n;
}

function source(code: number, text: string | undefined): Partial<Insn> & { code: number } {
  if (text?.startsWith("%")) return { code: code | SRC.X, src: reg(text) };
  return { code, imm: imm32(text) };
}

function place(text: string | undefined): { reg: number; off: number } {
  const m = /^\[(%r\d+)\s*([+-]\s*\w+)?\]$/.exec(text ?? "");
  const off = toOff16(parseNumber((m?.[2] ?? "0").replace(" ", "")) ?? 1n << 65n);
  if (m === null || off === undefined) throw new WrongOperands();
  return { reg: reg(m[1]), off };
}

function label(text: string | undefined): string | undefined {
  return text !== undefined && /^[A-Za-z_]\w*$/.test(text) ? text : undefined;
}

function target(text: string | undefined, field: "off" | "imm"): Partial<Insn> {
  return label(text) === undefined ? { [field]: imm32(text) } : {};
}
