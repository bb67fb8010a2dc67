import { describe, expect, it } from "vitest";
import { askLiveKernel, liveKernelAnswers } from "../../test/support/live_kernel.ts";
import { encodeInsns, type Insn } from "../isa/insn.ts";
import type { ArgKind, ArgProto } from "./arg_kind.ts";
import { HELPERS } from "./helper_id.ts";
import { type HelperProto, helperProto } from "./helper_proto.ts";
import { PROG_TYPES } from "./prog_type.ts";

const MEMORY = "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_";
/** What the log says of an unbounded number in an argument of a kind; undefined where a number is taken. */
const REFUSES: Readonly<Record<ArgKind, string | undefined>> = {
  ANYTHING: undefined,
  CONST_MAP_PTR: "expected=map_ptr",
  PTR_TO_MAP_KEY: `expected=${MEMORY}`,
  PTR_TO_MAP_VALUE: `expected=${MEMORY}`,
  PTR_TO_MEM: `expected=${MEMORY}`,
  CONST_SIZE: "min value is negative, either use unsigned or 'var &= const'",
  CONST_SIZE_OR_ZERO: "min value is negative, either use unsigned or 'var &= const'",
  CONST_ALLOC_SIZE_OR_ZERO: "is not a known constant'",
  PTR_TO_CTX: "expected=ctx",
  PTR_TO_STACK: "expected=fp",
  PTR_TO_SPIN_LOCK: "expected=map_value, ptr_",
  PTR_TO_SOCK_COMMON: "expected=sock_common, sock, tcp_sock, xdp_sock",
  PTR_TO_SOCKET: "expected=sock",
  PTR_TO_BTF_ID_SOCK_COMMON: "expected=sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_",
  PTR_TO_BTF_ID: "expected=ptr_, trusted_ptr_, rcu_ptr_",
  PTR_TO_PERCPU_BTF_ID: "expected=percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_",
  PTR_TO_RINGBUF_MEM: "expected=ringbuf_mem",
  PTR_TO_FUNC: "expected=func",
  PTR_TO_CONST_STR: "expected=map_value",
  PTR_TO_TIMER: "expected=map_value",
  PTR_TO_DYNPTR: "expected=fp, dynptr_ptr",
  PTR_TO_KPTR: "expected=map_value, ptr_",
};

/** The map that each helper with a map is asked with, by type, key size, value size and entries. */
const ARRAY = ["array", 4, 64, 1] as const;
type MapShape = readonly [type: string, key: number, value: number, entries: number];
const PERF: MapShape = ["perf_event_array", 4, 4, 1];
const RINGBUF: MapShape = ["ringbuf", 0, 0, 4096];
const MAPS: Readonly<Record<string, MapShape>> = {
  tail_call: ["prog_array", 4, 4, 1],
  perf_event_output: PERF,
  perf_event_read: PERF,
  perf_event_read_value: PERF,
  skb_under_cgroup: ["cgroup_array", 4, 4, 1],
  current_task_under_cgroup: ["cgroup_array", 4, 4, 1],
  redirect_map: ["devmap", 4, 4, 1],
  ringbuf_output: RINGBUF,
  ringbuf_reserve: RINGBUF,
  ringbuf_query: RINGBUF,
  ringbuf_reserve_dynptr: RINGBUF,
  get_stackid: ["stack_trace", 4, 80, 1],
  map_push_elem: ["queue", 0, 8, 1],
  map_pop_elem: ["queue", 0, 8, 1],
  map_peek_elem: ["queue", 0, 8, 1],
  map_lookup_percpu_elem: ["percpu_array", 4, 64, 1],
  user_ringbuf_drain: ["user_ringbuf", 0, 0, 4096],
};
const TYPES = [
  "SCHED_CLS",
  "XDP",
  "SOCKET_FILTER",
  "CGROUP_SKB",
  "LWT_XMIT",
  "LWT_IN",
  "KPROBE",
  "PERF_EVENT",
] as const;

type Code = Insn[];
const insn = (code: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ code, dst, src, off, imm });
const mov = (r: number, imm: number): Insn => insn(0xb7, r, 0, 0, imm);

/** Puts something right into an argument; false if this test doesn't know how. */
function right(code: Code, refs: { insn: number; map: number }[], r: number, arg: ArgProto): boolean {
  switch (arg.kind) {
    case "CONST_MAP_PTR":
      refs.push({ insn: code.length, map: 0 });
      code.push(insn(0x18, r, 1), insn(0));
      return true;
    case "PTR_TO_CTX":
      code.push(insn(0xbf, r, 6));
      return true;
    case "ANYTHING":
      code.push(mov(r, 0));
      return true;
    case "CONST_SIZE":
    case "CONST_SIZE_OR_ZERO":
    case "CONST_ALLOC_SIZE_OR_ZERO":
      code.push(mov(r, 8));
      return true;
    case "PTR_TO_MAP_KEY":
    case "PTR_TO_MAP_VALUE":
    case "PTR_TO_MEM":
      code.push(insn(0xbf, r, 10), insn(0x07, r, 0, 0, -64));
      return true;
    default:
      return false;
  }
}

