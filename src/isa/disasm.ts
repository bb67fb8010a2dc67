import { HELPERS } from "../uapi/helper_id.ts";
import type { Insn } from "./insn.ts";
import {
  ALU_TEXT,
  END_TEXT,
  FETCH_TEXT,
  JMP_TEXT,
  LOCK_TEXT,
  SIGNED_ALU_TEXT,
  SIGNED_SIZE_TEXT,
  SIZE_TEXT,
} from "./op_text.ts";
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, PSEUDO, SIZE, SRC } from "./opcode.ts";

/** What a disassembler cannot know from the instruction alone. */
export interface DisasmOptions {
  /**
   * The name of a called kernel function (`src` CALL.KFUNC; a `#` and the id are put after it), or undefined for
   * `kfunc`. The kernel prints an empty name for the call it has no function for.
   */
  readonly call?: (insn: Insn) => string | undefined;
  /**
   * What a 64-bit load gives, the text after `rN = `; undefined for the default. The verifier log has the address of
   * a map or value here, and plain `imm64Hex` for everything else, subprograms included.
   */
  readonly imm64?: (insn: Insn, next: Insn) => string | undefined;
}

const NO_INSN: Insn = { code: 0, dst: 0, src: 0, off: 0, imm: 0 };
const HELPER_NAMES: ReadonlyMap<number, string> = new Map([
  [0, "unspec"],
  ...Object.entries(HELPERS).map(([name, row]): [number, string] => [row.value, name]),
]);

/**
 * Writes one instruction as the verifier log of Linux 6.18 does after `N: `, such as `(b7) r0 = 2`. Where the log has
 * an address of the running kernel, and `options` say nothing, it writes what `assemble` reads back:
 * `map[fd:3]`, `map[fd:3][0]+8`, `map[idx:0]`, `map[idx:0][0]+8`, `btf[id:7]`, `subprog[+4]`, `kfunc#65470`.
 * An opcode that does not exist is `BUG_xx`.
 *
 * @param insns the program
 * @param i index of the instruction's first slot
 */
export function disasmInsn(insns: readonly Insn[], i: number, options: DisasmOptions = {}): string {
  const insn = insns[i];
  if (insn === undefined) throw new RangeError(`no instruction ${i} in a program of ${insns.length}`);
  const text = BY_CLASS[insn.code & 7]?.(insn, insns[i + 1] ?? NO_INSN, options);
  const code = insn.code.toString(16).padStart(2, "0");
  return text === undefined ? `BUG_${code}` : `(${code}) ${text}`;
}

/** The 64 bits of a two-slot load as the log writes them, such as `0xffffffff00000001`. */
export function imm64Hex(insn: Insn, next: Insn): string {
  const high = next.imm >>> 0;
  const low = (insn.imm >>> 0).toString(16);
  return high === 0 ? `0x${low}` : `0x${high.toString(16)}${low.padStart(8, "0")}`;
}

/** The name of a helper as the log has it, `bpf_map_lookup_elem`, or `unknown`. */
export function helperName(id: number): string {
  const name = HELPER_NAMES.get(id);
  return name === undefined ? "unknown" : `bpf_${name}`;
}

const signed = (n: number): string => (n < 0 ? `${n}` : `+${n}`);
const hex32 = (n: number): string => `0x${(n >>> 0).toString(16)}`;
const place = (type: string | undefined, reg: number, off: number): string =>
  `(${type} *)(r${reg} ${signed(off)})`;

type Form = (insn: Insn, next: Insn, options: DisasmOptions) => string | undefined;

