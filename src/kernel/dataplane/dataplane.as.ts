// The data plane's unit: everything that runs per packet, compiled into one WebAssembly module. Each room's exports
// are listed here by one line, and typed in the room's own `.ts` beside it.
export * from "../mem/alloc.as";
export { cpu_enter, cpu_current, cpu_offset } from "../mem/cpu.as";