/** A call with right arguments but for the last one, which `wrong` sets; undefined where that can't be built. */
function question(type: string, proto: HelperProto, n: number, wrong: (r: number) => Code) {
  const code: Code = [insn(0xbf, 6, 1)];
  const refs: { insn: number; map: number }[] = [];
  for (let off = 8; off <= 64; off += 8) code.push(insn(0x7a, 10, 0, -off));
  code.push(insn(0x85, 0, 0, 0, HELPERS.ktime_get_ns.value), insn(0xbf, 7, 0));
  for (let i = 0; i < n; i++) if (!right(code, refs, i + 1, proto.args[i] as ArgProto)) return undefined;
  code.push(...wrong(n + 1));
  if (proto.args[n + 1]?.kind.startsWith("CONST_SIZE") === true) code.push(mov(n + 2, 8));
  code.push(insn(0x85, 0, 0, 0, proto.id), mov(0, 0), insn(0x95));
  const [mapType, key_size, value_size, max_entries] = MAPS[proto.name] ?? ARRAY;
  return {
    prog_type: type.toLowerCase(),
    license: "GPL",
    insns: [...encodeInsns(code)].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    maps: [
      { type: mapType, key_size, value_size, max_entries },
      { type: "array", key_size: 4, value_size: 64, max_entries: 1, map_flags: 0x80 },
    ],
    map_refs: [
      ...refs,
      ...code.flatMap((one, at) => (one.code === 0x18 && one.src === 2 ? [{ insn: at, map: 1 }] : [])),
    ],
  };
}

/** Each helper with the first program type of the list that may call it. */
function* protos(): Generator<[string, HelperProto]> {
  for (const { value } of Object.values(HELPERS)) {
    for (const type of TYPES) {
      const proto = helperProto(value, PROG_TYPES[type].value, 0);
      if (proto === undefined || proto.mightSleep) continue;
      yield [type, proto];
      break;
    }
  }
}

/** Asks for every argument of every helper, and gives what was asked with the last words of the log. */
function askAll(wrong: (r: number) => Code) {
  const asked: { proto: HelperProto; n: number; arg: ArgProto }[] = [];
  const tests = [];
  for (const [type, proto] of protos()) {
    for (const [n, arg] of proto.args.entries()) {
      const test = question(type, proto, n, wrong);
      if (test === undefined) break;
      asked.push({ proto, n, arg });
      tests.push(test);
    }
  }
  const answers = askLiveKernel(tests as Parameters<typeof askLiveKernel>[0], ["--scrub", "-l", "1"]);
  return asked.map((one, i) => {
    const lines = (answers[i]?.log ?? "").split("\n").filter((l) => l !== "" && !l.startsWith("processed"));
    return { ...one, said: lines.at(-1) ?? "accepted" };
  });
}

describe.skipIf(!liveKernelAnswers())("helper arguments, against the live kernel", () => {
  it("are refused where they are numbers, in the words of their kind", () => {
    const answers = askAll((r) => [insn(0xbf, r, 7)]);
    expect(answers.length).toBeGreaterThan(250);
    const differ = answers.flatMap(({ proto, n, arg, said }) => {
      const expected = REFUSES[arg.kind];
      const right = expected === undefined ? !said.includes(`R${n + 1} `) : said.endsWith(expected);
      return right ? [] : [`${proto.name} argument ${n + 1} is ${arg.kind}: ${said}`];
    });
    expect(differ).toEqual([]);
  });

  it("are written where the table says so", () => {
    const answers = askAll((r) => [insn(0x18, r, 2), insn(0)]);
    const differ = answers.flatMap(({ proto, n, arg, said }) => {
      if (!["PTR_TO_MEM", "PTR_TO_MAP_KEY", "PTR_TO_MAP_VALUE"].includes(arg.kind)) return [];
      return said.includes("write into map forbidden") === arg.write
        ? []
        : [`${proto.name} ${n + 1}: ${said}`];
    });
    expect(differ).toEqual([]);
  });

  it("may be zero where the table says so", () => {
    const answers = askAll((r) => [mov(r, 0)]);
    const differ = answers.flatMap(({ proto, n, arg, said }) => {
      if (arg.kind.startsWith("CONST_SIZE")) {
        return said.includes("zero-sized") === (arg.kind === "CONST_SIZE")
          ? []
          : [`${proto.name} ${n + 1}: ${said}`];
      }
      if (!["PTR_TO_CTX", "PTR_TO_MEM", "PTR_TO_BTF_ID"].includes(arg.kind)) return [];
      // A null pointer with a size that isn't zero is refused for itself: as memory, not as an argument.
      const refused = said.includes("expected=") && !said.endsWith("expected=fp");
      return refused === !arg.orNull ? [] : [`${proto.name} ${n + 1}: ${said}`];
    });
    expect(differ).toEqual([]);
  });
});
