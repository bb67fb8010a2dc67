import { E } from "../../../uapi/errno.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import type { RegPtr } from "../state/layout.ts";
import { regMap } from "../state/view.ts";
import { markUnknown } from "../value/value.ts";
import { type Env, reject } from "../walk/env.ts";
import { mapOf, reg } from "../walk/regs.ts";
import type { Access } from "./memory.ts";

/** The kernel's struct of a map type, which begins with its struct bpf_map; others are arrays or hash tables. */
const STRUCT: Readonly<Record<number, string>> = {
  [MAP_TYPE.HASH]: "bpf_htab",
  [MAP_TYPE.PERCPU_HASH]: "bpf_htab",
  [MAP_TYPE.LRU_HASH]: "bpf_htab",
  [MAP_TYPE.LRU_PERCPU_HASH]: "bpf_htab",
  [MAP_TYPE.HASH_OF_MAPS]: "bpf_htab",
  [MAP_TYPE.LPM_TRIE]: "lpm_trie",
  [MAP_TYPE.STACK_TRACE]: "bpf_stack_map",
  [MAP_TYPE.DEVMAP]: "bpf_dtab",
  [MAP_TYPE.DEVMAP_HASH]: "bpf_dtab",
  [MAP_TYPE.CPUMAP]: "bpf_cpu_map",
  [MAP_TYPE.XSKMAP]: "xsk_map",
  [MAP_TYPE.SOCKMAP]: "bpf_stab",
  [MAP_TYPE.QUEUE]: "bpf_queue_stack",
  [MAP_TYPE.STACK]: "bpf_queue_stack",
  [MAP_TYPE.RINGBUF]: "bpf_ringbuf_map",
  [MAP_TYPE.BLOOM_FILTER]: "bpf_bloom_filter",
};
/** Bytes of the digest that struct bpf_map begins with: plain numbers, unlike the pointers and counts after it. */
const DIGEST = 32;

/** Checks an access to the kernel's description of a map. The digest may be read; the rest is not supported. */
export function accessMapObject(env: Env, a: Access, r: RegPtr, off: number): void {
  const name = STRUCT[mapOf(env, regMap(r)).type] ?? "bpf_array";
  if (!env.allowPtrLeaks) {
    throw reject(env, E.EPERM, `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`);
  }
  if (off < 0) {
    throw reject(env, E.EACCES, `R${a.regno} is ${name} invalid negative access: off=${off}`);
  }
  if (a.kind === "write") throw reject(env, E.EACCES, `only read from ${name} is supported`);
  if (off < DIGEST && off + a.size > DIGEST) {
    throw reject(
      env,
      E.EACCES,
      `access beyond the end of member sha (mend:${DIGEST}) in struct bpf_map with off ${off} size ${a.size}`,
    );
  }
  if (off >= DIGEST) {
    throw reject(env, E.EACCES, "anybpf: access to struct bpf_map through BTF is not supported yet");
  }
  if (a.value >= 0) markUnknown(reg(env, a.value));
}
