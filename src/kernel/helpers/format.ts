import { E } from "../../uapi/errno.ts";
import type { KernelMemory } from "../mem/memory.ts";

/** The longest text that one call writes, its NUL included (MAX_BPRINTF_BUF). */
export const MAX_TEXT = 1024;

/** The widest field. */
const MAX_WIDTH = (1 << 23) - 1;

/** One conversion of a format string. */
interface Spec {
  /** Where it starts and ends in the format. */
  readonly from: number;
  readonly to: number;
  readonly flags: string;
  readonly width: number;
  /** "int" for d i u x X and c, "text" for s, "pointer", "address" for %pI4 and its like. */
  readonly kind: "int" | "text" | "pointer" | "address";
  /** The conversion's letter (for pointers: the letters behind the p). */
  readonly letter: string;
  /** Bytes of an int argument. */
  readonly size: 4 | 8;
}

/** May c stand in a format? Control characters may not; bytes of UTF-8 may. */
function isText(c: number): boolean {
  return (c >= 0x20 && c !== 0x7f) || (c >= 9 && c <= 13);
}

function isSpaceOrPunct(c: string): boolean {
  return c === "" || !/[A-Za-z0-9]/.test(c);
}

/** The conversion at `at` (behind the percent sign), or undefined for one that BPF doesn't know. */
function parseSpec(format: string, at: number): Spec | undefined {
  const head = /^([0+\- ]*)((?:[1-9][0-9]*)?)/.exec(format.slice(at)) ?? ["", "", ""];
  const from = at - 1;
  const flags = head[1] ?? "";
  const width = Number(head[2] || 0);
  let i = at + (head[0]?.length ?? 0);
  const make = (to: number, kind: Spec["kind"], letter: string, size: 4 | 8): Spec => ({
    from,
    to,
    flags,
    width,
    kind,
    letter,
    size,
  });
  const c = format.charAt(i);
  if (c === "p") {
    const next = format.charAt(i + 1);
    // Linux skips all letters and digits behind a pointer's.
    const end = i + 1 + (/^[A-Za-z0-9]*/.exec(format.slice(i + 1))?.[0].length ?? 0);
    if (next === "k" && format.charAt(i + 2) === "s") return make(i + 3, "text", "s", 8);
    if (next === "u" && format.charAt(i + 2) === "s") return make(i + 3, "text", "us", 8);
    if (next === "i" || next === "I") {
      const version = format.charAt(i + 2);
      return version === "4" || version === "6" ? make(i + 3, "address", next + version, 8) : undefined;
    }
    if ("KxsSB".includes(next) || isSpaceOrPunct(next)) return make(end, "pointer", next, 8);
    return undefined;
  }
  if (c === "s") return make(i + 1, "text", "s", 8);
  if (c === "c") return make(i + 1, "int", "c", 4);
  let size: 4 | 8 = 4;
  if (c === "l") {
    size = 8;
    i += format.charAt(i + 1) === "l" ? 2 : 1;
  }
  const letter = format.charAt(i);
  return "diuxX".includes(letter) && letter !== "" ? make(i + 1, "int", letter, size) : undefined;
}

/** Pads to the width of the conversion. */
function pad(text: string, spec: Spec, sign = ""): string {
  const missing = Math.min(spec.width, MAX_WIDTH) - text.length - sign.length;
  if (missing <= 0) return sign + text;
  if (spec.flags.includes("-")) return sign + text + " ".repeat(missing);
  if (spec.flags.includes("0") && spec.kind !== "text" && spec.letter !== "c")
    return sign + "0".repeat(missing) + text;
  return " ".repeat(missing) + sign + text;
}

