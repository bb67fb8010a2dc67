import { describe, expect, it } from "vitest";
import { assemble } from "../../../isa/asm.ts";
import { disasmInsn } from "../../../isa/disasm.ts";
import type { Insn } from "../../../isa/insn.ts";
import { PROG_TYPE } from "../../../uapi/prog_type.ts";
import type { VerifiedProgram } from "../../prog/program.ts";
import { prepare } from "../prepare/prepare.ts";
import { prepareEnv } from "../testing/prepare_env.ts";
import { caseInput } from "../testing/verify_case.ts";
import { type Env, Rejection } from "../walk/env.ts";
import { convertCtxAccess } from "./ctx_convert.ts";
import { rewrite } from "./rewrite.ts";
import { checkMaxStackDepth } from "./stack_depth.ts";

/** An environment after `prepare`, in which a walk saw these instructions. */
function walked(source: string, seen: "all" | readonly number[] = "all"): Env {
  const insns = assemble(source);
  const env = prepareEnv({ ...caseInput({ prog_type: PROG_TYPE.SCHED_CLS, insns: "" }, 1), insns });
  prepare(env);
  env.aux.forEach((aux, i) => {
    aux.seen = seen === "all" || seen.includes(i);
  });
  return env;
}

function text(program: VerifiedProgram): string[] {
  const lines: string[] = [];
  program.insns.forEach((insn, i) => {
    if (insn.code !== 0) lines.push(disasmInsn(program.insns, i).replace(/^\(..\) /, ""));
  });
  return lines;
}

describe("rewrite", () => {
  it("leaves a program that was walked whole as it is", () => {
    const source = "r1 = 0x100000000\nif r1 == 0x0 goto pc+1\nr0 = 0\nr0 = 1\nexit";
    const env = walked(source);
    expect(rewrite(env).insns).toEqual(env.insns);
  });

  it("drops what was not reached, and the branches to it", () => {
    const source = "r0 = 0\nif r0 == 0x0 goto pc+2\nr0 = 1\ngoto pc+1\nr0 = 2\nexit";
    expect(text(rewrite(walked(source, [0, 1, 4, 5])))).toEqual(["r0 = 0", "r0 = 2", "exit"]);
    expect(text(rewrite(walked(source, [0, 1, 2, 3, 5])))).toEqual(["r0 = 0", "r0 = 1", "exit"]);
  });

  it("turns a branch that is always taken into a jump backwards where it goes back", () => {
    const source = "r0 = 0\nr0 += 1\nif r0 != 0x5 goto pc-2\nexit";
    const program = rewrite(walked(source, [0, 1, 2]));
    expect(text(program)).toEqual(["r0 = 0", "r0 += 1", "goto pc-2"]);
  });

  it("keeps both halves of 64-bit loads, and moves calls with their subprograms", () => {
    const source =
      "r1 = 0x123456789\nr0 = 0\nif r0 == 0x0 goto pc+1\nr0 = 7\ncall pc+2\nexit\nexit\nr0 = 0\nexit";
    const env = walked(source.replace("exit\nexit\n", "exit\n").replace("call pc+2", "call pc+1"), [
      ...[0, 2, 3, 5, 6, 7, 8],
    ]);
    const program = rewrite(env);
    expect(text(program)).toEqual(["r1 = 0x123456789", "r0 = 0", "call pc+1", "exit", "r0 = 0", "exit"]);
    expect(program.subprogs.map(({ start, end }) => [start, end])).toEqual([
      [0, 5],
      [5, 7],
    ]);
    expect(program.facts[3]).toEqual({ subprog: 1 });
  });

  it("renumbers subprograms when one is never called", () => {
    const source = "if r1 == 0x0 goto pc+2\ncall pc+3\nexit\ncall pc+3\nexit\nr0 = 1\nexit\nr0 = 2\nexit";
    const program = rewrite(walked(source, [0, 3, 4, 7, 8]));
    expect(text(program)).toEqual(["call pc+1", "exit", "r0 = 2", "exit"]);
    expect(program.subprogs.map(({ start, end }) => [start, end])).toEqual([
      [0, 2],
      [2, 4],
    ]);
    expect(program.facts[0]).toEqual({ subprog: 1 });
  });

  it("hands on what was learned, where all paths agree", () => {
    const env = walked("r0 = *(u64 *)(r10 -8)\nr1 = *(u64 *)(r0 +0)\ncall bpf_map_lookup_elem\nr0 = 0\nexit");
    Object.assign(env.aux[0] ?? {}, { access: "stack", stackOffset: -8 });
    Object.assign(env.aux[1] ?? {}, { access: "mixed", stackOffset: "mixed" });
    Object.assign(env.aux[2] ?? {}, { callMap: 2, constKey: 5 });
    expect(rewrite(env).facts).toEqual([
      { access: "stack", stackOffset: -8 },
      undefined,
      { callMap: 2, constKey: 5 },
      undefined,
      undefined,
    ]);
  });

  it("replaces a context store by several instructions and keeps jumps right", () => {
    const env = walked("if r2 == 0x0 goto pc+1\n*(u32 *)(r1 +12) = r2\nr0 = 0\nexit");
    Object.assign(env.aux[1] ?? {}, { access: "ctx" });
    const program = rewrite(env);
    expect(text(program)).toEqual([
      "if r2 == 0x0 goto pc+2",
      "if r2 >= 0xffff goto pc+1",
      "*(u16 *)(r1 +12) = r2",
      "r0 = 0",
      "exit",
    ]);
    expect(program.facts[2]).toEqual({ access: "ctx" });
  });
});

