import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { encodeInsns, type Insn } from "../../../isa/insn.ts";
import { ALU, CLASS, JMP, MODE, SIZE, SRC } from "../../../isa/opcode.ts";
import { resetArena, scratchReg } from "../state/arena.ts";
import { printReg } from "../state/print.ts";
import { copyReg } from "../state/view.ts";
import {
  aluScalar,
  branchTaken,
  coerceToSize,
  coerceToSizeSigned,
  configureValues,
  markKnownImm,
  markUnknown,
  refineBranch,
} from "./value.ts";

// Random programs of loads, arithmetic and comparisons are put to the live kernel, and every register state in its log
// is compared with what this domain computes.

const KBPF = new URL("../../../../../shared/oracle/kbpf.py", import.meta.url).pathname;
const seed = Number(process.env.ANYBPF_SEED ?? Date.now() & 0xffff);
const PROGRAMS = Number(process.env.ANYBPF_PROGRAMS ?? 150);

const names = {
  map: () => ({ name: "m", keySize: 4, valueSize: 64 }),
  btfType: () => "",
};

function random(start: number): (n: number) => number {
  let s = (start + 0x9e3779b9) | 0;
  return (n) => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) % n;
  };
}

interface Case {
  readonly insns: Insn[];
  /** What is expected at an instruction: register number and text, ids and precision left out. */
  readonly after: Map<number, [number, string][]>;
  /** The same for the state at a jump's target, by the jump's index. */
  readonly taken: Map<number, [number, string][]>;
}

const insn = (code: number, dst: number, src = 0, off = 0, imm = 0): Insn => ({ code, dst, src, off, imm });

const REGS = [1, 2, 3, 4, 5, 7, 8];
const OPS = [
  ALU.ADD,
  ALU.SUB,
  ALU.MUL,
  ALU.AND,
  ALU.OR,
  ALU.XOR,
  ALU.LSH,
  ALU.RSH,
  ALU.ARSH,
  ALU.NEG,
  ALU.END,
];
const JUMPS = [
  JMP.JEQ, JMP.JNE, JMP.JGT, JMP.JGE, JMP.JLT, JMP.JLE, JMP.JSGT, JMP.JSGE, JMP.JSLT, JMP.JSLE, JMP.JSET,
]; // biome-ignore format: a table
const SIZES: readonly (readonly [number, number])[] = [
  [SIZE.B, 1],
  [SIZE.H, 2],
  [SIZE.W, 4],
  [SIZE.DW, 8],
];

function makeCase(rnd: (n: number) => number): Case {
  const reg = (n: number) => scratchReg(n);
  const insns: Insn[] = [];
  const after: Case["after"] = new Map();
  const taken: Case["taken"] = new Map();
  const pendingJumps: number[] = [];
  const text = (n: number): string => printReg(reg(n), names, 0);
  const imm = (): number => {
    const kind = rnd(6);
    if (kind === 0) return rnd(16);
    if (kind === 1) return -rnd(16);
    if (kind === 2) return 1 << rnd(32);
    if (kind === 3) return (1 << rnd(32)) - 1;
    if (kind === 4) return rnd(0x10000);
    return rnd(0xffffffff) | 0;
  };
  // R6 = the value of map m
  insns.push(
    insn(CLASS.ST | SIZE.W | MODE.MEM, 10, 0, -4, 0),
    insn(CLASS.ALU64 | ALU.MOV | SRC.X, 2, 10),
    insn(CLASS.ALU64 | ALU.ADD | SRC.K, 2, 0, 0, -4),
    insn(CLASS.LD | SIZE.DW, 1, 1),
    insn(0, 0),
    insn(CLASS.JMP | JMP.CALL, 0, 0, 0, 1),
    insn(CLASS.JMP | JMP.JNE | SRC.K, 0, 0, 1, 0),
    insn(CLASS.JMP | JMP.EXIT, 0),
    insn(CLASS.ALU64 | ALU.MOV | SRC.X, 6, 0),
  );
  for (const r of REGS) {
    insns.push(insn(CLASS.LDX | SIZE.DW | MODE.MEM, r, 6, 0));
    markUnknown(reg(r));
  }
  const operand = scratchReg(12);
  for (let n = 0; n < 45; n++) {
    const at = insns.length;
    const d = REGS[rnd(REGS.length)] as number;
    const s = REGS[rnd(REGS.length)] as number;
    const kind = rnd(10);
    if (kind === 0) {
      const [bits, bytes] = SIZES[rnd(4)] as readonly [number, number];
      const signed = bytes < 8 && rnd(3) === 0;
      insns.push(insn(CLASS.LDX | bits | (signed ? MODE.MEMSX : MODE.MEM), d, 6, 8));
      markUnknown(reg(d));
      if (signed) coerceToSizeSigned(reg(d), bytes);
      else coerceToSize(reg(d), bytes);
      after.set(at, [[d, text(d)]]);
    } else if (kind === 1) {
      const v = imm();
      insns.push(insn(CLASS.ALU64 | ALU.MOV | SRC.K, d, 0, 0, v));
      markKnownImm(reg(d), v);
      after.set(at, [[d, text(d)]]);
    } else if (kind < 6) {
      const op = OPS[rnd(OPS.length)] as number;
      const is32 = rnd(2) === 0;
      const cls = is32 ? CLASS.ALU : CLASS.ALU64;
      const width = is32 ? 32 : 64;
      const v =
        op === ALU.END
          ? 16 << rnd(3)
          : op === ALU.LSH || op === ALU.RSH || op === ALU.ARSH
            ? rnd(width)
            : imm();
      const bare = op === ALU.NEG;
      const useReg = !bare && op !== ALU.END && rnd(2) === 0;
      const src = op === ALU.END ? (is32 && rnd(2) === 0 ? SRC.X : SRC.K) : useReg ? SRC.X : SRC.K;
      insns.push(insn(cls | op | src, d, useReg ? s : 0, 0, bare || useReg ? 0 : v));
      if (useReg) copyReg(operand, reg(s));
      else markKnownImm(operand, v);
      aluScalar(cls | op | src, 0, v, reg(d), operand);
      after.set(at, [[d, text(d)]]);
    } else {
      const op = JUMPS[rnd(JUMPS.length)] as number;
      const is32 = rnd(2) === 0;
      const useReg = rnd(2) === 0 && s !== d;
      const v = imm();
      insns.push(
        insn(
          (is32 ? CLASS.JMP32 : CLASS.JMP) | op | (useReg ? SRC.X : SRC.K),
          d,
          useReg ? s : 0,
          0,
          useReg ? 0 : v,
        ),
      );
      pendingJumps.push(at);
      if (useReg) copyReg(operand, reg(s));
      else markKnownImm(operand, v);
      const outcome = branchTaken(reg(d), operand, op, is32);
      if (outcome === 1) break;
      if (outcome === 0) continue;
      const [ta, tb] = [scratchReg(13), scratchReg(14)];
      copyReg(ta, reg(d));
      copyReg(tb, operand);
      refineBranch(ta, tb, reg(d), useReg ? reg(s) : operand, op, is32);
      const fall: [number, string][] = [[d, text(d)]];
      const jump: [number, string][] = [[d, printReg(ta, names, 0)]];
      if (useReg) {
        fall.push([s, text(s)]);
        jump.push([s, printReg(tb, names, 0)]);
      }
      after.set(at, fall);
      taken.set(at, jump);
    }
  }
  insns.push(insn(CLASS.ALU64 | ALU.MOV | SRC.K, 0, 0, 0, 0), insn(CLASS.JMP | JMP.EXIT, 0));
  for (const at of pendingJumps) {
    insns[at] = { ...(insns[at] as Insn), off: insns.length - at - 1 };
    insns.push(insn(CLASS.ALU64 | ALU.MOV | SRC.K, 0, 0, 0, 0), insn(CLASS.JMP | JMP.EXIT, 0));
  }
  return { insns, after, taken };
}

