import { E } from "../../uapi/errno.ts";
import { SysError } from "../error.ts";
import type { TaskMemory } from "./user_memory.ts";

/** The bits of log_level (bpf(2), BPF_PROG_LOAD): two levels, statistics, and "keep the start, not the end". */
export const LOG = { LEVEL1: 1, LEVEL2: 2, STATS: 4, FIXED: 8 } as const;
const LOG_MASK = LOG.LEVEL1 | LOG.LEVEL2 | LOG.STATS | LOG.FIXED;
/** Linux takes no buffer of more than a quarter of what 32 bits count. */
const MAX_LOG_SIZE = 0xffff_ffff >>> 2;

/** Where a caller wants a log: `log_level`, `log_buf` and `log_size` of an attr. */
export interface LogRequest {
  readonly level: number;
  readonly buffer: bigint;
  readonly size: number;
}

/** Refuses a request that Linux refuses (EINVAL). A level without a buffer is fine: it asks for the true size. */
export function checkLogRequest(request: LogRequest): void {
  const { level, buffer, size } = request;
  const bad =
    (buffer !== 0n) !== (size !== 0) ||
    (buffer !== 0n && level === 0) ||
    (level & ~LOG_MASK) !== 0 ||
    size > MAX_LOG_SIZE;
  if (bad) throw new SysError(E.EINVAL);
}

/**
 * Copies a log to the caller's buffer with a closing NUL. A log that is too long keeps its end (its start with
 * LOG.FIXED) and is ENOSPC, whatever the verdict was.
 *
 * @param log the log, or at least the part of it that is kept
 * @param whole the characters of the whole log
 * @returns the size that would have been enough, the NUL included; 0 if no log was asked for.
 */
export function deliverLog(
  memory: TaskMemory,
  request: LogRequest,
  log: string,
  whole = log.length,
): { trueSize: number; errno: number } {
  if (request.level === 0) return { trueSize: 0, errno: 0 };
  const text = new TextEncoder().encode(log);
  const trueSize = text.length + (whole - log.length) + 1;
  if (request.buffer === 0n) return { trueSize, errno: 0 };
  const kept = Math.min(text.length, request.size - 1);
  const fixed = (request.level & LOG.FIXED) !== 0;
  const bytes = new Uint8Array(kept + 1);
  bytes.set(fixed ? text.subarray(0, kept) : text.subarray(text.length - kept));
  try {
    memory.write(request.buffer, bytes);
  } catch (error) {
    if (error instanceof SysError) return { trueSize, errno: error.errno };
    throw error;
  }
  return { trueSize, errno: trueSize > request.size ? E.ENOSPC : 0 };
}
