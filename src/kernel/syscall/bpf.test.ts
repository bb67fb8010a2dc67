import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { call } from "../../transport/call.ts";
import { ATTRS } from "../../uapi/attr.ts";
import { CMD } from "../../uapi/cmd.ts";
import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { layoutSize } from "../../uapi/layout.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { PROG_TYPE } from "../../uapi/prog_type.ts";
import { Kernel, type KernelTask, type KernelUsage } from "../kernel.ts";

let kernel: Kernel;
let task: KernelTask;
let before: KernelUsage;

beforeEach(async () => {
  kernel = await Kernel.create({ cpus: 2 });
  task = kernel.task();
  before = kernel.usage();
});

// Nothing may outlive a task that ended.
afterEach(() => {
  task.exit();
  expect(kernel.usage()).toEqual(before);
});

/** r0 = 2; exit */
const RETURN_2 = Uint8Array.from(Buffer.from("b7000000020000009500000000000000", "hex"));

function mapCreate(fields: Partial<Record<string, number>> = {}): number {
  return call(task, "MAP_CREATE", {
    map_type: MAP_TYPE.HASH,
    key_size: 4,
    value_size: 8,
    max_entries: 4,
    ...fields,
  }).ret;
}

function progFields(insns: Uint8Array = RETURN_2, license = "GPL") {
  return {
    prog_type: PROG_TYPE.XDP,
    insn_cnt: insns.length / 8,
    insns: task.memory.from(insns).address,
    license: task.memory.from(new TextEncoder().encode(`${license}\0`)).address,
  };
}

const pointer = (...bytes: number[]) => task.memory.from(Uint8Array.from(bytes)).address;

describe("attr", () => {
  test("may be larger than this kernel's if the rest is zero, up to a page", () => {
    const attr = new Uint8Array(4096);
    attr.set([MAP_TYPE.ARRAY, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 1]);
    expect(task.bpf(CMD.MAP_CREATE, attr)).toBeGreaterThanOrEqual(3);
    attr[4000] = 1;
    expect(task.bpf(CMD.MAP_CREATE, attr)).toBe(-E.E2BIG);
    expect(task.bpf(CMD.MAP_CREATE, new Uint8Array(4097))).toBe(-E.E2BIG);
  });

  test("may be smaller: what is missing is zero", () => {
    expect(
      task.bpf(CMD.MAP_CREATE, Uint8Array.of(2, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 1)),
    ).toBeGreaterThanOrEqual(3);
    expect(task.bpf(CMD.MAP_CREATE, new Uint8Array(0))).toBe(-E.EINVAL);
  });

  test.each(["MAP_LOOKUP_ELEM", "MAP_DELETE_ELEM", "PROG_TEST_RUN", "BTF_LOAD"] as const)(
    "bytes behind the last field of %s must be zero",
    (name) => {
      const attr = new Uint8Array(168);
      attr[layoutSize(ATTRS[name])] = 1;
      expect(task.bpf(CMD[name], attr)).toBe(-E.EINVAL);
    },
  );

  test("commands that are not built yet are EOPNOTSUPP, unknown ones EINVAL", () => {
    expect(task.bpf(CMD.OBJ_PIN, new Uint8Array(16))).toBe(-E.EOPNOTSUPP);
    expect(task.bpf(9999, new Uint8Array(16))).toBe(-E.EINVAL);
    expect(task.bpf(-1, new Uint8Array(16))).toBe(-E.EINVAL);
  });
});