function alu(insn: Insn): string | undefined {
  const { code, dst, src, off, imm } = insn;
  const is64 = (code & 7) === CLASS.ALU64;
  const r = is64 ? "r" : "w";
  const op = code & 0xf0;
  if (op === ALU.END) {
    const name = END_TEXT[code];
    return name === undefined ? undefined : `r${dst} = ${name}${imm} r${dst}`;
  }
  const fromReg = (code & SRC.X) !== 0;
  if (op === ALU.NEG) return fromReg ? undefined : `${r}${dst} = -${r}${dst}`;
  const text = (off === 1 ? SIGNED_ALU_TEXT[op] : undefined) ?? ALU_TEXT[op];
  if (text === undefined) return undefined;
  if (!fromReg) return `${r}${dst} ${text} ${imm}`;
  if (op === ALU.MOV) {
    if (off === 8 || off === 16 || off === 32) return `${r}${dst} = (s${off})${r}${src}`;
    if (is64 && off === 1) return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`;
    if (is64 && off === -1) return `r${dst} = &(void __percpu *)(r${src})`;
  }
  return `${r}${dst} ${text} ${r}${src}`;
}

const CALLS: Readonly<Record<number, Form>> = {
  [CALL.HELPER]: (insn) => `call ${helperName(insn.imm)}#${insn.imm}`,
  [CALL.LOCAL]: (insn) => `call pc${signed(insn.imm)}`,
  [CALL.KFUNC]: (insn, _next, options) => {
    const name = options.call?.(insn);
    if (name !== undefined) return `call ${name}#${insn.imm}`;
    return `call kfunc#${insn.imm}${insn.off === 0 ? "" : `[${insn.off}]`}`;
  },
};

function jmp(insn: Insn, next: Insn, options: DisasmOptions): string | undefined {
  const { code, dst, src, off, imm } = insn;
  const is64 = (code & 7) === CLASS.JMP;
  const r = is64 ? "r" : "w";
  const op = code & 0xf0;
  const fromReg = (code & SRC.X) !== 0;
  const target = `goto pc${signed(off)}`;
  switch (op) {
    case JMP.JA:
      if (fromReg) return undefined;
      return is64 ? target : `gotol pc${signed(imm)}`;
    case JMP.CALL:
      if (code !== (CLASS.JMP | JMP.CALL)) return undefined;
      return CALLS[src]?.(insn, next, options) ?? `call unknown#${imm}`;
    case JMP.EXIT:
      return code === (CLASS.JMP | JMP.EXIT) ? "exit" : undefined;
    case JMP.JCOND:
      if (!is64 || fromReg) return undefined;
      // Only src 0 is may_goto; the log then shows a comparison that has no name.
      return src === 0 ? `may_goto pc${signed(off)}` : `if r${dst} (null) ${hex32(imm)} ${target}`;
    default: {
      const text = JMP_TEXT[op];
      if (text === undefined) return undefined;
      return `if ${r}${dst} ${text} ${fromReg ? `${r}${src}` : hex32(imm)} ${target}`;
    }
  }
}

const IMM64: Readonly<Record<number, (insn: Insn, next: Insn) => string>> = {
  [PSEUDO.MAP_FD]: (insn) => `map[fd:${insn.imm}]`,
  [PSEUDO.MAP_VALUE]: (insn, next) => `map[fd:${insn.imm}][0]+${next.imm}`,
  [PSEUDO.BTF_ID]: (insn) => `btf[id:${insn.imm}]`,
  [PSEUDO.FUNC]: (insn) => `subprog[${signed(insn.imm)}]`,
  [PSEUDO.MAP_IDX]: (insn) => `map[idx:${insn.imm}]`,
  [PSEUDO.MAP_IDX_VALUE]: (insn, next) => `map[idx:${insn.imm}][0]+${next.imm}`,
};

function ld(insn: Insn, next: Insn, options: DisasmOptions): string | undefined {
  const { code, dst, src, imm } = insn;
  const size = code & 0x18;
  switch (code & 0xe0) {
    case MODE.IMM:
      if (size !== SIZE.DW) return undefined;
      return `r${dst} = ${options.imm64?.(insn, next) ?? (IMM64[src] ?? imm64Hex)(insn, next)}`;
    case MODE.ABS:
      return size === SIZE.DW ? undefined : `r0 = *(${SIZE_TEXT[size]} *)skb[${imm}]`;
    case MODE.IND:
      return size === SIZE.DW ? undefined : `r0 = *(${SIZE_TEXT[size]} *)skb[r${src} + ${imm}]`;
    default:
      return undefined;
  }
}

function ldx({ code, dst, src, off }: Insn): string | undefined {
  const mode = code & 0xe0;
  const types = mode === MODE.MEM ? SIZE_TEXT : mode === MODE.MEMSX ? SIGNED_SIZE_TEXT : {};
  const type = types[code & 0x18];
  return type === undefined ? undefined : `r${dst} = *${place(type, src, off)}`;
}

function st({ code, dst, off, imm }: Insn): string | undefined {
  return (code & 0xe0) === MODE.MEM ? `*${place(SIZE_TEXT[code & 0x18], dst, off)} = ${imm}` : undefined;
}

function stx(insn: Insn): string | undefined {
  const { code, dst, src, off, imm } = insn;
  const size = code & 0x18;
  const to = place(SIZE_TEXT[size], dst, off);
  const mode = code & 0xe0;
  if (mode === MODE.MEM) return `*${to} = r${src}`;
  if (mode !== MODE.ATOMIC) return undefined;
  const lock = LOCK_TEXT[imm];
  if (lock !== undefined) return `lock *${to} ${lock} r${src}`;
  const atomic = size === SIZE.DW ? "atomic64" : "atomic";
  const fetch = FETCH_TEXT[imm];
  if (fetch !== undefined) return `r${src} = ${atomic}_${fetch}(${to}, r${src})`;
  switch (imm) {
    case ATOMIC.CMPXCHG:
      return `r0 = ${atomic}_cmpxchg(${to}, r0, r${src})`;
    case ATOMIC.LOAD_ACQ:
      return `r${dst} = load_acquire(${place(SIZE_TEXT[size], src, off)})`;
    case ATOMIC.STORE_REL:
      return `store_release(${to}, r${src})`;
    default:
      return undefined;
  }
}

const BY_CLASS: Readonly<Record<number, Form>> = {
  [CLASS.LD]: ld,
  [CLASS.LDX]: ldx,
  [CLASS.ST]: st,
  [CLASS.STX]: stx,
  [CLASS.ALU]: alu,
  [CLASS.JMP]: jmp,
  [CLASS.JMP32]: jmp,
  [CLASS.ALU64]: alu,
};
