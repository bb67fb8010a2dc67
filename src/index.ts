/**
 * anybpf: the Linux BPF subsystem as a library. A `Kernel` is a BPF subsystem in this process, a `Task` a process as
 * it sees one, and a `BpfObject` an ELF object loaded through a task.
 *
 * @packageDocumentation
 */

export { Btf, BtfError } from "./btf/btf.ts";
export { type BtfValue, decodeValue, encodeValue } from "./btf/value.ts";
export { assemble } from "./isa/asm.ts";
export { disasmInsn } from "./isa/disasm.ts";
export { decodeInsns, encodeInsns, type Insn } from "./isa/insn.ts";
export { SysError } from "./kernel/error.ts";
export {
  Kernel,
  type KernelOptions,
  type KernelTask,
  type KernelUsage,
  type PacketRunnerOptions,
  type TaskOptions,
} from "./kernel/kernel.ts";
export type { BatchResult, BatchRunner, PacketBatch } from "./kernel/net/batch.ts";
export { BpfError, type SourceLine, VerifierError } from "./lib/errors.ts";
export { BpfMap, type MapTraits } from "./lib/map.ts";
export { BpfObject, type LoadOptions } from "./lib/object.ts";
export { type ParseOptions, parseObject } from "./lib/parse_object.ts";
export { PcapError } from "./lib/pcap/error.ts";
export { PcapReader } from "./lib/pcap/reader.ts";
export { pcapHeader, pcapRecord } from "./lib/pcap/writer.ts";
export { BpfProgram } from "./lib/program.ts";
export { type KernelTarget, LINUX_6_18 } from "./lib/resolve.ts";
export { type MapSpec, ObjectError, type ObjectSpec, type ProgramSpec } from "./lib/spec.ts";
export type { TestRun, TestRunResult } from "./lib/sys.ts";
export { type CallResult, call } from "./transport/call.ts";
export type { Task, UserBuffer, UserMemory } from "./transport/task.ts";
export { ATTACH_TYPE } from "./uapi/attach_type.ts";
export { ATTRS } from "./uapi/attr.ts";
export { CMD } from "./uapi/cmd.ts";
export { E, errnoName, strerror } from "./uapi/errno.ts";
export { ELEM_FLAG, MAP_FLAG, PROG_FLAG } from "./uapi/flags.ts";
export { HELPER } from "./uapi/helper_id.ts";
export { MAP_TYPE } from "./uapi/map_type.ts";
export { PROG_TYPE } from "./uapi/prog_type.ts";
export { SK_BUFF } from "./uapi/skb.ts";
export { XDP_MD } from "./uapi/xdp.ts";
export { VERSION } from "./version.ts";
