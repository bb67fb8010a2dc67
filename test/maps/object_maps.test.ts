import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Kernel, type KernelTask } from "../../src/kernel/kernel.ts";
import { call } from "../../src/transport/call.ts";
import { askKernel, whyNoKernel } from "./ask.ts";
import { MAP_SCRIPTS, type MapOp, type MapScript } from "./object_maps.ts";

// Linux's answers, recorded; ANYBPF_RECORD=1 asks the machine's kernel again.
const RECORDED = new URL("object_maps.recorded.json", import.meta.url);
const RETURN_2 = "b7000000020000009500000000000000";

type Answer = number | string | readonly (readonly [string, string | number])[];

const kernel = await Kernel.create({ cpus: 2 });
const empty = kernel.usage();

/** Makes an operation of kmaps.py with our system call. */
function answer(task: KernelTask, op: MapOp): Answer {
  const [what, ...rest] = op;
  const number = (i: number) => Number(rest[i] ?? 0);
  const bytes = (hex: unknown) =>
    typeof hex === "string" ? Uint8Array.from(Buffer.from(hex, "hex")) : undefined;
  const at = (hex: unknown) => {
    const given = bytes(hex);
    return given === undefined ? 0n : task.memory.from(given).address;
  };
  const map_fd = number(0);
  const read = (
    command: "MAP_LOOKUP_ELEM" | "MAP_LOOKUP_AND_DELETE_ELEM",
    size: number,
    key: unknown,
    flags: number,
  ) => {
    const value = task.memory.alloc(size);
    const { ret } = call(task, command, { map_fd, key: at(key), value: value.address, flags: BigInt(flags) });
    return ret < 0 ? ret : Buffer.from(value.bytes.subarray(0, size)).toString("hex");
  };
  const next = (size: number, key: unknown): number | string => {
    const out = task.memory.alloc(size);
    const { ret } = call(task, "MAP_GET_NEXT_KEY", { map_fd, key: at(key), next_key: out.address });
    return ret < 0 ? ret : Buffer.from(out.bytes.subarray(0, size)).toString("hex");
  };
  switch (what) {
    case "create":
      return call(task, "MAP_CREATE", {
        map_type: number(0),
        key_size: number(1),
        value_size: number(2),
        max_entries: number(3),
        map_flags: number(4),
        numa_node: number(6),
        inner_map_fd: number(7),
      }).ret;
    case "prog":
      return call(task, "PROG_LOAD", {
        prog_type: number(0),
        expected_attach_type: number(1),
        insn_cnt: 2,
        insns: at(RETURN_2),
        license: at("47504c00"),
      }).ret;
    case "lookup":
      return read("MAP_LOOKUP_ELEM", number(1), rest[2], number(3));
    case "lad":
      return read("MAP_LOOKUP_AND_DELETE_ELEM", number(1), rest[2], number(3));
    case "next":
      return next(number(1), rest[2]);
    case "update":
      return call(task, "MAP_UPDATE_ELEM", {
        map_fd,
        key: at(rest[1]),
        value: at(rest[2]),
        flags: BigInt(number(3)),
      }).ret;
    case "delete":
      return call(task, "MAP_DELETE_ELEM", { map_fd, key: at(rest[1]) }).ret;
    case "dump": {
      const pairs: [string, string | number][] = [];
      let key = next(number(1), null);
      while (typeof key === "string") {
        pairs.push([key, read("MAP_LOOKUP_ELEM", number(2), key, 0)]);
        key = next(number(1), key);
      }
      return pairs;
    }
    default:
      return task.close(map_fd);
  }
}

/** Answers without ids, and in an order of their own where a hash map's says nothing. */
function comparable(script: MapScript, answers: readonly Answer[]): Answer[] {
  return answers.map((one, i) => {
    const what = script.ops[i]?.[0];
    if (Array.isArray(one)) return [...one].sort();
    if (typeof one !== "string" || what === "next") return one;
    if (script.readsIds) return "an id";
    return one.length === 16 && !one.endsWith("00000000") ? `${one.slice(0, 8)} and an id` : one;
  });
}

/** What the machine's kernel answers to all scripts, in a process that closes everything between them. */
function askLinux(): Record<string, Answer[]> {
  const answers = askKernel(MAP_SCRIPTS.map((script) => [...script.ops, ["restart"]])) ?? [];
  return Object.fromEntries(
    MAP_SCRIPTS.map((script, i) => [
      script.name,
      comparable(script, (answers[i] ?? []).slice(0, -1) as Answer[]),
    ]),
  );
}

if (process.env.ANYBPF_RECORD === "1") {
  const lines = Object.entries(askLinux()).map(
    ([name, answers]) => `${JSON.stringify(name)}: ${JSON.stringify(answers)}`,
  );
  writeFileSync(RECORDED, `{\n${lines.join(",\n")}\n}\n`);
}
const recorded = JSON.parse(readFileSync(RECORDED, "utf8")) as Record<string, Answer[]>;

describe("maps whose values stand for objects, as Linux answers", () => {
  it.each(MAP_SCRIPTS.map((script) => [script.name, script] as const))("%s", (name, script) => {
    const task = kernel.task();
    const ours = comparable(
      script,
      script.ops.map((op) => answer(task, op)),
    );
    // References between maps and programs go with the last descriptor.
    task.exit();
    const linux = recorded[name] ?? [];
    expect(linux.length).toBe(script.ops.length);
    script.ops.forEach((op, i) => {
      expect(ours[i], `operation ${i}: ${JSON.stringify(op)}`).toEqual(linux[i]);
    });
    expect(kernel.usage()).toEqual(empty);
  });

  const why = whyNoKernel();
  if (why !== undefined) console.log(`recorded answers against the live kernel: skipped, ${why}`);
  it.skipIf(why !== undefined)("are what the live kernel answers", () => {
    expect(askLinux()).toEqual(recorded);
  });
});