function regsIn(text: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const part of ` ${text}`.split(/ (?=R\d+=|fp-)/)) {
    const m = /^R(\d+)=P?(.*?) *$/.exec(part);
    if (m !== null) found.set(Number(m[1]), (m[2] as string).replace(/id=\d+,?/, ""));
  }
  return found;
}

function differences(c: Case, log: string): string[] {
  const lines = log.split("\n");
  const out: string[] = [];
  const check = (want: [number, string][] | undefined, text: string, where: string): void => {
    if (want === undefined) return;
    const got = regsIn(text);
    for (const [n, expected] of want) {
      const actual = got.get(n);
      if (actual !== undefined && actual !== expected)
        out.push(`${where} R${n}\n  kernel ${actual}\n  ours   ${expected}`);
    }
  };
  for (const line of lines) {
    const m = /^(\d+): \([0-9a-f]{2}\) .*?; (R.*)$/.exec(line);
    if (m !== null) check(c.after.get(Number(m[1])), m[2] as string, line);
    const f = /^from (\d+) to \d+: (R.*)$/.exec(line);
    if (f !== null)
      check(
        c.taken.get(Number(f[1])),
        f[2] as string,
        `${line}\n${lines.find((l) => l.startsWith(`${f[1]}: (`))}`,
      );
  }
  return out;
}

describe.skipIf(!existsSync(KBPF))(`the live kernel (seed ${seed})`, () => {
  beforeAll(() => {
    resetArena();
    configureValues(true);
  });

  test(`agrees on ${PROGRAMS} random programs`, (ctx) => {
    const rnd = random(seed);
    const cases = Array.from({ length: PROGRAMS }, () => makeCase(rnd));
    const input = cases
      .map((c) =>
        JSON.stringify({
          prog_type: "socket_filter",
          insns: Buffer.from(encodeInsns(c.insns)).toString("hex"),
          log_level: 2,
          maps: [{ type: "array", key_size: 4, value_size: 64, max_entries: 1, name: "m" }],
          map_refs: [{ insn: 3, map: 0 }],
        }),
      )
      .join("\n");
    const answers = execFileSync("python3", [KBPF, "-"], { input, maxBuffer: 1 << 30 })
      .toString()
      .trim()
      .split("\n");
    let compared = 0;
    const bad: string[] = [];
    answers.forEach((line, i) => {
      const answer = JSON.parse(line) as { log?: string; errno?: number; verdict?: string };
      const c = cases[i] as Case;
      if (answer.log === undefined || answer.log === "") return;
      compared += c.after.size + c.taken.size;
      bad.push(...differences(c, answer.log).slice(0, 1));
    });
    if (compared === 0) {
      if (process.env.ANYBPF_REQUIRE_KERNEL === "1") throw new Error(`no log: ${answers[0]?.slice(0, 300)}`);
      ctx.skip("bpf(2) does not answer here");
    }
    expect(compared).toBeGreaterThan(PROGRAMS * 5);
    expect(`${bad.length} differences\n${bad.slice(0, 8).join("\n")}`).toBe("0 differences\n");
  });
});
