import { beforeAll, describe, expect, it } from "vitest";
import { HELPERS } from "../../uapi/helper_id.ts";
import { helperProto } from "../../uapi/helper_proto.ts";
import { PROG_TYPE } from "../../uapi/prog_type.ts";
import { createDataplane, type Dataplane } from "../dataplane/dataplane.ts";
import { CPU, cpuAddress } from "../mem/layout.ts";
import { type HelperTable, helperTable } from "./registry.ts";

describe("helperTable", () => {
  let dataplane: Dataplane;
  let helpers: HelperTable;
  beforeAll(async () => {
    dataplane = await createDataplane({ cpus: 2, imports: { now: () => 123_456_789_012 } });
    helpers = helperTable(dataplane);
  });

  const call = (name: string, ...args: bigint[]): bigint => {
    const helper = helpers.forType(PROG_TYPE.SCHED_CLS)(HELPERS[name as keyof typeof HELPERS].value);
    if (helper === undefined) throw new Error(`no helper ${name}`);
    return helper.call(...args);
  };

  it("gives each helper as many parameters as its prototype has", () => {
    let seen = 0;
    for (const type of [PROG_TYPE.SOCKET_FILTER, PROG_TYPE.SCHED_CLS, PROG_TYPE.XDP]) {
      for (const { value: id } of Object.values(HELPERS)) {
        const helper = helpers.forType(type)(id);
        const proto = helperProto(id, type, 0);
        if (helper === undefined || proto === undefined) continue;
        seen++;
        expect(helper.name).toBe(proto.name);
        // trace_printk's prototype leaves its arguments open; get_cgroup_classid has a context for some types only.
        const open = proto.name === "trace_printk" || proto.name === "get_cgroup_classid";
        if (!open) expect(helper.nargs, proto.name).toBe(proto.args.length);
        expect(helpers.supports(proto.id)).toBe(true);
      }
    }
    expect(seen).toBeGreaterThan(150);
  });

  it("tells types that share an id apart", () => {
    const redirect = 23;
    expect(helpers.forType(PROG_TYPE.SCHED_CLS)(redirect)?.call(1n, 0n)).toBe(7n);
    expect(helpers.forType(PROG_TYPE.XDP)(redirect)?.call(1n, 0n)).toBe(4n);
  });

  it("leaves helpers to the executors that are no functions, and refuses others", () => {
    expect(helpers.supports(12)).toBe(true);
    expect(helpers.forType(PROG_TYPE.XDP)(12)).toBeUndefined();
    expect(helpers.supports(27)).toBe(false);
    expect(helpers.supports(9999)).toBe(false);
  });

  it("answers for the CPU and task that run", () => {
    const { exports, mem } = dataplane;
    const block = cpuAddress(1);
    exports.cpu_enter(block);
    mem.view.setUint32(block + CPU.pid, 7, true);
    mem.view.setUint32(block + CPU.tgid, 6, true);
    mem.view.setUint32(block + CPU.uid, 1000, true);
    mem.view.setUint32(block + CPU.gid, 100, true);
    mem.u8.set(new TextEncoder().encode("task\0junk"), block + CPU.comm);
    expect(call("get_smp_processor_id")).toBe(1n);
    expect(call("get_current_pid_tgid")).toBe((6n << 32n) | 7n);
    expect(call("get_current_uid_gid")).toBe((100n << 32n) | 1000n);
    const buffer = exports.alloc(32);
    mem.bytes(buffer, 32).fill(0x5a);
    expect(call("get_current_comm", BigInt(buffer), 16n)).toBe(0n);
    expect([...mem.bytes(buffer, 17)]).toEqual([
      ...new TextEncoder().encode("task"),
      ...Array(12).fill(0),
      0x5a,
    ]);
    expect(call("get_current_comm", BigInt(buffer), 3n)).toBe(0n);
    expect(new TextDecoder().decode(mem.bytes(buffer, 3))).toBe("ta\0");
    exports.free(buffer);
    exports.cpu_enter(cpuAddress(0));
  });

  it("tells the time, and random numbers that differ", () => {
    expect(call("ktime_get_ns")).toBe(123_456_789_012n);
    expect(call("ktime_get_coarse_ns")).toBe(123_456_000_000n);
    expect(call("jiffies64")).toBe(123_456_789_012n / 4_000_000n + 0x100000000n - 75_000n);
    const tai = call("ktime_get_tai_ns") / 1_000_000_000n;
    expect(Math.abs(Number(tai) - Date.now() / 1000 - 37)).toBeLessThan(5);
    const numbers = new Set(Array.from({ length: 100 }, () => call("get_prandom_u32")));
    expect(numbers.size).toBeGreaterThan(95);
    for (const n of numbers) expect(n >= 0n && n < 1n << 32n).toBe(true);
  });

  it("reads any memory there is, and faults elsewhere", () => {
    const { exports, mem } = dataplane;
    const buffer = exports.alloc(64);
    mem.u8.set(new TextEncoder().encode("hello\0"), buffer + 32);
    const from = BigInt(buffer + 32);
    expect(call("probe_read_kernel", BigInt(buffer), 4n, from)).toBe(0n);
    expect(new TextDecoder().decode(mem.bytes(buffer, 4))).toBe("hell");
    expect(call("probe_read_kernel_str", BigInt(buffer), 16n, from)).toBe(6n);
    expect(call("probe_read_kernel_str", BigInt(buffer), 3n, from)).toBe(3n);
    expect(new TextDecoder().decode(mem.bytes(buffer, 3))).toBe("he\0");
    for (const bad of [0n, 8n, 0xfffffff0n, 1n << 40n, -1n]) {
      mem.bytes(buffer, 8).fill(1);
      expect(call("probe_read_kernel", BigInt(buffer), 8n, bad)).toBe(-14n);
      expect(mem.bytes(buffer, 8).every((b) => b === 0)).toBe(true);
    }
    exports.free(buffer);
  });

  it("compares strings", () => {
    const { exports, mem } = dataplane;
    const a = exports.alloc(16);
    const b = exports.alloc(16);
    const compare = (x: string, n: bigint, y: string): bigint => {
      mem.u8.set(new TextEncoder().encode(`${x}\0`), a);
      mem.u8.set(new TextEncoder().encode(`${y}\0`), b);
      return call("strncmp", BigInt(a), n, BigInt(b));
    };
    expect(compare("abc", 8n, "abc")).toBe(0n);
    expect(compare("abc", 3n, "abcd")).toBe(0n);
    expect(compare("abc", 4n, "abcd")).toBe(-1n);
    expect(compare("b", 4n, "abcd")).toBe(1n);
    exports.free(a);
    exports.free(b);
  });
});
