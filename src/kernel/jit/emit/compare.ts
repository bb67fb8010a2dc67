import type { Insn } from "../../../isa/insn.ts";
import { CLASS, JMP, SRC } from "../../../isa/opcode.ts";
import type { OpName } from "../wasm/opcode.ts";
import { pushSrc32, pushSrc64 } from "./alu.ts";
import { type FunctionContext, refuse } from "./context.ts";

type Comparison = "eq" | "ne" | "gt_u" | "ge_u" | "lt_u" | "le_u" | "gt_s" | "ge_s" | "lt_s" | "le_s";

/** Each conditional jump's comparison, and the comparison that holds when it does not. */
const COMPARE: Readonly<Record<number, readonly [Comparison, Comparison]>> = {
  [JMP.JEQ]: ["eq", "ne"],
  [JMP.JNE]: ["ne", "eq"],
  [JMP.JGT]: ["gt_u", "le_u"],
  [JMP.JGE]: ["ge_u", "lt_u"],
  [JMP.JLT]: ["lt_u", "ge_u"],
  [JMP.JLE]: ["le_u", "gt_u"],
  [JMP.JSGT]: ["gt_s", "le_s"],
  [JMP.JSGE]: ["ge_s", "lt_s"],
  [JMP.JSLT]: ["lt_s", "ge_s"],
  [JMP.JSLE]: ["le_s", "gt_s"],
};

/** Pushes whether a conditional jump is taken (`inverted`: not taken). */
export function emitCompare(f: FunctionContext, insn: Insn, at: number, inverted: boolean): void {
  const { code, regs } = f;
  const op = insn.code & 0xf0;
  const isReg = (insn.code & SRC.X) !== 0;
  const is32 = (insn.code & 0x07) === CLASS.JMP32;
  const bothNarrow = regs.isNarrow(insn.dst) && (isReg ? regs.isNarrow(insn.src) : insn.imm >= 0);
  if (op === JMP.JSET) {
    // The upper half of either operand being zero is enough.
    const oneNarrow = regs.isNarrow(insn.dst) || (isReg ? regs.isNarrow(insn.src) : insn.imm >= 0);
    const narrow = is32 || oneNarrow;
    if (narrow) {
      regs.get32(insn.dst);
      pushSrc32(f, insn);
      code.op("i32_and");
      if (inverted) code.op("i32_eqz");
    } else {
      regs.get64(insn.dst);
      pushSrc64(f, insn);
      code.op("i64_and");
      code.op("i64_eqz");
      if (!inverted) code.op("i32_eqz");
    }
    return;
  }
  const pair = COMPARE[op];
  if (pair === undefined) refuse(f, at, `unknown jump opcode 0x${insn.code.toString(16)}`);
  let comparison = pair[inverted ? 1 : 0];
  const type = is32 || bothNarrow ? "i32" : "i64";
  // Two 64-bit numbers with empty upper halves are not negative, so their order is that of unsigned numbers.
  if (!is32 && bothNarrow) comparison = comparison.replace("_s", "_u") as Comparison;
  if (type === "i32") regs.get32(insn.dst);
  else regs.get64(insn.dst);
  if (!isReg && insn.imm === 0 && (comparison === "eq" || comparison === "ne")) {
    if (comparison === "eq") code.op(`${type}_eqz`);
    else if (type === "i64") {
      code.i64(0);
      code.op("i64_ne");
    }
    return;
  }
  if (type === "i32") pushSrc32(f, insn);
  else pushSrc64(f, insn);
  code.op(`${type}_${comparison}` satisfies OpName);
}
