import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { E } from "../../uapi/errno.ts";
import { KernelMemory } from "../mem/memory.ts";
import { formatText } from "./format.ts";
import { traceHelpers } from "./trace.ts";

/** A format, the kind of its arguments, what bpf_trace_printk returned, and what Linux's trace said (null: nothing). */
type Row = readonly [format: string, args: "num" | "str", result: number, text: string | null];

/** The first line names the kernel that was asked. */
const [, ...ROWS] = readFileSync(
  new URL("../../../test/helpers/printk.recorded.jsonl", import.meta.url),
  "utf8",
)
  .trim()
  .split("\n")
  .map((line): Row => JSON.parse(line));

const NUMBERS = [0x1234567890abcdefn, BigInt.asUintN(64, -123n), 65n];

function memory(): KernelMemory {
  const mem = new KernelMemory(new WebAssembly.Memory({ initial: 1 }));
  mem.u8.set(new TextEncoder().encode("abcdefg"), 0x100);
  return mem;
}

function bytes(format: string): Uint8Array {
  return Uint8Array.from(`${format}\0`, (c) => c.charCodeAt(0));
}

describe("formatText", () => {
  it.each(ROWS)("writes %j with %s as Linux does", (format, kind, result, text) => {
    const args = kind === "num" ? NUMBERS : [0x100n, 0x100n, 0x100n];
    const ours = formatText(memory(), bytes(format), args);
    if (result < 0) {
      expect(ours).toBe(-result);
      return;
    }
    expect(String(ours).length).toBe(result);
    // The trace drops carriage returns; what stands for a hashed pointer is free.
    if (text !== null && !text.includes("HASH"))
      expect(String(ours).slice(0, 1023).replace("\r", "")).toBe(text);
  });

  it("refuses a format without an end", () => {
    expect(formatText(memory(), bytes("abc").subarray(0, 3), [])).toBe(E.EINVAL);
  });
});

describe("traceHelpers", () => {
  it("hands on what is traced, as UTF-8, and returns its bytes", () => {
    const mem = memory();
    const seen: string[] = [];
    const { trace_printk, trace_vprintk } = traceHelpers(mem, (text) => seen.push(text));
    const format = new TextEncoder().encode("päckchen %d %s\n\0");
    mem.u8.set(format, 0x200);
    expect(trace_printk(0x200n, BigInt(format.length), -5n, 0x100n, 0n)).toBe(21n);
    mem.view.setBigUint64(0x300, 7n, true);
    mem.view.setBigUint64(0x308, 0x100n, true);
    expect(trace_vprintk(0x200n, BigInt(format.length), 0x300n, 16n)).toBe(20n);
    expect(trace_vprintk(0x200n, BigInt(format.length), 0x300n, 15n)).toBe(BigInt(-E.EINVAL));
    expect(seen).toEqual(["päckchen -5 abcdefg\n", "päckchen 7 abcdefg\n"]);
  });

  it("writes snprintf's text as far as there is room, and counts the NUL", () => {
    const mem = memory();
    const { snprintf } = traceHelpers(mem);
    mem.u8.set(bytes("%s-%d"), 0x200);
    mem.view.setBigUint64(0x300, 0x100n, true);
    mem.view.setBigUint64(0x308, 42n, true);
    mem.u8.fill(0xee, 0x400, 0x420);
    expect(snprintf(0x400n, 8n, 0x200n, 0x300n, 16n)).toBe(11n);
    expect(String.fromCharCode(...mem.bytes(0x400, 9))).toBe("abcdefg\0\xee");
    expect(snprintf(0n, 0n, 0x200n, 0x300n, 16n)).toBe(11n);
    expect(snprintf(0x400n, 8n, 0x200n, 0x300n, 8n)).toBe(BigInt(-E.EINVAL));
  });
});
