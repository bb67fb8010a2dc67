import { MAP } from "../../src/kernel/maps/layout.ts";
import type { ExecEnv } from "../../src/kernel/prog/program.ts";

/**
 * Walks the elements of an array whose `struct bpf_map` a test has written (`writeArray`), as the data plane walks its
 * maps: what executors without a data plane are given.
 */
export function arrayWalker(memory: WebAssembly.Memory): ExecEnv["mapEachNext"] {
  return (map, cursor) => {
    const view = new DataView(memory.buffer);
    const header = Number(map);
    const at = Number(cursor);
    const index = view.getUint32(at + 8, true);
    if (index >= view.getUint32(header + MAP.maxEntries, true)) return 0n;
    const elemSize = view.getUint32(header + MAP.elemSize, true);
    view.setUint32(at + 16, index, true);
    view.setUint32(at, at + 16, true);
    view.setUint32(at + 4, view.getUint32(header + MAP.data, true) + index * elemSize, true);
    view.setUint32(at + 8, index + 1, true);
    return 1n;
  };
}

/** Writes the header of an array at `address` and its elements, u64 each, right behind it. */
export function writeArray(view: DataView, address: number, elements: readonly bigint[]): void {
  view.setUint32(address + MAP.maxEntries, elements.length, true);
  view.setUint32(address + MAP.elemSize, 8, true);
  view.setUint32(address + MAP.data, address + MAP.size, true);
  elements.forEach((element, i) => {
    view.setBigUint64(address + MAP.size + 8 * i, element, true);
  });
}
