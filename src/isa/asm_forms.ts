import { HELPERS } from "../uapi/helper_id.ts";
import { AsmError } from "./asm_error.ts";
import { parseNumber, toImm32, toOff16 } from "./asm_number.ts";
import type { Insn } from "./insn.ts";
import {
  ALU_TEXT,
  byText,
  END_TEXT,
  FETCH_TEXT,
  JMP_TEXT,
  LOCK_TEXT,
  SIGNED_ALU_TEXT,
  SIGNED_SIZE_TEXT,
  SIZE_TEXT,
} from "./op_text.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, PSEUDO, SIZE, SRC } from "./opcode.ts";

/** A program while it is read. */
export interface Assembly {
  readonly insns: Insn[];
  readonly labels: Map<string, number>;
  readonly jumps: Jump[];
}

/** A target that could not be known when its line was read. */
export interface Jump {
  readonly line: number;
  readonly at: number;
  readonly field: "off" | "imm";
  readonly label: string;
}

/** A line being read: what a form's `make` needs to put down its instruction or refuse. */
export interface Line {
  readonly number: number;
  readonly asm: Assembly;
  /** The opcode of the `(xx) ` prefix, where there is one. */
  readonly code: number | undefined;
}

/** One way to write an instruction. */
export interface Form {
  /** The whole line. */
  readonly pattern: RegExp;
  /** Lines that were meant to be this one. */
  readonly looksLike: RegExp;
  /** How it is written, for messages. */
  readonly syntax: string;
  readonly make: (groups: Groups, line: Line) => Partial<Insn> | readonly Partial<Insn>[];
}

type Groups = Readonly<Record<string, string | undefined>>;

const ALU_OF = byText(ALU_TEXT);
const SIGNED_ALU_OF = byText(SIGNED_ALU_TEXT);
const JMP_OF = byText(JMP_TEXT);
const LOCK_OF = byText(LOCK_TEXT);
const FETCH_OF = byText(FETCH_TEXT);
const END_OF = byText(END_TEXT);
const SIZE_OF = byText(SIZE_TEXT);
const SIGNED_SIZE_OF = byText(SIGNED_SIZE_TEXT);
const HELPER_OF: ReadonlyMap<string, number> = new Map([
  ["bpf_unspec", 0],
  ...Object.entries(HELPERS).map(([name, row]): [string, number] => [`bpf_${name}`, row.value]),
]);

const NUM = "[+-]?(?:0x[0-9a-f]+|\\d+)";
const REG = (name: string) => `r(?<${name}>\\d+)`;
const MEM = (reg: string, size = "[us](?:8|16|32|64)") =>
  `\\((?<size>${size}) \\*\\)\\(${REG(reg)} ?(?<off>[+-] ?(?:0x[0-9a-f]+|\\d+))\\)`;
const TARGET = "(?<target>pc[+-]\\d+|[a-z_.$][\\w.$]*)";
const alternatives = (texts: Iterable<string>) =>
  [...texts].map((t) => t.replace(/[|+*^]/g, "\\$&")).join("|");
const re = (text: string) => new RegExp(`^${text}$`, "i");

