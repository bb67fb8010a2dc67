import type { FramePtr } from "../state/layout.ts";
import { printState } from "../state/print.ts";
import { curFrame } from "../state/view.ts";
import type { Env } from "../walk/env.ts";
import { markStateClean } from "../walk/regs.ts";
import { LOG_LEVEL1, LOG_LEVEL2 } from "./log.ts";

/** The column that a state after an instruction starts in, for instructions that end before it. */
const STATE_COLUMN = 40;
const COLUMN_STEP = 8;
/** What stands between an instruction and a state, by the number of spaces. */
const GAPS = Array.from({ length: STATE_COLUMN + COLUMN_STEP }, (_, n) => `${" ".repeat(n)};`);

/** True if instructions and states are logged. */
export function isLogged(env: Env): boolean {
  return (env.log.level & (LOG_LEVEL1 | LOG_LEVEL2)) !== 0;
}

/** Logs a frame of the running state, whole, after what stands on the line already. */
export function printFrame(env: Env, frame: FramePtr): void {
  env.log.line(printState(env.curState, frame, env.names, undefined));
}

/**
 * Logs what the last instruction changed: on the instruction's own line if nothing was logged since, else on a line
 * of its own after the number of the running instruction.
 */
export function printInsnState(env: Env): void {
  if (!isLogged(env)) return;
  if (env.prevLogPosition !== 0 && env.prevLogPosition === env.log.position) {
    env.log.reset(env.prevLogPosition - 1);
    const width = env.prevInsnPrintPosition;
    const wanted = Math.max(width + COLUMN_STEP / 2, STATE_COLUMN);
    const column = Math.ceil(wanted / COLUMN_STEP) * COLUMN_STEP;
    env.log.write(GAPS[Math.max(column - width - 1, 1)] ?? `${" ".repeat(column - width - 1)};`);
  } else {
    env.log.write(`${env.insnIdx}:`);
  }
  env.log.line(printState(env.curState, curFrame(env.curState), env.names, env.scratched));
  markStateClean(env);
}