describe("maps", () => {
  test("MAP_CREATE refuses what Linux refuses", () => {
    expect(mapCreate({ map_type: 0 })).toBe(-E.EINVAL);
    expect(mapCreate({ map_type: 40 })).toBe(-E.EINVAL);
    expect(mapCreate({ map_flags: MAP_FLAG.RDONLY | MAP_FLAG.WRONLY })).toBe(-E.EINVAL);
    expect(mapCreate({ btf_key_type_id: 1 })).toBe(-E.EINVAL);
    expect(mapCreate({ btf_key_type_id: 1, btf_value_type_id: 1, btf_fd: 99 })).toBe(-E.EBADF);
    expect(mapCreate({ map_ifindex: 1 })).toBe(-E.EOPNOTSUPP);
    expect(mapCreate({ numa_node: 5 })).toBeGreaterThanOrEqual(3);
    expect(mapCreate({ numa_node: 5, map_flags: MAP_FLAG.NUMA_NODE })).toBe(-E.EINVAL);
    expect(
      call(task, "MAP_CREATE", { map_type: 1, key_size: 4, value_size: 4, max_entries: 1, map_name: "a-b" })
        .ret,
    ).toBe(-E.EINVAL);
  });

  test("elements: update, lookup, next key, delete", () => {
    const map_fd = mapCreate();
    const key = pointer(1, 0, 0, 0);
    const value = pointer(1, 2, 3, 4, 5, 6, 7, 8);
    const out = task.memory.alloc(8);
    expect(call(task, "MAP_LOOKUP_ELEM", { map_fd, key, value: out.address }).ret).toBe(-E.ENOENT);
    expect(call(task, "MAP_UPDATE_ELEM", { map_fd, key, value }).ret).toBe(0);
    expect(call(task, "MAP_UPDATE_ELEM", { map_fd, key, value, flags: 1n }).ret).toBe(-E.EEXIST);
    expect(call(task, "MAP_LOOKUP_ELEM", { map_fd, key, value: out.address }).ret).toBe(0);
    expect([...out.bytes]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(call(task, "MAP_GET_NEXT_KEY", { map_fd, next_key: out.address }).ret).toBe(0);
    expect([...out.bytes.subarray(0, 4)]).toEqual([1, 0, 0, 0]);
    expect(call(task, "MAP_GET_NEXT_KEY", { map_fd, key, next_key: out.address }).ret).toBe(-E.ENOENT);
    expect(call(task, "MAP_DELETE_ELEM", { map_fd, key }).ret).toBe(0);
    expect(call(task, "MAP_DELETE_ELEM", { map_fd, key }).ret).toBe(-E.ENOENT);
  });

  test("bad pointers are EFAULT, bad flags EINVAL, and nothing is lost", () => {
    const map_fd = mapCreate();
    const key = pointer(1, 0, 0, 0);
    const value = pointer(1, 2, 3, 4, 5, 6, 7, 8);
    call(task, "MAP_UPDATE_ELEM", { map_fd, key, value });
    for (const bad of [0n, 8n, 0xffff_ffff_ffff_fff0n]) {
      expect(call(task, "MAP_LOOKUP_ELEM", { map_fd, key: bad, value }).ret).toBe(-E.EFAULT);
      expect(call(task, "MAP_LOOKUP_ELEM", { map_fd, key, value: bad }).ret).toBe(-E.EFAULT);
      expect(call(task, "MAP_UPDATE_ELEM", { map_fd, key, value: bad }).ret).toBe(-E.EFAULT);
      expect(call(task, "MAP_LOOKUP_AND_DELETE_ELEM", { map_fd, key, value: bad }).ret).toBe(-E.EFAULT);
    }
    for (const flags of [1n, 4n, 8n])
      expect(call(task, "MAP_LOOKUP_ELEM", { map_fd, key, value, flags }).ret).toBe(-E.EINVAL);
    for (const flags of [3n, 4n, 8n])
      expect(call(task, "MAP_UPDATE_ELEM", { map_fd, key, value, flags }).ret).toBe(-E.EINVAL);
    expect(call(task, "MAP_LOOKUP_AND_DELETE_ELEM", { map_fd, key, value }).ret).toBe(0);
  });

  test("descriptors say what may be done, and a frozen map is read only", () => {
    const key = pointer(0, 0, 0, 0);
    const value = pointer(1, 2, 3, 4, 5, 6, 7, 8);
    const writeOnly = mapCreate({ map_flags: MAP_FLAG.WRONLY });
    expect(call(task, "MAP_LOOKUP_ELEM", { map_fd: writeOnly, key, value }).ret).toBe(-E.EPERM);
    expect(call(task, "MAP_UPDATE_ELEM", { map_fd: writeOnly, key, value }).ret).toBe(0);
    const readOnly = mapCreate({ map_flags: MAP_FLAG.RDONLY });
    expect(call(task, "MAP_LOOKUP_ELEM", { map_fd: readOnly, key, value }).ret).toBe(-E.ENOENT);
    expect(call(task, "MAP_UPDATE_ELEM", { map_fd: readOnly, key, value }).ret).toBe(-E.EPERM);
    const map_fd = mapCreate({ map_type: MAP_TYPE.ARRAY });
    expect(call(task, "MAP_FREEZE", { map_fd }).ret).toBe(0);
    expect(call(task, "MAP_FREEZE", { map_fd }).ret).toBe(-E.EBUSY);
    expect(call(task, "MAP_UPDATE_ELEM", { map_fd, key, value }).ret).toBe(-E.EPERM);
    expect(call(task, "MAP_LOOKUP_ELEM", { map_fd, key, value }).ret).toBe(0);
  });

  test("descriptors that are closed or of another kind", () => {
    const map_fd = mapCreate();
    const prog_fd = call(task, "PROG_LOAD", progFields()).ret;
    expect(prog_fd).toBeGreaterThan(map_fd);
    const key = pointer(0, 0, 0, 0);
    expect(call(task, "MAP_DELETE_ELEM", { map_fd: prog_fd, key }).ret).toBe(-E.EINVAL);
    expect(call(task, "PROG_TEST_RUN", { prog_fd: map_fd }).ret).toBe(-E.EINVAL);
    expect(task.close(map_fd)).toBe(0);
    expect(task.close(map_fd)).toBe(-E.EBADF);
    expect(call(task, "MAP_DELETE_ELEM", { map_fd, key }).ret).toBe(-E.EBADF);
    expect(mapCreate()).toBe(map_fd);
  });
});

describe("programs", () => {
  test("load, run, describe", () => {
    const { ret: prog_fd } = call(task, "PROG_LOAD", { ...progFields(), prog_name: "two" });
    expect(prog_fd).toBeGreaterThanOrEqual(3);
    const data = task.memory.alloc(64);
    const run = call(task, "PROG_TEST_RUN", { prog_fd, data_in: data.address, data_size_in: 64 });
    expect(run.ret).toBe(0);
    expect(run.attr.retval).toBe(2);
    const info = task.memory.alloc(232);
    const got = call(task, "OBJ_GET_INFO_BY_FD", { bpf_fd: prog_fd, info_len: 232, info: info.address });
    expect(got.ret).toBe(0);
    expect(got.attr.info_len).toBe(232);
    expect(Buffer.from(info.bytes.subarray(8, 16)).toString("hex")).toBe("614b434cd8324ecc");
    expect(Buffer.from(info.bytes.subarray(64, 67)).toString()).toBe("two");
  });

  test("PROG_LOAD refuses what Linux refuses", () => {
    const load = (fields: Record<string, number | bigint | string>) =>
      call(task, "PROG_LOAD", { ...progFields(), ...fields }).ret;
    expect(load({ insn_cnt: 0 })).toBe(-E.E2BIG);
    expect(load({ insn_cnt: 1_000_001 })).toBe(-E.E2BIG);
    expect(load({ license: 5n })).toBe(-E.EFAULT);
    expect(load({ insns: 5n })).toBe(-E.EFAULT);
    expect(load({ prog_type: 0 })).toBe(-E.EINVAL);
    expect(load({ prog_type: 60 })).toBe(-E.EINVAL);
    expect(load({ prog_flags: 1 << 20 })).toBe(-E.EINVAL);
    expect(load({ prog_name: "ab-c" })).toBe(-E.EINVAL);
    expect(load({ prog_ifindex: 1 })).toBe(-E.EOPNOTSUPP);
    expect(load({ attach_btf_id: 1 })).toBe(-E.EINVAL);
    expect(load({ func_info_cnt: 1 })).toBe(-E.EINVAL);
    expect(load({ prog_btf_fd: 77 })).toBeGreaterThanOrEqual(3);
    expect(load({ log_level: 2, log_size: 100 })).toBe(-E.EINVAL);
    expect(load({ log_level: 16, log_size: 100, log_buf: task.memory.alloc(100).address })).toBe(-E.EINVAL);
  });

  test("a log that does not fit keeps its end and is ENOSPC; the true size is told", () => {
    const { ret, attr } = call(task, "PROG_LOAD", { ...progFields(), log_level: 2 });
    expect(ret).toBeGreaterThanOrEqual(3);
    expect(attr.log_true_size).toBe(271);
    const small = task.memory.alloc(10);
    const cut = call(task, "PROG_LOAD", {
      ...progFields(),
      log_level: 2,
      log_size: 10,
      log_buf: small.address,
    });
    expect(cut.ret).toBe(-E.ENOSPC);
    expect(Buffer.from(small.bytes).toString()).toBe("k_read 0\n\0");
    const fixed = call(task, "PROG_LOAD", {
      ...progFields(),
      log_level: 10,
      log_size: 10,
      log_buf: small.address,
    });
    expect(fixed.ret).toBe(-E.ENOSPC);
    expect(Buffer.from(small.bytes).toString()).toBe("func#0 @0\0");
  });

  test("a program array and the program in it do not keep each other alive", () => {
    const map_fd = mapCreate({ map_type: MAP_TYPE.PROG_ARRAY, value_size: 4 });
    // r2 = map; r3 = 0; tail_call; r0 = 1; exit
    const insns = Uint8Array.from(
      Buffer.from(
        "18120000000000000000000000000000b703000000000000850000000c000000b7000000010000009500000000000000",
        "hex",
      ),
    );
    new DataView(insns.buffer).setInt32(4, map_fd, true);
    const prog_fd = call(task, "PROG_LOAD", progFields(insns)).ret;
    expect(prog_fd).toBeGreaterThanOrEqual(3);
    const value = task.memory.alloc(4);
    new DataView(value.bytes.buffer).setUint32(0, prog_fd, true);
    expect(
      call(task, "MAP_UPDATE_ELEM", { map_fd, key: pointer(0, 0, 0, 0), value: value.address }).ret,
    ).toBe(0);
    expect(
      call(task, "MAP_UPDATE_ELEM", { map_fd, key: pointer(9, 0, 0, 0), value: value.address }).ret,
    ).toBe(-E.E2BIG);
    const run = call(task, "PROG_TEST_RUN", {
      prog_fd,
      data_in: task.memory.alloc(64).address,
      data_size_in: 64,
    });
    expect(run.attr.retval).toBe(1);
    const other = call(task, "PROG_LOAD", { ...progFields(), prog_type: PROG_TYPE.SCHED_CLS }).ret;
    new DataView(value.bytes.buffer).setUint32(0, other, true);
    expect(
      call(task, "MAP_UPDATE_ELEM", { map_fd, key: pointer(1, 0, 0, 0), value: value.address }).ret,
    ).toBe(-E.EINVAL);
  });

  test("a program keeps its maps", () => {
    const map_fd = mapCreate({ map_type: MAP_TYPE.ARRAY });
    const insns = Uint8Array.from(
      Buffer.from("18110000000000000000000000000000b7000000010000009500000000000000", "hex"),
    );
    new DataView(insns.buffer).setInt32(4, map_fd, true);
    const prog_fd = call(task, "PROG_LOAD", progFields(insns)).ret;
    expect(prog_fd).toBeGreaterThanOrEqual(3);
    task.close(map_fd);
    expect(kernel.usage().maps).toBe(1);
    task.close(prog_fd);
    expect(kernel.usage().maps).toBe(0);
  });
});

test("without capabilities", () => {
  const user = kernel.task({
    uid: 1000,
    caps: { bpf: false, perfmon: false, netAdmin: false, sysAdmin: false },
  });
  const create = (map_type: number) =>
    call(user, "MAP_CREATE", { map_type, key_size: 4, value_size: 4, max_entries: 1 }).ret;
  expect(create(MAP_TYPE.HASH)).toBeGreaterThanOrEqual(3);
  expect(create(MAP_TYPE.LRU_HASH)).toBe(-E.EPERM);
  expect(create(MAP_TYPE.LPM_TRIE)).toBe(-E.EPERM);
  expect(
    call(user, "MAP_CREATE", { map_type: MAP_TYPE.LRU_HASH, key_size: 0, value_size: 4, max_entries: 1 }).ret,
  ).toBe(-E.EINVAL);
  expect(call(user, "PROG_LOAD", { prog_type: PROG_TYPE.XDP, insn_cnt: 2 }).ret).toBe(-E.EPERM);
  user.exit();
});

test("random attrs get errnos, and leave nothing behind", () => {
  const seed = Number(process.env.ANYBPF_SEED ?? Date.now() % 1e9);
  console.log(`attr seed ${seed} (set ANYBPF_SEED to repeat)`);
  let state = seed >>> 0 || 1;
  const random = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  for (let round = 0; round < 20_000; round++) {
    const attr = new Uint8Array(random(3) === 0 ? random(200) : 168);
    // Mostly small numbers: descriptors, sizes and types that exist.
    for (let i = random(12); i > 0; i--)
      attr[random(Math.min(attr.length, 120))] = random(4) === 0 ? random(256) : random(6);
    const ret = task.bpf(random(40), attr);
    expect(Number.isInteger(ret) && ret > -600).toBe(true);
    if (ret >= 3) task.close(ret);
  }
});
