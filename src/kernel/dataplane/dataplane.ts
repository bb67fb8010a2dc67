import { KernelBug } from "../error.ts";
import type { MapExports } from "../maps/exports.ts";
import type { AllocExports, CpuExports } from "../mem/alloc.ts";
import { CPU, CPU_BASE, CPU_SIZE, cpuAddress } from "../mem/layout.ts";
import { KernelMemory } from "../mem/memory.ts";
import type { NetExports } from "../net/exports.ts";
import { WASM_BASE64 } from "./dataplane.wasm.ts";

/** What the data plane calls outside of linear memory: module `env` of the AssemblyScript sources. */
export interface DataplaneImports {
  /** Nanoseconds of the kernel's monotonic clock. */
  readonly now: () => number;
}

/** What the data plane's module exports: one interface for each room that is in it. */
export type DataplaneExports = AllocExports & CpuExports & MapExports & NetExports;

/** How the kernel's memory is made. */
export interface DataplaneOptions {
  /** CPUs, 1 to 64. */
  readonly cpus: number;
  readonly imports: DataplaneImports;
  /** 64 KiB pages that memory may grow to; 65536 (4 GiB) unless given. */
  readonly maximumPages?: number;
}

/** The kernel's memory, the table of program entries, and the compiled code that works on them. */
export interface Dataplane {
  readonly mem: KernelMemory;
  /** Entry functions of programs. Index 0 is never one. */
  readonly table: WebAssembly.Table;
  readonly exports: DataplaneExports;
  readonly cpus: number;
}

const PAGE = 65536;
let compiled: Promise<WebAssembly.Module> | undefined;

/** The unit's module, compiled once for all kernels of this process. */
function dataplaneModule(): Promise<WebAssembly.Module> {
  compiled ??= WebAssembly.compile(Uint8Array.from(atob(WASM_BASE64), (c) => c.charCodeAt(0)));
  return compiled;
}

/** Makes a memory with its CPU blocks, the program table, and an instance of the data plane over them. */
export async function createDataplane(options: DataplaneOptions): Promise<Dataplane> {
  const { cpus, maximumPages = 65536 } = options;
  const heapStart = Math.ceil((CPU_BASE + cpus * CPU_SIZE) / PAGE) * PAGE;
  const memory = new WebAssembly.Memory({ initial: heapStart / PAGE + 1, maximum: maximumPages });
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 16 });
  const instance = await WebAssembly.instantiate(await dataplaneModule(), {
    env: { memory, table, abort, tai, ...options.imports },
  });
  const exports = instance.exports as unknown as DataplaneExports;
  exports.alloc_init(heapStart, Math.min(maximumPages * PAGE, 0xffff0000));
  const mem = new KernelMemory(memory);
  for (let i = 0; i < cpus; i++) {
    mem.view.setUint32(cpuAddress(i) + CPU.id, i, true);
    mem.view.setBigUint64(cpuAddress(i) + CPU.prandom, seed(), true);
  }
  exports.cpu_enter(cpuAddress(0));
  return { mem, table, exports, cpus };
}

/** A random u64 that is not 0. */
function seed(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0] || 1n;
}

/** Nanoseconds of international atomic time, which is 37 leap seconds ahead of UTC. */
function tai(): number {
  return (Date.now() + 37_000) * 1e6;
}

function abort(): never {
  throw new KernelBug("the data plane stopped");
}
