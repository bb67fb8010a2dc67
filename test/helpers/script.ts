import { assemble } from "../../src/isa/asm.ts";
import type { Insn } from "../../src/isa/insn.ts";
import { HELPERS } from "../../src/uapi/helper_id.ts";

/**
 * An argument of a call: the context, a number, the address of these bytes (hex) on the stack, or of `out` bytes there,
 * which the script gives back.
 */
export type Arg = "ctx" | number | bigint | { readonly bytes: string } | { readonly out: number };

/** Calls of helpers with constant arguments: what is put to Linux and to us alike. */
export interface Script {
  readonly name: string;
  readonly type: "socket_filter" | "sched_cls" | "xdp";
  /** The packet, hex. */
  readonly packet: string;
  /** Instructions in front of the calls; the context is in r6. */
  readonly before?: string;
  readonly calls: readonly { readonly helper: string; readonly args: readonly Arg[] }[];
  /** Instructions behind them: context in r6, r0 of the last call in r7, which is what the program returns. */
  readonly after?: string;
  readonly ctx?: string;
}

/** Lines that put `bytes` at r10 - offset. */
function fill(bytes: Uint8Array, offset: number): string[] {
  const view = new DataView(new ArrayBuffer(Math.ceil(bytes.length / 8) * 8));
  new Uint8Array(view.buffer).set(bytes);
  const lines: string[] = [];
  for (let i = 0; i < view.byteLength; i += 8) {
    lines.push(`r0 = 0x${view.getBigUint64(i, true).toString(16)} ll`, `*(u64 *)(r10 -${offset - i}) = r0`);
  }
  return lines;
}

/**
 * The program of a script. What its calls return, and what they write to `out` buffers, goes into the skb's cb as far
 * as there is room; XDP programs have no such place, so there all of it is folded into what the program returns.
 */
export function scriptInsns(script: Script): Insn[] {
  const lines = ["r6 = r1", "r7 = 0", ...(script.before ?? "").split("\n").filter((l) => l.trim() !== "")];
  const skb = script.type !== "xdp";
  let depth = 0;
  let seen = 0;
  const keep = (reg: string) => {
    if (!skb) lines.push("r7 *= 31", `r7 ^= ${reg}`);
    else if (seen < 5) lines.push(`*(u32 *)(r6 +${48 + 4 * seen++}) = ${reg}`);
  };
  for (const { helper, args } of script.calls) {
    const outs: { readonly at: number; readonly size: number }[] = [];
    const setup: string[] = [];
    args.forEach((arg, i) => {
      const reg = `r${i + 1}`;
      if (arg === "ctx") setup.push(`${reg} = r6`);
      else if (typeof arg === "object") {
        const bytes = "bytes" in arg ? hexBytes(arg.bytes) : new Uint8Array(Math.max(arg.out, 8)).fill(0x5a);
        depth += Math.max(8, Math.ceil(bytes.length / 8) * 8);
        lines.push(...fill(bytes, depth));
        setup.push(`${reg} = r10`, `${reg} += -${depth}`);
        if ("out" in arg) outs.push({ at: depth, size: bytes.length });
      } else {
        const value = BigInt.asUintN(64, BigInt(arg));
        setup.push(`${reg} = 0x${value.toString(16)} ll`);
      }
    });
    lines.push(...setup, `call bpf_${helper}#${HELPERS[helper as keyof typeof HELPERS].value}`);
    if (skb) lines.push("r7 = r0");
    keep("r0");
    for (const { at, size } of outs) {
      lines.push(`r1 = *(u32 *)(r10 -${at})`);
      keep("r1");
      // All of it, folded into one number.
      for (let i = 4; i + 4 <= size; i += 4)
        lines.push("r1 *= 31", `r2 = *(u32 *)(r10 -${at - i})`, "r1 ^= r2");
      keep("r1");
    }
  }
  lines.push(...(script.after ?? "").split("\n").filter((l) => l.trim() !== ""), "r0 = r7", "exit");
  return assemble(lines.join("\n"));
}

/** Bytes of hex digits. */
export function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16));
}

/** Hex digits of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
