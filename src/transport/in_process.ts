/**
 * The kernel in this process: the one door from the tools to `kernel/`. Everything else reaches a kernel through the
 * `Task` that it gives.
 */

export type {
  Kernel,
  KernelOptions,
  KernelTask,
  KernelUsage,
  PacketRunner,
  TaskOptions,
} from "../kernel/kernel.ts";
export type {
  BatchResult as PacketResults,
  PacketBatch,
} from "../kernel/net/batch.ts";

import { Kernel, type KernelOptions } from "../kernel/kernel.ts";

/** Makes a kernel with nothing loaded. */
export function createKernel(options: KernelOptions = {}): Promise<Kernel> {
  return Kernel.create(options);
}