describe("context conversion", () => {
  const converted = (source: string, progType: number = PROG_TYPE.SCHED_CLS): string[] => {
    const insn = assemble(source)[0] as Insn;
    const result = convertCtxAccess(insn, progType);
    const list = "code" in result ? [result] : [...result];
    return list.map((_, i) => disasmInsn(list, i).replace(/^\(..\) /, ""));
  };

  it("cuts stores to the bytes that the kernel keeps", () => {
    expect(converted("*(u32 *)(r1 +72) = r2")).toEqual(["*(u16 *)(r1 +72) = r2"]);
    expect(converted("*(u32 *)(r1 +44) = 70000")).toEqual(["*(u16 *)(r1 +44) = 70000"]);
    expect(converted("*(u32 *)(r1 +8) = r2")).toEqual(["*(u32 *)(r1 +8) = r2"]);
  });

  it("ignores large queue numbers, but not negative immediates", () => {
    expect(converted("*(u32 *)(r1 +12) = 65535")).toEqual([]);
    expect(converted("*(u32 *)(r1 +12) = -1")).toEqual(["*(u16 *)(r1 +12) = -1"]);
    expect(converted("*(u32 *)(r1 +12) = 3")).toEqual(["*(u16 *)(r1 +12) = 3"]);
  });

  it("reads a field that is kept short from each place in it, where the load is no narrower", () => {
    expect(converted("r0 = *(u16 *)(r1 +18)")).toEqual(["r0 = *(u16 *)(r1 +16)"]);
    expect(converted("r0 = *(u8 *)(r1 +18)")).toEqual(["r0 = *(u8 *)(r1 +18)"]);
    expect(converted("r0 = *(u8 *)(r1 +7)")).toEqual(["r0 = *(u8 *)(r1 +4)"]);
    expect(converted("r0 = *(u16 *)(r1 +70)")).toEqual(["r0 = *(u16 *)(r1 +70)"]);
  });

  it("leaves other contexts alone", () => {
    expect(converted("r0 = *(u16 *)(r1 +18)", PROG_TYPE.XDP)).toEqual(["r0 = *(u16 *)(r1 +18)"]);
  });
});

describe("stack depth", () => {
  const check = (depths: readonly number[], source: string): string => {
    const env = walked(source);
    env.subprogs.forEach((sub, n) => {
      sub.stackDepth = depths[n] ?? 0;
    });
    try {
      checkMaxStackDepth(env);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
    }
    return env.log.text();
  };

  it("adds the frames of a chain in units of 16", () => {
    const source = "call pc+1\nexit\nr0 = 0\nexit";
    expect(check([256, 256], source)).toBe("");
    expect(check([256, 264], source)).toBe("combined stack size of 2 calls is 528. Too large\n");
    expect(check([504, 1], source)).toBe("combined stack size of 2 calls is 528. Too large\n");
  });

  it("limits the stack in use where a subprogram makes a tail call", () => {
    const source = "call pc+1\nexit\nr0 = 0\nexit";
    const env = walked(source);
    Object.assign(env.subprogs[0] ?? {}, { stackDepth: 248 });
    Object.assign(env.subprogs[1] ?? {}, { hasTailCall: true });
    expect(() => checkMaxStackDepth(env)).toThrow(Rejection);
    expect(env.log.text()).toBe(
      "tail_calls are not allowed when call stack of previous frames is 256 bytes. Too large\n",
    );
  });

  it("stops at recursion that no path walks", () => {
    expect(check([], "if r1 == 0x0 goto pc+1\ncall pc-2\nr0 = 0\nexit")).toBe(
      "the call stack of 8 frames is too deep !\n",
    );
  });
});