function formatInt(spec: Spec, arg: bigint): string {
  const bits = spec.size * 8;
  if (spec.letter === "c") return pad(String.fromCharCode(Number(arg & 0xffn)), spec);
  if (spec.letter === "x") return pad(BigInt.asUintN(bits, arg).toString(16), spec);
  if (spec.letter === "X") return pad(BigInt.asUintN(bits, arg).toString(16).toUpperCase(), spec);
  if (spec.letter === "u") return pad(BigInt.asUintN(bits, arg).toString(), spec);
  const value = BigInt.asIntN(bits, arg);
  const plus = spec.flags.includes("+") ? "+" : spec.flags.includes(" ") ? " " : "";
  return value < 0n ? pad((-value).toString(), spec, "-") : pad(value.toString(), spec, plus);
}

/**
 * A pointer. As in Linux plain ones are hashed so as not to tell addresses, symbols that are not known are numbers,
 * and only without a width are there leading zeros.
 */
function formatPointer(spec: Spec, arg: bigint): string {
  const value = BigInt.asUintN(64, arg);
  if ("sSB".includes(spec.letter) && spec.letter !== "") return pad(`0x${value.toString(16)}`, spec);
  const shown =
    spec.letter === "x" ? value : BigInt.asUintN(32, ((value ^ (value >> 32n)) * 0x9e3779b1n) ^ 0x85ebca6bn);
  const digits = shown.toString(16);
  return spec.width === 0 ? digits.padStart(16, "0") : pad(digits, spec);
}

/** The string at an address, cut at its NUL; "" where there is no memory. */
function readText(mem: KernelMemory, address: bigint): string {
  const at = Number(BigInt.asUintN(64, address));
  const { u8 } = mem;
  let text = "";
  if (at === 0) return text;
  for (let i = at; i < u8.length && text.length < MAX_TEXT; i++) {
    const c = u8[i];
    if (!c) break;
    text += String.fromCharCode(c);
  }
  return text;
}

/** An IPv4 or IPv6 address in memory: I separates as usual, i writes IPv4 with leading zeros and IPv6 without colons. */
function readAddress(mem: KernelMemory, address: bigint, letter: string): string {
  const bytes = new Uint8Array(letter.endsWith("4") ? 4 : 16);
  const at = Number(BigInt.asUintN(64, address));
  if (at !== 0 && at + bytes.length <= mem.u8.length) bytes.set(mem.bytes(at, bytes.length));
  if (letter === "I4") return Array.from(bytes).join(".");
  if (letter === "i4") return Array.from(bytes, (b) => String(b).padStart(3, "0")).join(".");
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0));
  return words.map((w) => w.toString(16).padStart(4, "0")).join(letter === "I6" ? ":" : "");
}

/**
 * Writes a format string of bpf_trace_printk or bpf_snprintf (bpf-helpers(7)) with its arguments. Returns the text
 * (one character a byte), or EINVAL for a format that BPF refuses: no NUL in `format`, an unknown conversion, more
 * conversions than arguments, or a control character. `%pus` reads user memory, where programs have none: "".
 */
export function formatText(mem: KernelMemory, format: Uint8Array, args: readonly bigint[]): string | number {
  const nul = format.indexOf(0);
  if (nul < 0) return E.EINVAL;
  const bytes = format.subarray(0, nul);
  if (!bytes.every(isText)) return E.EINVAL;
  const source = String.fromCharCode(...bytes);
  let text = "";
  let used = 0;
  let i = 0;
  while (i < source.length) {
    const c = source.charAt(i);
    if (c !== "%") {
      text += c;
      i++;
      continue;
    }
    if (source.charAt(i + 1) === "%") {
      text += "%";
      i += 2;
      continue;
    }
    const arg = args[used++];
    const spec = arg === undefined ? undefined : parseSpec(source, i + 1);
    if (arg === undefined || spec === undefined) return E.EINVAL;
    if (spec.kind === "int") text += formatInt(spec, arg);
    else if (spec.kind === "text") text += pad(spec.letter === "us" ? "" : readText(mem, arg), spec);
    else if (spec.kind === "address") text += readAddress(mem, arg, spec.letter);
    else text += formatPointer(spec, arg);
    i = spec.to;
  }
  return text;
}
