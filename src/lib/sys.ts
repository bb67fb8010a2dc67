import { type CallResult, call } from "../transport/call.ts";
import type { Task, UserBuffer } from "../transport/task.ts";
import type { ATTRS } from "../uapi/attr.ts";
import type { CMD } from "../uapi/cmd.ts";
import { E } from "../uapi/errno.ts";
import { MAP_INFO, MAP_INFO_SIZE, PROG_INFO, PROG_INFO_SIZE } from "../uapi/info.ts";
import { readStruct, type Struct } from "../uapi/layout.ts";
import { BpfError } from "./errors.ts";

type CmdName = keyof typeof ATTRS & keyof typeof CMD;
type Fields<C extends CmdName> = Partial<Struct<(typeof ATTRS)[C]>>;

/** Buffers in a task's memory that are given back together. */
export class Scratch {
  readonly #task: Task;
  readonly #buffers: UserBuffer[] = [];

  constructor(task: Task) {
    this.#task = task;
  }

  /** Copies bytes in and gives their address; 0 for none. */
  copy(bytes: Uint8Array | undefined): bigint {
    if (bytes === undefined || bytes.length === 0) return 0n;
    const buffer = this.#task.memory.from(bytes);
    this.#buffers.push(buffer);
    return buffer.address;
  }

  /** Reserves zeroed bytes. */
  alloc(size: number): UserBuffer {
    const buffer = this.#task.memory.alloc(Math.max(size, 1));
    this.#buffers.push(buffer);
    return buffer;
  }

