import type { Insn } from "../../../isa/insn.ts";
import { CALL, CLASS, JMP, MODE, PSEUDO } from "../../../isa/opcode.ts";
import { MAP } from "../../maps/layout.ts";
import type { ExecEnv, ExecHelper, ExecMap, LinkedProgram, Subprog } from "../../prog/program.ts";
import { buildCfg, type Cfg } from "../cfg/graph.ts";
import { type CfgOrder, orderCfg } from "../cfg/order.ts";
import { makeReducible } from "../cfg/reducible.ts";
import { splitCfg } from "../cfg/split.ts";
import { JitError } from "../error.ts";
import { Code } from "../wasm/code.ts";
import { type FuncType, ModuleBuilder } from "../wasm/encoder.ts";
import type { ValType } from "../wasm/opcode.ts";
import { CALLING_BACK, INLINE_HELPER_ARGS } from "./call.ts";
import type { Callee, KnownMap, ProgramContext } from "./context.ts";
import type { CallInfo } from "./effects.ts";
import { emitFunction, type FunctionShape, pushEntryFrame } from "./function.ts";
import { computeLiveness } from "./liveness.ts";

/** What the engine offers, and limits that tests lower. */
export interface EmitOptions {
  readonly tailCalls: boolean;
  /** Functions of more instructions are split. V8 refuses bodies over 7.6 MB, and is slow long before that. */
  readonly splitAt: number;
  /** Whether small subprograms are written in place of their calls. */
  readonly inline: boolean;
}

/** A module and what it imports. */
export interface EmittedProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imports: WebAssembly.Imports;
}

const ENTRY_TYPE: FuncType = { params: ["i64", "i32"], results: ["i64"] };
const PART_TYPE: FuncType = { params: [...wide(10), "i32", "i32", "i32"], results: ["i64"] };
const R1_TO_R5 = 0x3e;
const FOR_EACH_MAP_ELEM = 164;

function wide(count: number): ValType[] {
  return Array.from({ length: count }, () => "i64");
}

/** A subprogram on its way. */
interface Unit {
  readonly index: number;
  readonly subprog: Subprog;
  readonly name: string;
  readonly cfg: Cfg;
  /** True if its address is taken. */
  isCallback: boolean;
  params: number | undefined;
  mayTailCall: boolean | undefined;
  /** Once the graph has been made reducible. */
  order: CfgOrder | undefined;
  isInlinable: boolean | undefined;
  func: number;
}

/** The helper's id. */
const TAIL_CALL = 12;
/** The longest subprogram, in instructions, that is written in place of calls. */
const INLINE_LIMIT = 40;

function isTailCall(insn: Insn): boolean {
  return insn.code === (CLASS.JMP | JMP.CALL) && insn.src === CALL.HELPER && insn.imm === TAIL_CALL;
}

/** Compiles a program: one function for each subprogram that is used, the main one exported as `entry`. */
export function emitProgram(env: ExecEnv, linked: LinkedProgram, options: EmitOptions): EmittedProgram {
  return new ProgramEmitter(env, linked, options).run();
}

class ProgramEmitter {
  readonly #env: ExecEnv;
  readonly #linked: LinkedProgram;
  readonly #options: EmitOptions;
  readonly #builder = new ModuleBuilder();
  readonly #units = new Map<number, Unit>();
  readonly #helpers = new Map<number, { readonly func: number; readonly args: number }>();
  readonly #helperCalls: Record<string, ExecHelper["call"]> = {};
  readonly #callbacks: Unit[] = [];
  readonly #calls: CallInfo;
  #ldAbs: number | undefined;
  #mapEachNext: number | undefined;

