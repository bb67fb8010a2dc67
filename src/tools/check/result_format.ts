import { errnoName } from "../../uapi/errno.ts";

/** The counts in the log's last lines. */
export interface LogStats {
  insns_processed?: number;
  max_states_per_insn?: number;
  total_states?: number;
  peak_states?: number;
  mark_read?: number;
  verif_us?: number;
  stack_depth?: string;
}

/** What one BPF_PROG_TEST_RUN gave. */
export interface RunResult {
  errno: number;
  errname: string;
  retval?: number;
  duration_ns?: number;
  data_size_out?: number;
  data_out?: string;
  ctx_size_out?: number;
  ctx_out?: string;
}

/** A RESULT as `../shared/oracle/kbpf.py` prints it. */
export interface CheckResult {
  name: string | null;
  verdict: "accept" | "reject" | "error";
  errno: number;
  errname: string;
  setup_error?: string;
  load_us?: number;
  log?: string;
  log_truncated?: boolean;
  stats?: LogStats;
  map_errors?: { map: number; errno: number; errname: string }[];
  entry_errors?: string[];
  xlated?: string;
  runs?: RunResult[];
}

/** The errno's name as Python's errno module, and so the oracle, has it. */
export function errname(errno: number): string {
  if (errno === 95) return "ENOTSUP";
  if (errno === 35) return "EDEADLOCK";
  return errnoName(errno);
}

const COUNTS =
  /processed (\d+) insns \(limit \d+\) max_states_per_insn (\d+) total_states (\d+) peak_states (\d+) mark_read (\d+)/;

/** Reads the counts out of a verifier log. */
export function logStats(log: string): LogStats {
  const stats: LogStats = {};
  const counts = COUNTS.exec(log);
  if (counts !== null) {
    const [insns, perInsn, total, peak, markRead] = counts.slice(1).map(Number);
    Object.assign(stats, {
      insns_processed: insns,
      max_states_per_insn: perInsn,
      total_states: total,
      peak_states: peak,
      mark_read: markRead,
    });
  }
  const time = /^verification time (\d+) usec$/m.exec(log);
  if (time !== null) stats.verif_us = Number(time[1]);
  const depth = /^stack depth (\S+)$/m.exec(log);
  if (depth?.[1] !== undefined) stats.stack_depth = depth[1];
  return stats;
}

/** A log without what differs from run to run: addresses and the time taken. */
export function scrub(log: string): string {
  return log
    .replace(/0xffff[0-9a-f]{12}\b/g, "0xADDR")
    .replace(/verification time \d+ usec/g, "verification time N usec");
}
