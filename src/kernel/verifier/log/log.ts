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

/** Makes an empty log. */
export function createLog(level: number): VerifierLog {
  let parts: string[] = [];
  let end = 0;
  const write = (text: string): void => {
    if (level === 0) return;
    parts.push(text);
    end += text.length;
  };
  return {
    level,
    get position() {
      return end;
    },
    write,
    line: (text) => write(`${text}\n`),
    reset(position) {
      while (end > position) {
        const last = parts.pop() ?? "";
        end -= last.length;
        if (end < position) {
          parts.push(last.slice(0, position - end));
          end = position;
        }
      }
    },
    text() {
      parts = [parts.join("")];
      return parts[0] ?? "";
    },
  };
}