  /** Gives all buffers back. */
  free(): void {
    for (const buffer of this.#buffers.splice(0)) this.#task.memory.free(buffer);
  }
}

/** Runs `body` with a scratch space and frees it whatever happens. */
export function withScratch<T>(task: Task, body: (scratch: Scratch) => T): T {
  const scratch = new Scratch(task);
  try {
    return body(scratch);
  } finally {
    scratch.free();
  }
}

/** One bpf(2) call that must succeed: throws BpfError, `about` being what the message starts with. */
export function must<C extends CmdName>(task: Task, cmd: C, fields: Fields<C>, about: string): CallResult<C> {
  const result = call(task, cmd, fields);
  if (result.ret < 0) throw new BpfError(cmd, -result.ret, about);
  return result;
}

/** BPF_MAP_CREATE: the new map's descriptor. */
export function mapCreate(task: Task, fields: Fields<"MAP_CREATE">): number {
  return must(task, "MAP_CREATE", fields, `creating map '${fields.map_name ?? ""}'`).ret;
}

/** BPF_MAP_LOOKUP_ELEM: `size` bytes of value, or undefined if there is no such key. */
export function mapLookup(
  task: Task,
  fd: number,
  key: Uint8Array,
  size: number,
  flags = 0n,
): Uint8Array | undefined {
  return read(task, "MAP_LOOKUP_ELEM", fd, key, size, flags);
}

/** BPF_MAP_LOOKUP_AND_DELETE_ELEM: the value that was taken out, or undefined if there is none. */
export function mapLookupAndDelete(
  task: Task,
  fd: number,
  key: Uint8Array,
  size: number,
  flags = 0n,
): Uint8Array | undefined {
  return read(task, "MAP_LOOKUP_AND_DELETE_ELEM", fd, key, size, flags);
}

function read(
  task: Task,
  cmd: "MAP_LOOKUP_ELEM" | "MAP_LOOKUP_AND_DELETE_ELEM",
  fd: number,
  key: Uint8Array,
  size: number,
  flags: bigint,
): Uint8Array | undefined {
  return withScratch(task, (scratch) => {
    const value = scratch.alloc(size);
    const { ret } = call(task, cmd, { map_fd: fd, key: scratch.copy(key), value: value.address, flags });
    if (ret === -E.ENOENT) return undefined;
    if (ret < 0) throw new BpfError(cmd, -ret, "reading a map");
    return new Uint8Array(value.bytes.subarray(0, size));
  });
}

/** BPF_MAP_UPDATE_ELEM with BPF_ANY, BPF_NOEXIST, BPF_EXIST or BPF_F_LOCK. */
export function mapUpdate(task: Task, fd: number, key: Uint8Array, value: Uint8Array, flags = 0n): void {
  withScratch(task, (scratch) => {
    const fields = { map_fd: fd, key: scratch.copy(key), value: scratch.copy(value), flags };
    must(task, "MAP_UPDATE_ELEM", fields, "updating a map");
  });
}

/** BPF_MAP_DELETE_ELEM: false if there is no such key. */
export function mapDelete(task: Task, fd: number, key: Uint8Array): boolean {
  return withScratch(task, (scratch) => {
    const { ret } = call(task, "MAP_DELETE_ELEM", { map_fd: fd, key: scratch.copy(key) });
    if (ret === -E.ENOENT) return false;
    if (ret < 0) throw new BpfError("MAP_DELETE_ELEM", -ret, "deleting from a map");
    return true;
  });
}

/** BPF_MAP_GET_NEXT_KEY: the key after `key`, the first one for undefined; undefined after the last. */
export function mapNextKey(
  task: Task,
  fd: number,
  key: Uint8Array | undefined,
  size: number,
): Uint8Array | undefined {
  return withScratch(task, (scratch) => {
    const next = scratch.alloc(size);
    const { ret } = call(task, "MAP_GET_NEXT_KEY", {
      map_fd: fd,
      key: scratch.copy(key),
      next_key: next.address,
    });
    if (ret === -E.ENOENT) return undefined;
    if (ret < 0) throw new BpfError("MAP_GET_NEXT_KEY", -ret, "walking a map");
    return new Uint8Array(next.bytes.subarray(0, size));
  });
}

/** BPF_MAP_FREEZE: no writes through bpf(2) from then on. */
export function mapFreeze(task: Task, fd: number): void {
  must(task, "MAP_FREEZE", { map_fd: fd }, "freezing a map");
}

/** BPF_BTF_LOAD: the new BTF's descriptor. Throws BpfError whose message ends in the kernel's log, if it gives one. */
export function btfLoad(task: Task, bytes: Uint8Array): number {
  return withScratch(task, (scratch) => {
    const fields = { btf: scratch.copy(bytes), btf_size: bytes.length };
    const { ret } = call(task, "BTF_LOAD", fields);
    if (ret >= 0) return ret;
    const log = scratch.alloc(1 << 16);
    call(task, "BTF_LOAD", {
      ...fields,
      btf_log_buf: log.address,
      btf_log_size: log.bytes.length,
      btf_log_level: 1,
    });
    const text = textOf(log.bytes).trim();
    throw new BpfError("BTF_LOAD", -ret, `loading BTF${text === "" ? "" : ` (${text.split("\n").at(-1)})`}`);
  });
}

/** What BPF_PROG_LOAD takes, with bytes in place of addresses. */
export interface ProgLoad
  extends Omit<
    Fields<"PROG_LOAD">,
    "insns" | "insn_cnt" | "license" | "log_buf" | "log_size" | "func_info" | "line_info" | "fd_array"
  > {
  readonly code: Uint8Array;
  readonly licenseText: string;
  readonly funcInfo?: Uint8Array;
  readonly lineInfo?: Uint8Array;
  /** Bytes of log buffer, 0 for none. */
  readonly logSize: number;
}

/** BPF_PROG_LOAD: the descriptor or a negative errno, and the log. */
export function progLoad(task: Task, load: ProgLoad): { ret: number; log: string; logTrueSize: number } {
  const { code, licenseText, funcInfo, lineInfo, logSize, ...fields } = load;
  return withScratch(task, (scratch) => {
    const log = logSize > 0 ? scratch.alloc(logSize) : undefined;
    const { ret, attr } = call(task, "PROG_LOAD", {
      ...fields,
      insns: scratch.copy(code),
      insn_cnt: code.length / 8,
      license: scratch.copy(new TextEncoder().encode(`${licenseText}\0`)),
      ...(log === undefined ? {} : { log_buf: log.address, log_size: logSize }),
      ...info("func", funcInfo, 8, scratch),
      ...info("line", lineInfo, 16, scratch),
    });
    const text = log === undefined ? "" : textOf(log.bytes);
    return { ret, log: text, logTrueSize: attr.log_true_size };
  });
}

function info(
  kind: "func" | "line",
  records: Uint8Array | undefined,
  size: number,
  scratch: Scratch,
): Fields<"PROG_LOAD"> {
  if (records === undefined || records.length === 0) return {};
  const count = records.length / size;
  return kind === "func"
    ? { func_info: scratch.copy(records), func_info_cnt: count, func_info_rec_size: size }
    : { line_info: scratch.copy(records), line_info_cnt: count, line_info_rec_size: size };
}

/** The text of a buffer up to its first zero byte. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(new Uint8Array(bytes.subarray(0, end < 0 ? bytes.length : end)));
}

/** What a BPF_PROG_TEST_RUN takes. */
export interface TestRun {
  /** The packet. */
  readonly data?: Uint8Array;
  /** The context in its UAPI layout (`__sk_buff`, `xdp_md`). */
  readonly ctx?: Uint8Array;
  /** How often to run it (once unless given). */
  readonly repeat?: number;
  /** Room for the packet afterwards; the packet's length and 256 bytes unless given. */
  readonly dataSizeOut?: number;
  /** Room for the context afterwards; as much as was given unless given. */
  readonly ctxSizeOut?: number;
  /** BPF_F_TEST_ flags. */
  readonly flags?: number;
  readonly cpu?: number;
  readonly batchSize?: number;
}

/** What a BPF_PROG_TEST_RUN gave. */
export interface TestRunResult {
  /** The program's return value, unsigned. */
  readonly retval: number;
  /** The packet and the context as the program left them. */
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
  /** Nanoseconds for one run on average. */
  readonly duration: number;
}

/** BPF_PROG_TEST_RUN. */
export function progTestRun(task: Task, fd: number, run: TestRun): TestRunResult {
  return withScratch(task, (scratch) => {
    const dataOut = scratch.alloc(run.dataSizeOut ?? (run.data === undefined ? 0 : run.data.length + 256));
    const ctxOut = scratch.alloc(run.ctxSizeOut ?? run.ctx?.length ?? 0);
    const wantsData = run.dataSizeOut !== undefined || run.data !== undefined;
    const wantsCtx = run.ctxSizeOut !== undefined || run.ctx !== undefined;
    const { attr } = must(
      task,
      "PROG_TEST_RUN",
      {
        prog_fd: fd,
        data_in: scratch.copy(run.data),
        data_size_in: run.data?.length ?? 0,
        ctx_in: scratch.copy(run.ctx),
        ctx_size_in: run.ctx?.length ?? 0,
        ...(wantsData ? { data_out: dataOut.address, data_size_out: dataOut.bytes.length } : {}),
        ...(wantsCtx ? { ctx_out: ctxOut.address, ctx_size_out: ctxOut.bytes.length } : {}),
        repeat: run.repeat ?? 0,
        flags: run.flags ?? 0,
        cpu: run.cpu ?? 0,
        batch_size: run.batchSize ?? 0,
      },
      "running a program",
    );
    return {
      retval: attr.retval,
      data: new Uint8Array(dataOut.bytes.subarray(0, wantsData ? attr.data_size_out : 0)),
      ctx: new Uint8Array(ctxOut.bytes.subarray(0, wantsCtx ? attr.ctx_size_out : 0)),
      duration: attr.duration,
    };
  });
}

/** BPF_OBJ_GET_INFO_BY_FD of a program; pointers in it are zero, counts and lengths say how much there is. */
export function progInfo(task: Task, fd: number): Struct<typeof PROG_INFO> {
  return readStruct(PROG_INFO, infoBytes(task, fd, new Uint8Array(PROG_INFO_SIZE)));
}

/** BPF_OBJ_GET_INFO_BY_FD of a map. */
export function mapInfo(task: Task, fd: number): Struct<typeof MAP_INFO> {
  return readStruct(MAP_INFO, infoBytes(task, fd, new Uint8Array(MAP_INFO_SIZE)));
}

function infoBytes(task: Task, fd: number, ask: Uint8Array): Uint8Array {
  return withScratch(task, (scratch) => {
    const buffer = scratch.alloc(ask.length);
    buffer.bytes.set(ask);
    must(
      task,
      "OBJ_GET_INFO_BY_FD",
      { bpf_fd: fd, info_len: ask.length, info: buffer.address },
      "asking for information",
    );
    return new Uint8Array(buffer.bytes.subarray(0, ask.length));
  });
}
