import { E } from "../../uapi/errno.ts";
import type { KernelMemory } from "../mem/memory.ts";
import { formatText, MAX_TEXT } from "./format.ts";

/** The most bytes of arguments that bpf_snprintf and bpf_trace_vprintk take. */
const MAX_ARGS = 12 * 8;

/** A parameter of C type u32. */
function u32(arg: bigint): number {
  return Number(BigInt.asUintN(32, arg));
}

/** The u64 array that bpf_snprintf and bpf_trace_vprintk take their arguments in, or undefined if it is none. */
function argArray(mem: KernelMemory, data: number, size: number): bigint[] | undefined {
  if (size % 8 !== 0 || size > MAX_ARGS || (size !== 0 && data === 0)) return undefined;
  return Array.from({ length: size / 8 }, (_, i) => mem.view.getBigUint64(data + i * 8, true));
}

/** The text as bytes, cut to `room` with the NUL at its end. */
function store(mem: KernelMemory, at: number, room: number, text: string): void {
  if (room === 0) return;
  const length = Math.min(text.length, room - 1);
  for (let i = 0; i < length; i++) mem.u8[at + i] = text.charCodeAt(i);
  mem.u8[at + length] = 0;
}

/**
 * The helpers that write text, by name. They are JavaScript: what they write goes to people. Errors are negative
 * errnos; the result of trace_printk and trace_vprintk is the text's bytes, that of snprintf one more for the NUL.
 */
export function traceHelpers(mem: KernelMemory, onTrace?: (text: string) => void) {
  const trace = (text: string | number): bigint => {
    if (typeof text === "number") return BigInt(-text);
    if (onTrace !== undefined) {
      const bytes = Uint8Array.from(text.slice(0, MAX_TEXT - 1), (c) => c.charCodeAt(0));
      onTrace(new TextDecoder().decode(bytes));
    }
    return BigInt(text.length);
  };
  return {
    trace_printk: (fmt: bigint, size: bigint, a: bigint, b: bigint, c: bigint): bigint =>
      trace(formatText(mem, mem.bytes(u32(fmt), u32(size)), [a, b, c])),
    trace_vprintk: (fmt: bigint, size: bigint, data: bigint, dataSize: bigint): bigint => {
      const args = argArray(mem, u32(data), u32(dataSize));
      if (args === undefined) return BigInt(-E.EINVAL);
      return trace(formatText(mem, mem.bytes(u32(fmt), u32(size)), args));
    },
    snprintf: (to: bigint, room: bigint, fmt: bigint, data: bigint, dataSize: bigint): bigint => {
      const args = argArray(mem, u32(data), u32(dataSize));
      if (args === undefined) return BigInt(-E.EINVAL);
      const from = u32(fmt);
      const end = mem.u8.indexOf(0, from);
      const text = formatText(mem, mem.u8.subarray(from, end + 1), args);
      if (typeof text === "number") return BigInt(-text);
      store(mem, u32(to), u32(room), text);
      return BigInt(text.length + 1);
    },
  };
}
