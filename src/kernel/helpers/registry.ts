import { HELPERS } from "../../uapi/helper_id.ts";
import { PROG_TYPE } from "../../uapi/prog_type.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { ExecHelper } from "../prog/program.ts";
import { traceHelpers } from "./trace.ts";

/** What leaves linear memory while a helper runs. */
export interface HelperSinks {
  /** Is given what bpf_trace_printk and bpf_trace_vprintk write, without a line end of its own. */
  readonly onTrace?: (text: string) => void;
}

/** The helpers that this kernel can run. */
export interface HelperTable {
  /** The helpers as programs of one type (a BPF_PROG_TYPE_ number) call them, by id. */
  forType(progType: number): (id: number) => ExecHelper | undefined;
  /** True for helpers that programs of some type can call here. */
  supports(id: number): boolean;
}

/** Functions of the data plane that are a helper under another name: where types share an id, or helpers a body. */
const RENAMED: Readonly<Record<string, string>> = {
  sk_lookup_tcp: "bpf_sk_lookup",
  sk_lookup_udp: "bpf_sk_lookup",
  skc_lookup_tcp: "bpf_sk_lookup",
  check_mtu: "bpf_skb_check_mtu",
  probe_read: "bpf_probe_read_kernel",
  probe_read_str: "bpf_probe_read_kernel_str",
  probe_read_user_str: "bpf_probe_read_user",
};

/** As RENAMED, for XDP programs only. */
const RENAMED_XDP: Readonly<Record<string, string>> = {
  redirect: "bpf_xdp_redirect",
  perf_event_output: "bpf_xdp_event_output",
  check_mtu: "bpf_xdp_check_mtu",
};

/** These are no functions: executors make the jumps and calls back into the program themselves. */
const BY_EXECUTORS: ReadonlySet<number> = new Set([
  HELPERS.tail_call.value,
  HELPERS.for_each_map_elem.value,
  HELPERS.loop.value,
]);

type HelperFunction = (...args: bigint[]) => bigint;

/**
 * Gathers the helpers: the data plane's exports named `bpf_*` and `map_*`, in whichever room they are, and the few in JavaScript.
 * Calling one takes as many i64 as it has parameters, whatever C type those have.
 */
export function helperTable(dataplane: Dataplane, sinks: HelperSinks = {}): HelperTable {
  const wasm = dataplane.exports as unknown as Readonly<Record<string, unknown>>;
  const script: Readonly<Record<string, HelperFunction>> = traceHelpers(dataplane.mem, sinks.onTrace);
  const gather = (renamed: Readonly<Record<string, string>>): Map<number, ExecHelper> => {
    const table = new Map<number, ExecHelper>();
    for (const [name, { value: id }] of Object.entries(HELPERS)) {
      // The maps' functions bear the helpers' names as they are.
      const own = name.startsWith("map_") ? name : `bpf_${name}`;
      const call = script[name] ?? wasm[renamed[name] ?? RENAMED[name] ?? own];
      if (typeof call !== "function") continue;
      table.set(id, { id, name, nargs: call.length, call: call as HelperFunction });
    }
    return table;
  };
  const common = gather({});
  const xdp = gather(RENAMED_XDP);
  return {
    forType: (progType) => {
      const table = progType === PROG_TYPE.XDP ? xdp : common;
      return (id) => table.get(id);
    },
    supports: (id) => BY_EXECUTORS.has(id) || common.has(id) || xdp.has(id),
  };
}
