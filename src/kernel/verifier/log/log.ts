/** BPF_LOG_LEVEL1: what led to the verdict, and for a rejection the failing path. */
export const LOG_LEVEL1 = 1;
/** BPF_LOG_LEVEL2: every path, with the state after each instruction. */
export const LOG_LEVEL2 = 2;
/** BPF_LOG_STATS: times and stack depths at the end. */
export const LOG_STATS = 4;

/** The verifier's log while it grows: text that can be cut back to an earlier position. */
export interface VerifierLog {
  /** BPF_LOG_LEVEL1 | LEVEL2 | STATS bits. */
  readonly level: number;
  /** The furthest that `position` ever was: the buffer that would have held all, also what was cut. */
  readonly longest: number;
  /** Where the next character goes. */
  readonly position: number;
  /** Appends text, if there is any level at all. */
  write(text: string): void;
  /** Appends text and a newline. */
  line(text: string): void;
  /** Cuts the log back to a position that `position` gave before. */
  reset(position: number): void;
  /** The whole text. */
  text(): string;
}

/** How much of a log is kept: `size` characters, its end or (`start`) its start. */
export interface LogKeep {
  readonly size: number;
  readonly start: boolean;
}

/** Makes an empty log. Positions count what was dropped too; without `keep` nothing is. */
export function createLog(level: number, keep: LogKeep = { size: Infinity, start: false }): VerifierLog {
  let parts: string[] = [];
  /** Where the first part starts, and where the last one ends. */
  let begin = 0;
  let end = 0;
  /** With `start`: how many characters were counted and not kept. */
  let skipped = 0;
  let longest = 0;
  const dropOld = (): void => {
    let n = 0;
    while (n < parts.length && end - begin - (parts[n]?.length ?? 0) >= keep.size)
      begin += parts[n++]?.length ?? 0;
    parts = parts.slice(n);
  };
  const write = (text: string): void => {
    if (level === 0) return;
    if (keep.start && end >= keep.size) {
      skipped += text.length;
      longest = Math.max(longest, end + skipped);
      return;
    }
    parts.push(text);
    end += text.length;
    if (end + skipped > longest) longest = end + skipped;
    // Now and then, so that it costs nothing: the text may grow to twice what is wanted.
    if (!keep.start && end - begin > 2 * keep.size + 65536) dropOld();
  };
  return {
    level,
    get longest() {
      return longest;
    },
    get position() {
      return end + skipped;
    },
    write,
    line: (text) => write(`${text}\n`),
    reset(position) {
      skipped = Math.max(0, Math.min(skipped, position - end));
      while (end > position && parts.length > 0) {
        const last = parts.pop() ?? "";
        end -= last.length;
        if (end < position) {
          parts.push(last.slice(0, position - end));
          end = position;
        }
      }
      if (end > position) begin = end = position;
    },
    text() {
      if (!keep.start && end - begin > keep.size) dropOld();
      parts = [parts.join("")];
      return parts[0] ?? "";
    },
  };
}
