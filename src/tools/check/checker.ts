import { readFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "../../transport/call.ts";
import type { Task, UserBuffer } from "../../transport/task.ts";
import { PROG_INFO, PROG_INFO_SIZE } from "../../uapi/info.ts";
import { readStruct, writeStruct } from "../../uapi/layout.ts";
import { type CheckResult, errname, logStats, type RunResult } from "./result_format.ts";
import {
  type BtfSpec,
  checkTest,
  type EntryJson,
  fromHex,
  type MapSpecJson,
  mapTypeNumber,
  progTypeNumber,
  type RunJson,
  SetupError,
  type TestJson,
  testInsns,
  toHex,
} from "./test_format.ts";

/** What the command line asks for, besides the tests themselves. */
export interface CheckOptions {
  /** Wins over a test's own; 0 for no log. */
  readonly logLevel?: number;
  /** The log buffer's size in bytes. */
  readonly logSize: number;
  readonly run: boolean;
  readonly xlated: boolean;
  /** Without capabilities BTF can't be loaded, so it is left out. */
  readonly unpriv: boolean;
  /** What a BTF {"file": PATH} is relative to. */
  readonly baseDir: string;
}

const INSN_IMM = 4;
const REF_SIZE = 8;
const DEFAULT_REC_SIZE = { func_info: 8, line_info: 16 } as const;

/** A kernel's refusal while a test is set up. */
class CallError extends Error {
  readonly errno: number;
  constructor(errno: number, what: string) {
    super(`[Errno ${errno}] ${errname(errno)}: ${what}`);
    this.errno = errno;
  }
}

/** Puts one test to a kernel through a task. What it opens stays open: the caller ends the task. */
export class Checker {
  readonly #task: Task;
  readonly #options: CheckOptions;
  readonly #btfs = new Map<string, number>();
  readonly #entryErrors: string[] = [];

  constructor(task: Task, options: CheckOptions) {
    this.#task = task;
    this.#options = options;
  }

  /** Loads and runs a test. All that can go wrong is in the result. */
  check(given: TestJson): CheckResult {
    const result: CheckResult = { name: given?.name ?? null, verdict: "error", errno: 0, errname: "" };
    try {
      const test = checkTest(given);
      const prog = this.#load(test, result);
      if (prog !== undefined) {
        if (this.#options.xlated) result.xlated = this.#xlated(prog);
        if (this.#options.run && test.runs !== undefined && test.runs.length > 0) {
          result.runs = test.runs.map((run) => this.#testRun(prog, run));
        }
      }
    } catch (error) {
      if (!(error instanceof SetupError || error instanceof CallError)) throw error;
      result.verdict = "error";
      result.setup_error = error.message;
    }
    if (this.#entryErrors.length > 0) result.entry_errors = this.#entryErrors;
    return result;
  }

  #bytes(bytes: Uint8Array): UserBuffer {
    return this.#task.memory.from(bytes);
  }

  #load(test: TestJson, result: CheckResult): number | undefined {
    const maps = this.#createMaps(test, result);
    (test.maps ?? []).forEach((spec, i) => {
      const fd = maps.get(i);
      if (fd !== undefined) this.#fill(spec, fd, test, maps);
    });
    const level = this.#options.logLevel ?? test.log_level ?? 1;
    const log = level === 0 ? undefined : this.#task.memory.alloc(this.#options.logSize);
    const fields = this.#progFields(test, maps);
    const start = performance.now();
    const { ret, attr } = call(this.#task, "PROG_LOAD", {
      ...fields,
      ...(log === undefined
        ? {}
        : { log_level: level, log_size: this.#options.logSize, log_buf: log.address }),
    });
    result.load_us = Math.round((performance.now() - start) * 10_000) / 10;
    result.verdict = ret >= 0 ? "accept" : "reject";
    if (ret < 0) {
      result.errno = -ret;
      result.errname = errname(-ret);
    }
    if (log !== undefined) {
      const end = log.bytes.indexOf(0);
      result.log = new TextDecoder().decode(log.bytes.subarray(0, end < 0 ? log.bytes.length : end));
      result.log_truncated = attr.log_true_size > this.#options.logSize;
      result.stats = logStats(result.log);
      this.#task.memory.free(log);
    }
    return ret >= 0 ? ret : undefined;
  }

  #createMaps(test: TestJson, result: CheckResult): Map<number | string, number> {
    const fds = new Map<number | string, number>();
    const errors: NonNullable<CheckResult["map_errors"]> = [];
    (test.maps ?? []).forEach((spec, map) => {
      try {
        fds.set(map, this.#createMap(spec));
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        errors.push({ map, errno: error.errno, errname: errname(error.errno) });
      }
    });
    if (errors.length > 0) {
      result.map_errors = errors;
      throw new SetupError("a map could not be created");
    }
    return fds;
  }

  #createMap(spec: MapSpecJson): number {
    const withBtf = spec.btf !== undefined && !this.#options.unpriv;
    const { ret } = call(this.#task, "MAP_CREATE", {
      map_type: mapTypeNumber(spec.type),
      key_size: spec.key_size ?? 0,
      value_size: spec.value_size ?? 0,
      max_entries: spec.max_entries ?? 0,
      map_flags: spec.map_flags ?? 0,
      map_extra: BigInt(spec.map_extra ?? 0),
      btf_vmlinux_value_type_id: spec.btf_vmlinux_value_type_id ?? 0,
      map_name: (spec.name ?? "").slice(0, 15),
      ...(spec.inner === undefined ? {} : { inner_map_fd: this.#createMap(spec.inner) }),
      ...(withBtf && spec.btf !== undefined
        ? {
            btf_fd: this.#btf(spec.btf),
            btf_key_type_id: spec.btf_key_type_id ?? 0,
            btf_value_type_id: spec.btf_value_type_id ?? 0,
          }
        : {}),
    });
    if (ret < 0) throw new CallError(-ret, "BPF_MAP_CREATE");
    return ret;
  }

  #fill(spec: MapSpecJson, fd: number, test: TestJson, maps: ReadonlyMap<number | string, number>): void {
    for (const entry of spec.entries ?? []) {
      try {
        this.#update(fd, fromHex(entry.key, "an entry's key"), this.#entryValue(entry, fd, test, maps));
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        this.#entryErrors.push(`entry ${entry.key}: ${error.message}`);
      }
    }
    if (spec.frozen === true) {
      const { ret } = call(this.#task, "MAP_FREEZE", { map_fd: fd });
      if (ret < 0) throw new CallError(-ret, "BPF_MAP_FREEZE");
    }
  }

  #entryValue(
    entry: EntryJson,
    fd: number,
    test: TestJson,
    maps: ReadonlyMap<number | string, number>,
  ): Uint8Array {
    if (entry.value !== undefined) return fromHex(entry.value, "an entry's value");
    let held: number;
    if (entry.map !== undefined) {
      held = this.#createMap(entry.map);
    } else {
      const program = { prog_type: test.prog_type, ...entry.prog } as TestJson;
      held = call(this.#task, "PROG_LOAD", this.#progFields(program, new Map([...maps, ["self", fd]]))).ret;
      if (held < 0) throw new CallError(-held, "BPF_PROG_LOAD");
    }
    const value = new Uint8Array(4);
    new DataView(value.buffer).setUint32(0, held, true);
    return value;
  }

  #update(fd: number, key: Uint8Array, value: Uint8Array): void {
    const k = this.#bytes(key);
    const v = this.#bytes(value);
    const { ret } = call(this.#task, "MAP_UPDATE_ELEM", { map_fd: fd, key: k.address, value: v.address });
    if (ret < 0) throw new CallError(-ret, "BPF_MAP_UPDATE_ELEM");
  }

  #progFields(test: TestJson, maps: ReadonlyMap<number | string, number>) {
    const insns = testInsns(test);
    const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
    for (const { insn, map } of test.map_refs ?? []) {
      const at = insn * REF_SIZE + INSN_IMM;
      if (!(at >= 0 && at + 4 <= insns.length))
        throw new SetupError(`malformed test: map_refs: there is no instruction ${insn}`);
      view.setInt32(at, maps.get(map) ?? -1, true);
    }
    const license = new TextEncoder().encode(`${test.license ?? "GPL"}\0`);
    const withBtf = !this.#options.unpriv;
    return {
      prog_type: progTypeNumber(test.prog_type),
      insn_cnt: Math.floor(insns.length / REF_SIZE),
      insns: this.#bytes(insns).address,
      license: this.#bytes(license).address,
      prog_flags: test.prog_flags ?? 0,
      kern_version: test.kern_version ?? 0,
      expected_attach_type: test.expected_attach_type ?? 0,
      prog_name: (test.prog_name ?? "").slice(0, 15),
      attach_btf_id: test.attach_btf_id ?? 0,
      ...(withBtf && test.btf !== undefined ? { prog_btf_fd: this.#btf(test.btf) } : {}),
      ...(withBtf ? { ...this.#info(test, "func_info"), ...this.#info(test, "line_info") } : {}),
    };
  }

  #info(test: TestJson, what: "func_info" | "line_info"): Record<string, number | bigint> {
    const given = test[what];
    if (given === undefined || given.length === 0) return {};
    const size = test[`${what}_rec_size`] ?? DEFAULT_REC_SIZE[what];
    const records =
      typeof given === "string"
        ? fromHex(given, what)
        : new Uint8Array(Uint32Array.from(given.flat()).buffer);
    return {
      [what]: this.#bytes(records).address,
      [`${what}_rec_size`]: size,
      [`${what}_cnt`]: size === 0 ? 0 : Math.floor(records.length / size),
    };
  }

  /** A descriptor of a BTF, loaded once a test. */
  #btf(spec: BtfSpec): number {
    const key = JSON.stringify(spec);
    const known = this.#btfs.get(key);
    if (known !== undefined) return known;
    const raw = this.#btfBytes(spec);
    const { ret } = call(this.#task, "BTF_LOAD", { btf: this.#bytes(raw).address, btf_size: raw.length });
    if (ret < 0) throw new CallError(-ret, "BPF_BTF_LOAD");
    this.#btfs.set(key, ret);
    return ret;
  }

  #btfBytes(spec: BtfSpec): Uint8Array {
    if (spec.file !== undefined) {
      try {
        return Uint8Array.from(readFileSync(join(this.#options.baseDir, spec.file)));
      } catch (error) {
        throw new SetupError(`btf file: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    if (spec.hex !== undefined) return fromHex(spec.hex, "btf");
    const types = fromHex(spec.types, "btf types");
    const strings = fromHex(spec.strings, "btf strings");
    const raw = new Uint8Array(24 + types.length + strings.length);
    const view = new DataView(raw.buffer);
    view.setUint16(0, 0xeb9f, true);
    view.setUint8(2, 1);
    view.setUint32(4, 24, true);
    view.setUint32(12, types.length, true);
    view.setUint32(16, types.length, true);
    view.setUint32(20, strings.length, true);
    raw.set(types, 24);
    raw.set(strings, 24 + types.length);
    return raw;
  }

  #testRun(prog: number, run: RunJson): RunResult {
    const data = run.data_in === undefined ? undefined : this.#bytes(fromHex(run.data_in, "data_in"));
    const ctx = run.ctx_in === undefined ? undefined : this.#bytes(fromHex(run.ctx_in, "ctx_in"));
    const dataRoom = run.data_out_size ?? (run.data_in === undefined ? 0 : run.data_in.length / 2 + 256);
    const ctxRoom = run.ctx_out_size ?? (run.ctx_in === undefined ? 0 : run.ctx_in.length / 2);
    const dataOut = dataRoom > 0 ? this.#task.memory.alloc(dataRoom) : undefined;
    const ctxOut = ctxRoom > 0 ? this.#task.memory.alloc(ctxRoom) : undefined;
    const { ret, attr } = call(this.#task, "PROG_TEST_RUN", {
      prog_fd: prog,
      repeat: run.repeat ?? 0,
      flags: run.flags ?? 0,
      cpu: run.cpu ?? 0,
      batch_size: run.batch_size ?? 0,
      ...(data === undefined ? {} : { data_in: data.address, data_size_in: (run.data_in ?? "").length / 2 }),
      ...(ctx === undefined ? {} : { ctx_in: ctx.address, ctx_size_in: (run.ctx_in ?? "").length / 2 }),
      ...(dataOut === undefined ? {} : { data_out: dataOut.address, data_size_out: dataRoom }),
      ...(ctxOut === undefined ? {} : { ctx_out: ctxOut.address, ctx_size_out: ctxRoom }),
    });
    const result: RunResult = { errno: ret < 0 ? -ret : 0, errname: errname(ret < 0 ? -ret : 0) };
    if (ret < 0 && result.errname !== "ENOSPC") return result;
    result.retval = attr.retval;
    result.duration_ns = attr.duration;
    if (dataOut !== undefined) {
      result.data_size_out = attr.data_size_out;
      result.data_out = toHex(dataOut.bytes.subarray(0, Math.min(attr.data_size_out, dataRoom)));
    }
    if (ctxOut !== undefined) {
      result.ctx_size_out = attr.ctx_size_out;
      result.ctx_out = toHex(ctxOut.bytes.subarray(0, Math.min(attr.ctx_size_out, ctxRoom)));
    }
    return result;
  }

  /** The instructions after the verifier's rewrites. */
  #xlated(prog: number): string {
    const info = this.#task.memory.alloc(PROG_INFO_SIZE);
    const ask = () =>
      call(this.#task, "OBJ_GET_INFO_BY_FD", { bpf_fd: prog, info_len: PROG_INFO_SIZE, info: info.address });
    ask();
    const size = readStruct(PROG_INFO, info.bytes).xlated_prog_len;
    const code = this.#task.memory.alloc(size);
    info.bytes.set(
      writeStruct(PROG_INFO, { xlated_prog_len: size, xlated_prog_insns: code.address }, PROG_INFO_SIZE),
    );
    ask();
    return toHex(code.bytes.subarray(0, size));
  }
}
