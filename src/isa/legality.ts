import type { Insn } from "./insn.ts";
import { ALU_TEXT, END_TEXT, FETCH_TEXT, JMP_TEXT, LOCK_TEXT } from "./op_text.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, PSEUDO, SIZE, SRC } from "./opcode.ts";

const LD_IMM64 = CLASS.LD | MODE.IMM | SIZE.DW;

/** What a field of an instruction may hold: only zero, anything, a register, or one of some numbers. */
type Field = "zero" | "any" | "reg" | readonly number[];

/** One encoding: an opcode, and what the fields may hold. `note` names extensions to RFC 9669 that Linux has. */
export interface Encoding {
  readonly code: number;
  readonly dst: Field;
  readonly src: Field;
  readonly off: Field;
  readonly imm: Field;
  readonly note?: "linux" | "legacy";
}

/**
 * Every valid encoding, as RFC 9669 has them plus Linux's own: `may_goto`, load-acquire and store-release, address
 * space casts. Reserved fields must be zero.
 */
export const ENCODINGS: readonly Encoding[] = [...alu(), ...jumps(), ...loads(), ...stores()];

const BY_CODE: ReadonlyMap<number, readonly Encoding[]> = groupByCode();

/**
 * Says what is wrong with an instruction's encoding taken by itself, or undefined if nothing is. Where a program's
 * jumps go, and whether its registers hold what they should, is the verifier's to say.
 *
 * @param next the following slot, which a 64-bit load needs
 */
export function encodingError(insn: Insn, next?: Insn): string | undefined {
  const encodings = BY_CODE.get(insn.code);
  if (encodings === undefined) return `opcode 0x${insn.code.toString(16)} does not exist`;
  let wrong: string | undefined;
  for (const encoding of encodings) {
    wrong = FIELDS.find((field) => !allows(encoding[field], insn[field]));
    if (wrong === undefined) break;
  }
  if (wrong !== undefined) {
    return `opcode 0x${insn.code.toString(16)} can't have ${wrong} ${insn[wrong as keyof Insn]}`;
  }
  if (insn.code !== LD_IMM64) return undefined;
  if (next === undefined) return "a 64-bit load lacks its second half";
  if (next.code !== 0 || next.dst !== 0 || next.src !== 0 || next.off !== 0) {
    return "the second half of a 64-bit load may have an immediate only";
  }
  const half = [PSEUDO.MAP_FD, PSEUDO.MAP_IDX, PSEUDO.FUNC] as readonly number[];
  return half.includes(insn.src) && next.imm !== 0 ? "the load's second immediate must be zero" : undefined;
}

const FIELDS = ["dst", "src", "off", "imm"] as const;

function allows(field: Field, value: number): boolean {
  switch (field) {
    case "zero":
      return value === 0;
    case "any":
      return true;
    case "reg":
      return value >= 0 && value <= 10;
    default:
      return field.includes(value);
  }
}

function* alu(): Generator<Encoding> {
  for (const cls of [CLASS.ALU, CLASS.ALU64]) {
    const is64 = cls === CLASS.ALU64;
    for (const op of Object.keys(ALU_TEXT).map(Number)) {
      const divides = op === ALU.DIV || op === ALU.MOD;
      const off: Field = divides ? [0, 1] : "zero";
      yield { code: cls | op | SRC.K, dst: "reg", src: "zero", off, imm: "any" };
      const offX: Field = op === ALU.MOV ? (is64 ? [0, 8, 16, 32] : [0, 8, 16]) : off;
      yield { code: cls | op | SRC.X, dst: "reg", src: "reg", off: offX, imm: "zero" };
    }
    yield { code: cls | ALU.NEG, dst: "reg", src: "zero", off: "zero", imm: "zero" };
  }
  const mov = CLASS.ALU64 | ALU.MOV | SRC.X;
  yield { code: mov, dst: "reg", src: "reg", off: [1], imm: [1, 0x10000], note: "linux" };
  yield { code: mov, dst: "reg", src: "reg", off: [-1], imm: "zero", note: "linux" };
  for (const code of Object.keys(END_TEXT).map(Number)) {
    yield { code, dst: "reg", src: "zero", off: "zero", imm: [16, 32, 64] };
  }
}

function* jumps(): Generator<Encoding> {
  for (const cls of [CLASS.JMP, CLASS.JMP32]) {
    for (const op of Object.keys(JMP_TEXT).map(Number)) {
      yield { code: cls | op | SRC.K, dst: "reg", src: "zero", off: "any", imm: "any" };
      yield { code: cls | op | SRC.X, dst: "reg", src: "reg", off: "any", imm: "zero" };
    }
  }
  const none = { dst: "zero", src: "zero", off: "zero", imm: "zero" } as const;
  yield { ...none, code: CLASS.JMP | JMP.JA, off: "any" };
  yield { ...none, code: CLASS.JMP32 | JMP.JA, imm: "any" };
  yield { ...none, code: CLASS.JMP | JMP.JCOND, off: "any", note: "linux" };
  yield { ...none, code: CLASS.JMP | JMP.EXIT };
  yield { ...none, code: CLASS.JMP | JMP.CALL, src: [CALL.HELPER, CALL.LOCAL], imm: "any" };
  yield { ...none, code: CLASS.JMP | JMP.CALL, src: [CALL.KFUNC], off: "any", imm: "any" };
}

function* loads(): Generator<Encoding> {
  const pseudo = [0, ...Object.values(PSEUDO)];
  yield { code: LD_IMM64, dst: "reg", src: pseudo, off: "zero", imm: "any" };
  for (const size of Object.values(SIZE)) {
    yield { code: CLASS.LDX | MODE.MEM | size, dst: "reg", src: "reg", off: "any", imm: "zero" };
    if (size === SIZE.DW) continue;
    yield { code: CLASS.LDX | MODE.MEMSX | size, dst: "reg", src: "reg", off: "any", imm: "zero" };
    const legacy = { dst: "zero", off: "zero", imm: "any", note: "legacy" } as const;
    yield { ...legacy, code: CLASS.LD | MODE.ABS | size, src: "zero" };
    yield { ...legacy, code: CLASS.LD | MODE.IND | size, src: "reg" };
  }
}

function* stores(): Generator<Encoding> {
  const atomics = [...Object.keys(LOCK_TEXT), ...Object.keys(FETCH_TEXT)].map(Number);
  for (const size of Object.values(SIZE)) {
    yield { code: CLASS.ST | MODE.MEM | size, dst: "reg", src: "zero", off: "any", imm: "any" };
    yield { code: CLASS.STX | MODE.MEM | size, dst: "reg", src: "reg", off: "any", imm: "zero" };
    const atomic = { code: CLASS.STX | MODE.ATOMIC | size, dst: "reg", src: "reg", off: "any" } as const;
    if (size === SIZE.W || size === SIZE.DW) yield { ...atomic, imm: [...atomics, ATOMIC.CMPXCHG] };
    yield { ...atomic, imm: [ATOMIC.LOAD_ACQ, ATOMIC.STORE_REL], note: "linux" };
  }
}

function groupByCode(): Map<number, Encoding[]> {
  const byCode = new Map<number, Encoding[]>();
  for (const encoding of ENCODINGS) {
    const list = byCode.get(encoding.code);
    if (list === undefined) byCode.set(encoding.code, [encoding]);
    else list.push(encoding);
  }
  return byCode;
}
