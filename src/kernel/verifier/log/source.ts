import type { Env, LineInfo } from "../walk/env.ts";

/** The last line_info record at or before an instruction. */
function findLine(env: Env, insnIdx: number): number {
  let low = 0;
  let high = env.lineInfo.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((env.lineInfo[middle]?.insnOff ?? 0) <= insnIdx) low = middle;
    else high = middle;
  }
  return low;
}

function sourceText(env: Env, line: LineInfo): string {
  const btf = env.btf;
  if (btf === undefined) return "";
  const text = btf.string(line.lineOff).trimStart();
  const path = btf.string(line.fileNameOff);
  const file = path.slice(path.lastIndexOf("/") + 1);
  return `${text} @ ${file}:${line.line}`;
}

/** Logs the source line of an instruction after `prefix`, unless it was the last that was logged. */
export function printSourceLine(env: Env, insnIdx: number, prefix: string): void {
  if (env.lineInfo.length === 0) return;
  const at = findLine(env, insnIdx);
  const line = env.lineInfo[at];
  if (line === undefined || line.insnOff > insnIdx) return;
  const previous = env.lineInfo[env.prevLineInfo];
  if (at === env.prevLineInfo) return;
  if (
    previous !== undefined &&
    previous.fileNameOff === line.fileNameOff &&
    previous.lineOff === line.lineOff &&
    previous.line === line.line
  ) {
    return;
  }
  env.lineTexts[at] ??= sourceText(env, line);
  env.log.line(prefix + env.lineTexts[at]);
  env.prevLineInfo = at;
}