/** All ways, in the order in which a line is held against them: particular ones before general ones. */
export const FORMS: readonly Form[] = [
  {
    pattern: re("exit"),
    looksLike: /^exit/,
    syntax: "exit",
    make: () => ({ code: CLASS.JMP | JMP.EXIT }),
  },
  {
    pattern: re(`(?<kind>goto|gotol|may_goto) ${TARGET}`),
    looksLike: /^(goto|may_goto)/,
    syntax: "goto pc+N, gotol pc+N or may_goto pc+N (or a label)",
    make: (g, line) => {
      if (g.kind === "gotol") return { code: CLASS.JMP32 | JMP.JA, imm: target(g.target, "imm", line) };
      const op = g.kind === "goto" ? JMP.JA : JMP.JCOND;
      return { code: CLASS.JMP | op, off: target(g.target, "off", line) };
    },
  },
  {
    pattern: re(
      `if (?<r>[rw])(?<dst>\\d+) (?<op>${alternatives(JMP_OF.keys())}) ` +
        `(?:(?<r2>[rw])(?<src>\\d+)|(?<imm>${NUM})) goto ${TARGET}`,
    ),
    looksLike: /^if /,
    syntax: `if rD OP rS|IMM goto pc+N, all registers r or all w, OP one of ${[...JMP_OF.keys()].join(" ")}`,
    make: (g, line) => {
      if (g.r2 !== undefined && g.r2 !== g.r)
        throw refuse(line, "both registers of a comparison to be r or w");
      const code = (g.r === "r" ? CLASS.JMP : CLASS.JMP32) | (JMP_OF.get(g.op ?? "") ?? 0);
      const off = target(g.target, "off", line);
      if (g.src !== undefined)
        return { code: code | SRC.X, dst: reg(g.dst, line), src: reg(g.src, line), off };
      return { code, dst: reg(g.dst, line), off, imm: imm32(g.imm, line) };
    },
  },
  {
    pattern: re("call kfunc#(?<id>-?\\d+)(?:\\[(?<fd>-?\\d+)\\])?"),
    looksLike: /^call kfunc/,
    syntax: "call kfunc#ID, or kfunc#ID[FD_INDEX] for a module's",
    make: (g, line) => ({
      code: CLASS.JMP | JMP.CALL,
      src: CALL.KFUNC,
      imm: imm32(g.id, line),
      off: off16(g.fd ?? "0", line),
    }),
  },
  {
    pattern: re(`call (?:(?<name>\\w+)#(?<id>-?\\d+)|${TARGET})`),
    looksLike: /^call/,
    syntax: "call bpf_HELPER#ID, call bpf_HELPER, call pc+N or call LABEL",
    make: (g, line) => {
      const code = CLASS.JMP | JMP.CALL;
      const known = HELPER_OF.get(g.name ?? g.target ?? "");
      if (g.id === undefined && known === undefined) {
        return { code, src: CALL.LOCAL, imm: target(g.target, "imm", line) };
      }
      const id = g.id === undefined ? known : imm32(g.id, line);
      if (g.name !== undefined && g.name !== "unknown" && known !== id) {
        throw refuse(line, known === undefined ? `a helper's name, not ${g.name}` : `${g.name}#${known}`);
      }
      return { code, imm: id ?? 0 };
    },
  },
  {
    pattern: re(`r0 = \\*\\((?<size>u8|u16|u32) \\*\\)skb\\[(?:r(?<src>\\d+) \\+ )?(?<imm>${NUM})\\]`),
    looksLike: /skb/,
    syntax: "r0 = *(u8|u16|u32 *)skb[IMM] or skb[rS + IMM]",
    make: (g, line) => ({
      code: CLASS.LD | (g.src === undefined ? MODE.ABS : MODE.IND) | (SIZE_OF.get(g.size ?? "") ?? 0),
      src: reg(g.src ?? "0", line),
      imm: imm32(g.imm, line),
    }),
  },
  {
    pattern: re(`${REG("dst")} = \\*${MEM("src")}`),
    looksLike: /= \*/,
    syntax: "rD = *(SIZE *)(rS +OFF), SIZE one of u8 u16 u32 u64 s8 s16 s32",
    make: (g, line) => {
      const plain = SIZE_OF.get(g.size ?? "");
      const size = plain ?? SIGNED_SIZE_OF.get(g.size ?? "");
      if (size === undefined) throw refuse(line, `a size of u8 u16 u32 u64 s8 s16 s32, not ${g.size}`);
      const mode = plain === undefined ? MODE.MEMSX : MODE.MEM;
      return {
        code: CLASS.LDX | mode | size,
        dst: reg(g.dst, line),
        src: reg(g.src, line),
        off: off16(g.off, line),
      };
    },
  },
  {
    pattern: re(`\\*${MEM("dst", "u(?:8|16|32|64)")} = (?:${REG("src")}|(?<imm>${NUM}))`),
    looksLike: /^\*/,
    syntax: "*(u8|u16|u32|u64 *)(rD +OFF) = rS or IMM",
    make: (g, line) => {
      const size = MODE.MEM | (SIZE_OF.get(g.size ?? "") ?? 0);
      const at = { dst: reg(g.dst, line), off: off16(g.off, line) };
      if (g.src !== undefined) return { code: CLASS.STX | size, ...at, src: reg(g.src, line) };
      return { code: CLASS.ST | size, ...at, imm: imm32(g.imm, line) };
    },
  },
  {
    pattern: re(
      `lock \\*${MEM("dst", "u(?:8|16|32|64)")} (?<op>${alternatives(LOCK_OF.keys())}) ${REG("src")}`,
    ),
    looksLike: /^lock/,
    syntax: "lock *(u32|u64 *)(rD +OFF) +=, |=, &= or ^= rS",
    make: (g, line) => atomic(g, g.dst, g.src, LOCK_OF.get(g.op ?? "") ?? 0, line),
  },
  {
    pattern: re(
      `${REG("old")} = atomic(?<wide>64)?_(?<op>${alternatives(FETCH_OF.keys())})` +
        `\\(${MEM("dst", "u(?:8|16|32|64)")}, ${REG("src")}\\)`,
    ),
    looksLike: /atomic(64)?_(fetch|xchg)/,
    syntax:
      "rS = atomic64_fetch_add|fetch_or|fetch_and|fetch_xor|xchg((u64 *)(rD +OFF), rS) (atomic_ for less than 64 bits)",
    make: (g, line) => {
      if (g.old !== g.src) throw refuse(line, `the old value to go to the source register, r${g.src}`);
      wide(g, line);
      return atomic(g, g.dst, g.src, FETCH_OF.get(g.op ?? "") ?? 0, line);
    },
  },
  {
    pattern: re(`r0 = atomic(?<wide>64)?_cmpxchg\\(${MEM("dst", "u(?:8|16|32|64)")}, r0, ${REG("src")}\\)`),
    looksLike: /cmpxchg/,
    syntax: "r0 = atomic64_cmpxchg((u64 *)(rD +OFF), r0, rS) (atomic_ for less than 64 bits)",
    make: (g, line) => {
      wide(g, line);
      return atomic(g, g.dst, g.src, ATOMIC.CMPXCHG, line);
    },
  },
  {
    pattern: re(`${REG("dst")} = load_acquire\\(${MEM("src", "u(?:8|16|32|64)")}\\)`),
    looksLike: /load_acquire/,
    syntax: "rD = load_acquire((SIZE *)(rS +OFF))",
    make: (g, line) => atomic(g, g.dst, g.src, ATOMIC.LOAD_ACQ, line),
  },
  {
    pattern: re(`store_release\\(${MEM("dst", "u(?:8|16|32|64)")}, ${REG("src")}\\)`),
    looksLike: /store_release/,
    syntax: "store_release((SIZE *)(rD +OFF), rS)",
    make: (g, line) => atomic(g, g.dst, g.src, ATOMIC.STORE_REL, line),
  },
  {
    pattern: re(`${REG("dst")} = (?<kind>be|le|bswap)(?<bits>16|32|64) ${REG("src")}`),
    looksLike: /= (be|le|bswap)/,
    syntax: "rD = be|le|bswap16|32|64 rD",
    make: (g, line) => {
      same(g, line);
      return { code: END_OF.get(g.kind ?? "") ?? 0, dst: reg(g.dst, line), imm: imm32(g.bits, line) };
    },
  },
  {
    pattern: re(`${REG("dst")} = addr_space_cast\\(${REG("src")}, (?<to>\\d+), (?<from>\\d+)\\)`),
    looksLike: /addr_space_cast/,
    syntax: "rD = addr_space_cast(rS, TO, FROM)",
    make: (g, line) => ({
      code: CLASS.ALU64 | ALU.MOV | SRC.X,
      dst: reg(g.dst, line),
      src: reg(g.src, line),
      off: 1,
      imm: (Number(g.to) << 16) | (Number(g.from) & 0xffff),
    }),
  },
  {
    pattern: re(`${REG("dst")} = &\\(void __percpu \\*\\)\\(${REG("src")}\\)`),
    looksLike: /__percpu/,
    syntax: "rD = &(void __percpu *)(rS)",
    make: (g, line) => ({
      code: CLASS.ALU64 | ALU.MOV | SRC.X,
      dst: reg(g.dst, line),
      src: reg(g.src, line),
      off: -1,
    }),
  },
  {
    pattern: re(`(?<r>[rw])(?<dst>\\d+) = -(?<r2>[rw])(?<src>\\d+)`),
    looksLike: /= -[rw]/,
    syntax: "rD = -rD or wD = -wD",
    make: (g, line) => {
      same(g, line);
      return { code: aluClass(g, line) | ALU.NEG, dst: reg(g.dst, line) };
    },
  },
  {
    pattern: re(`(?<r>[rw])(?<dst>\\d+) = \\(s(?<bits>8|16|32)\\)(?<r2>[rw])(?<src>\\d+)`),
    looksLike: /= \(/,
    syntax: "rD = (s8|s16|s32)rS or wD = (s8|s16)wS",
    make: (g, line) => ({
      code: aluClass(g, line) | ALU.MOV | SRC.X,
      dst: reg(g.dst, line),
      src: reg(g.src, line),
      off: Number(g.bits),
    }),
  },
  {
    pattern: re(`${REG("dst")} = map\\[(?<by>fd|idx):(?<map>\\d+)\\](?:\\[0\\]\\+(?<value>\\d+))?`),
    looksLike: /= map/,
    syntax: "rD = map[fd:N] or map[idx:N], then [0]+OFFSET for its value",
    make: (g, line) => {
      const value = g.value !== undefined;
      const kinds =
        g.by === "fd" ? [PSEUDO.MAP_FD, PSEUDO.MAP_VALUE] : [PSEUDO.MAP_IDX, PSEUDO.MAP_IDX_VALUE];
      return pair(g.dst, kinds[value ? 1 : 0] ?? 0, imm32(g.map, line), imm32(g.value ?? "0", line), line);
    },
  },
  {
    pattern: re(`${REG("dst")} = btf\\[id:(?<id>\\d+)\\]`),
    looksLike: /= btf/,
    syntax: "rD = btf[id:N]",
    make: (g, line) => pair(g.dst, PSEUDO.BTF_ID, imm32(g.id, line), 0, line),
  },
  {
    pattern: re(`${REG("dst")} = subprog\\[(?<target>[+-]\\d+|[a-z_.$][\\w.$]*)\\]`),
    looksLike: /= subprog/,
    syntax: "rD = subprog[+N] or subprog[LABEL]",
    make: (g, line) => {
      const to = /^[+-]/.test(g.target ?? "") ? `pc${g.target}` : g.target;
      return pair(g.dst, PSEUDO.FUNC, target(to, "imm", line), 0, line);
    },
  },
  {
    pattern: re(`${REG("dst")} = (?<imm>${NUM})(?<ll> ll)?`),
    looksLike: /^r\d+ = [+-]?\d/,
    syntax: "rD = IMM",
    make: (g, line) => {
      const value = parseNumber(g.imm ?? "") ?? 0n;
      const short = toImm32(value);
      const fits = short !== undefined && BigInt.asIntN(64, value) === BigInt(short);
      if (g.ll !== undefined || line.code === 0x18 || (line.code === undefined && !fits)) {
        if (value < -(1n << 63n) || value >= 1n << 64n) throw refuse(line, "a number of at most 64 bits");
        const low = Number(BigInt.asIntN(32, value));
        return pair(g.dst, 0, low, Number(BigInt.asIntN(32, value >> 32n)), line);
      }
      return { code: CLASS.ALU64 | ALU.MOV, dst: reg(g.dst, line), imm: imm32(g.imm, line) };
    },
  },
  {
    pattern: re(
      `(?<r>[rw])(?<dst>\\d+) (?<op>${alternatives([...SIGNED_ALU_OF.keys(), ...ALU_OF.keys()])}) ` +
        `(?:(?<r2>[rw])(?<src>\\d+)|(?<imm>${NUM}))`,
    ),
    looksLike: /^[rw]\d/,
    syntax: `rD OP rS|IMM, all registers r or all w, OP one of ${[...ALU_OF.keys(), ...SIGNED_ALU_OF.keys()].join(" ")}`,
    make: (g, line) => {
      const signedOp = SIGNED_ALU_OF.get(g.op ?? "");
      const code = aluClass(g, line) | (signedOp ?? ALU_OF.get(g.op ?? "") ?? 0);
      const rest = { dst: reg(g.dst, line), off: signedOp === undefined ? 0 : 1 };
      if (g.src !== undefined) return { code: code | SRC.X, ...rest, src: reg(g.src, line) };
      return { code, ...rest, imm: imm32(g.imm, line) };
    },
  },
];

/** The error of a line that reads as an instruction, but may not be one. */
export function refuse(line: Line, expected: string): AsmError {
  return new AsmError(line.number, `expected ${expected}`);
}

function reg(text: string | undefined, line: Line): number {
  const n = Number(text);
  if (n > 10) throw refuse(line, `a register from 0 to 10, not r${n}`);
  return n;
}

function imm32(text: string | undefined, line: Line): number {
  const value = toImm32(parseNumber(text ?? "") ?? 1n << 64n);
  if (value === undefined) throw refuse(line, `a number of at most 32 bits, not ${text}`);
  return value;
}

function off16(text: string | undefined, line: Line): number {
  const value = toOff16(parseNumber((text ?? "").replace(" ", "")) ?? 1n << 64n);
  if (value === undefined) throw refuse(line, `an offset from -32768 to 32767, not ${text}`);
  return value;
}

/** The number after `pc`, or a label put down to be resolved at the end. */
function target(text: string | undefined, field: "off" | "imm", line: Line): number {
  const relative = /^pc([+-]\d+)$/.exec(text ?? "")?.[1];
  if (relative !== undefined) return field === "off" ? off16(relative, line) : imm32(relative, line);
  line.asm.jumps.push({ line: line.number, at: line.asm.insns.length, field, label: text ?? "" });
  return 0;
}

function aluClass(g: Groups, line: Line): number {
  if (g.r2 !== undefined && g.r2 !== g.r) throw refuse(line, "both registers to be r, or both w");
  return g.r === "r" ? CLASS.ALU64 : CLASS.ALU;
}

function same(g: Groups, line: Line): void {
  if (g.dst !== g.src) throw refuse(line, `both registers to be the same, r${g.dst}`);
}

function wide(g: Groups, line: Line): void {
  const name = g.size === "u64" ? "atomic64_" : "atomic_";
  if ((g.wide === "64") !== (g.size === "u64")) throw refuse(line, `${name} for ${g.size}`);
}

function atomic(
  g: Groups,
  dst: string | undefined,
  src: string | undefined,
  imm: number,
  line: Line,
): Partial<Insn> {
  const size = SIZE_OF.get(g.size ?? "") ?? SIZE.DW;
  const code = CLASS.STX | MODE.ATOMIC | size;
  return { code, dst: reg(dst, line), src: reg(src, line), off: off16(g.off, line), imm };
}

function pair(dst: string | undefined, src: number, low: number, high: number, line: Line): Partial<Insn>[] {
  return [{ code: CLASS.LD | MODE.IMM | SIZE.DW, dst: reg(dst, line), src, imm: low }, { imm: high }];
}