  constructor(env: ExecEnv, linked: LinkedProgram, options: EmitOptions) {
    this.#env = env;
    this.#linked = linked;
    this.#options = options;
    this.#calls = {
      helperArgs: (id) => INLINE_HELPER_ARGS[id] ?? env.helper(id)?.nargs ?? 5,
      calleeParams: (at, insn) => this.#paramsOf(this.#calleeUnit(insn, at)),
    };
  }

  run(): EmittedProgram {
    const b = this.#builder;
    const { insns, facts, name } = this.#linked;
    const shared =
      typeof SharedArrayBuffer !== "undefined" && this.#env.memory.buffer instanceof SharedArrayBuffer;
    b.importMemory("kernel", "memory", shared);
    // Only who needs it: V8 before Node 22 keeps every instance that imports a table as long as the table.
    const withTable = insns.some(isTailCall);
    const entryTable = withTable ? b.importTable("kernel", "table") : 0;
    const main = this.#unit(0);
    this.#discover(main);
    const program: ProgramContext = {
      name,
      insns,
      facts,
      maps: this.#linked.maps.map((m) => knowMap(this.#env.memory, m)),
      shared,
      tailCalls: this.#options.tailCalls,
      entryType: b.type(ENTRY_TYPE),
      callbackType: () => b.type(subprogType(R1_TO_R5)),
      entryTable,
      callbackTable: () => b.table(this.#callbacks.map((u) => u.func)),
      helper: (id, at) => this.#helper(id, at),
      ldAbs: () => this.#ldAbs ?? 0,
      mapEachNext: () => this.#mapEachNext ?? 0,
      callbacksTailCall: () => this.#callbacks.some((u) => this.#mayTailCall(u)),
      callback: (insn, at) => this.#callbacks.indexOf(this.#functionUnit(insn, at)),
      callee: (insn, at) => this.#callee(this.#calleeUnit(insn, at)),
    };
    const units = [...this.#units.values()].sort((x, y) => x.index - y.index);
    for (const unit of units) {
      const type = unit.index === 0 ? ENTRY_TYPE : subprogType(this.#paramsOf(unit));
      unit.func = b.declare(type, unit.name);
    }
    if (this.#callbacks.length > 0) b.table(this.#callbacks.map((u) => u.func));
    for (const unit of units) this.#emit(program, unit);
    b.export("entry", main.func);
    const { memory, table, ldAbs, mapEachNext } = this.#env;
    const kernel: Record<string, WebAssembly.ImportValue> = withTable ? { memory, table } : { memory };
    if (this.#ldAbs !== undefined) kernel.ldAbs = ldAbs;
    if (this.#mapEachNext !== undefined) kernel.mapEachNext = mapEachNext;
    return { bytes: b.finish(name), imports: { kernel, helper: this.#helperCalls } };
  }

  #fail(message: string, at?: number): never {
    throw new JitError(this.#linked.name, message, at);
  }

  #unit(index: number): Unit {
    const known = this.#units.get(index);
    if (known !== undefined) return known;
    const subprog = this.#linked.subprogs[index];
    if (subprog === undefined) return this.#fail(`there is no subprogram ${index}`);
    const { name, insns } = this.#linked;
    const cfg = buildCfg(name, insns, subprog.start, subprog.end);
    const unit: Unit = {
      index,
      subprog,
      name: index === 0 ? name : `${name}/${index}`,
      cfg,
      isCallback: false,
      params: undefined,
      mayTailCall: undefined,
      order: undefined,
      isInlinable: undefined,
      func: -1,
    };
    this.#units.set(index, unit);
    return unit;
  }

  #unitAt(start: number, fact: number | undefined, at: number): Unit {
    const index = fact ?? this.#linked.subprogs.findIndex((s) => s.start === start);
    return index < 0 ? this.#fail(`no subprogram starts at ${start}`, at) : this.#unit(index);
  }

  #calleeUnit(insn: Insn, at: number): Unit {
    return this.#unitAt(at + 1 + insn.imm, this.#linked.facts[at]?.subprog, at);
  }

  #functionUnit(insn: Insn, at: number): Unit {
    return this.#unitAt(at + 1 + insn.imm, this.#linked.facts[at]?.func, at);
  }

  /** Finds the subprograms and helpers that can be reached, and imports the helpers. */
  #discover(main: Unit): void {
    const work = [main];
    const seen = new Set(work);
    const add = (unit: Unit): void => {
      if (seen.has(unit)) return;
      seen.add(unit);
      work.push(unit);
    };
    for (let unit = work.pop(); unit !== undefined; unit = work.pop()) {
      for (const [insn, at] of reachable(unit.cfg, this.#linked.insns)) {
        if (insn.code === 0x18 && insn.src === PSEUDO.FUNC) {
          const target = this.#functionUnit(insn, at);
          if (!target.isCallback) this.#callbacks.push(target);
          target.isCallback = true;
          add(target);
        } else if (insn.code === (CLASS.JMP | JMP.CALL)) {
          if (insn.src === CALL.LOCAL) add(this.#calleeUnit(insn, at));
          else if (insn.src === CALL.HELPER) this.#importHelper(insn.imm, at);
        } else if ((insn.code & 0x07) === CLASS.LD && (insn.code & 0xe0) !== MODE.IMM) {
          this.#ldAbs ??= this.#builder.importFunction("kernel", "ldAbs", {
            params: ["i64", "i32", "i32"],
            results: ["i64"],
          });
        }
      }
    }
  }

  #importHelper(id: number, at: number): void {
    if (id === FOR_EACH_MAP_ELEM) {
      const type: FuncType = { params: ["i64", "i64"], results: ["i64"] };
      this.#mapEachNext ??= this.#builder.importFunction("kernel", "mapEachNext", type);
    }
    if (INLINE_HELPER_ARGS[id] !== undefined || this.#helpers.has(id)) return;
    const helper = this.#env.helper(id);
    if (helper === undefined) this.#fail(`helper #${id} is not available to this program`, at);
    const type: FuncType = { params: wide(helper.nargs), results: ["i64"] };
    const func = this.#builder.importFunction("helper", helper.name, type);
    this.#helpers.set(id, { func, args: helper.nargs });
    this.#helperCalls[helper.name] = helper.call;
  }

  #helper(id: number, at: number): { readonly func: number; readonly args: number } {
    return this.#helpers.get(id) ?? this.#fail(`helper #${id} was not imported`, at);
  }

  /** The registers that a subprogram reads, of R1 to R5; all for one whose address is taken. */
  #paramsOf(unit: Unit): number {
    if (unit.isCallback) return R1_TO_R5;
    if (unit.params !== undefined) return unit.params;
    // Until known: all, should subprograms call each other in a circle.
    unit.params = R1_TO_R5;
    const live = computeLiveness(unit.cfg, orderCfg(unit.cfg), this.#linked.insns, this.#calls);
    unit.params = (live.before[unit.cfg.entry] ?? 0) & R1_TO_R5;
    return unit.params;
  }

  #mayTailCall(unit: Unit): boolean {
    if (unit.mayTailCall !== undefined) return unit.mayTailCall;
    unit.mayTailCall = false;
    let may = false;
    for (const [insn, at] of reachable(unit.cfg, this.#linked.insns)) {
      if (insn.code === 0x18 && insn.src === PSEUDO.FUNC)
        may ||= this.#mayTailCall(this.#functionUnit(insn, at));
      if (insn.code !== (CLASS.JMP | JMP.CALL)) continue;
      if (insn.src === CALL.LOCAL) may ||= this.#mayTailCall(this.#calleeUnit(insn, at));
      else if (insn.src === CALL.HELPER && insn.imm === 12) may = true;
    }
    unit.mayTailCall = may;
    return may;
  }

  #callee(unit: Unit): Callee {
    const callee = { func: unit.func, params: this.#paramsOf(unit), mayTailCall: this.#mayTailCall(unit) };
    if (!this.#isInlinable(unit)) return callee;
    const stackDepth = (unit.subprog.stackDepth + 7) & ~7;
    return { ...callee, inline: { cfg: unit.cfg, order: this.#orderOf(unit), stackDepth } };
  }

  /** The graph's order; makes it reducible first. */
  #orderOf(unit: Unit): CfgOrder {
    unit.order ??= makeReducible(unit.cfg);
    return unit.order;
  }

  /** True for a small subprogram that calls nothing but ordinary helpers and leaves in no way but by its exits. */
  #isInlinable(unit: Unit): boolean {
    unit.isInlinable ??= this.#options.inline && unit.index > 0 && this.#looksInlinable(unit);
    return unit.isInlinable;
  }

  #looksInlinable(unit: Unit): boolean {
    let count = 0;
    for (const [insn] of reachable(unit.cfg, this.#linked.insns)) {
      if (++count > INLINE_LIMIT) return false;
      const cls = insn.code & 0x07;
      const isCall = insn.code === (CLASS.JMP | JMP.CALL);
      if (isCall && (insn.src !== CALL.HELPER || insn.imm === 12 || CALLING_BACK.has(insn.imm))) return false;
      if (cls === CLASS.LD && insn.code !== 0x18) return false;
      if (cls === CLASS.JMP && (insn.code & 0xf0) === JMP.JCOND) return false;
    }
    return true;
  }

  #emit(program: ProgramContext, unit: Unit): void {
    const { subprog, cfg } = unit;
    const stackDepth = (subprog.stackDepth + 7) & ~7;
    if (subprog.end - subprog.start > this.#options.splitAt) {
      this.#emitSplit(program, unit, stackDepth);
      return;
    }
    const shape: FunctionShape =
      unit.index === 0 ? { kind: "entry" } : { kind: "subprog", params: this.#paramsOf(unit) };
    const order = this.#orderOf(unit);
    const input = { program, calls: this.#calls, cfg, order, shape, stackDepth };
    this.#builder.define(unit.func, emitFunction(input));
  }

  /** Writes a function as parts that go to each other by tail calls, and a small one in front that starts the first. */
  #emitSplit(program: ProgramContext, unit: Unit, stackDepth: number): void {
    const b = this.#builder;
    if (!this.#options.tailCalls) {
      this.#fail(
        `a function of ${unit.subprog.end - unit.subprog.start} instructions needs an engine with tail calls`,
      );
    }
    const cfgs = splitCfg(unit.cfg, this.#options.splitAt);
    const parts = cfgs.map((_, i) => b.declare(PART_TYPE, `${unit.name}#${i}`));
    const ofEntry = unit.index === 0;
    b.define(unit.func, startParts(ofEntry, ofEntry ? 0 : this.#paramsOf(unit), parts[0] ?? 0));
    cfgs.forEach((cfg, i) => {
      const order = makeReducible(cfg);
      const shape: FunctionShape = { kind: "part", ofEntry, parts };
      b.define(parts[i] ?? 0, emitFunction({ program, calls: this.#calls, cfg, order, shape, stackDepth }));
    });
  }
}

/** Pushes the registers at a function's start and goes to its first part. */
function startParts(isEntry: boolean, params: number, first: number): Code {
  const count = isEntry ? 1 : [1, 2, 3, 4, 5].filter((r) => ((params >> r) & 1) !== 0).length;
  const code = new Code(count + (isEntry ? 1 : 2));
  let param = 0;
  for (let r = 0; r < 10; r++) {
    const passed = isEntry ? r === 1 : r <= 5 && ((params >> r) & 1) !== 0;
    if (passed) code.get(param++);
    else code.i64(0);
  }
  if (isEntry) pushEntryFrame(code, 1);
  else code.get(count);
  code.get(isEntry ? 1 : count + 1);
  code.i32(0);
  code.returnCall(first);
  return code;
}

function subprogType(params: number): FuncType {
  const count = [1, 2, 3, 4, 5].filter((r) => ((params >> r) & 1) !== 0).length;
  return { params: [...wide(count), "i32", "i32"], results: ["i64"] };
}

/** The instructions of a graph with their indexes, without the second slots of 64-bit loads. */
function* reachable(cfg: Cfg, insns: readonly Insn[]): Generator<readonly [Insn, number]> {
  for (const node of cfg.nodes) {
    if (node.kind !== "code") continue;
    for (let at = node.start; at < node.end; at++) {
      const insn = insns[at] as Insn;
      yield [insn, at];
      if (insn.code === 0x18) at++;
    }
  }
}

/** Reads the unchanging fields of a map's header; a map without one (tests have such) is called for, not inlined. */
function knowMap(memory: WebAssembly.Memory, map: ExecMap): KnownMap {
  const view = new DataView(memory.buffer);
  const base = map.address;
  if (base === 0 || base + MAP.size > view.byteLength) return map;
  const u32 = (offset: number): number => view.getUint32(base + offset, true);
  if (u32(MAP.type) !== map.type || u32(MAP.maxEntries) !== map.maxEntries) return map;
  const { type, address, keySize, valueSize, maxEntries } = map;
  const header = {
    data: u32(MAP.data),
    elemSize: u32(MAP.elemSize),
    cpuStride: u32(MAP.cpuStride),
    buckets: u32(MAP.buckets),
    shift: u32(MAP.shift),
    valueOffset: u32(MAP.valueOffset),
    seed: [u32(MAP.seed) | 0, u32(MAP.seed + 4) | 0] as const,
  };
  return { type, address, keySize, valueSize, maxEntries, header };
}
