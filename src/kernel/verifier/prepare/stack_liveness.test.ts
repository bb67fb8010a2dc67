import { beforeEach, describe, expect, it } from "vitest";
import { assemble } from "../../../isa/asm.ts";
import { createLog, LOG_LEVEL2 } from "../log/log.ts";
import { newState, resetArena } from "../state/arena.ts";
import type { StatePtr } from "../state/layout.ts";
import { pushFrame, setCurframe } from "../state/view.ts";
import { postorder } from "./order.ts";
import { createStackLiveness, type StackLiveness } from "./stack_liveness.ts";

interface Report {
  readonly at: number;
  readonly reads?: readonly number[];
  readonly writes?: readonly number[];
  readonly frame?: number;
}

function liveness(source: string, starts: readonly number[]): { live: StackLiveness; log: () => string } {
  const insns = assemble(source);
  const subprogs = starts.map((start, n) => ({ start, end: starts[n + 1] ?? insns.length }));
  const log = createLog(LOG_LEVEL2);
  const order = postorder(insns, subprogs);
  const live = createStackLiveness({
    insns,
    subprogs,
    postorder: order,
    log,
    callsCallback: () => false,
    prunePoint: () => false,
  });
  return { live, log: () => log.text() };
}

/** Reports what one path does, as the walk would. */
function walk(live: StackLiveness, state: StatePtr, reports: readonly Report[]): void {
  for (const { at, reads = [], writes = [], frame = 0 } of reports) {
    live.beginInsn(state, at);
    for (const spi of reads) live.markRead(state, frame, at, spi, spi);
    for (const spi of writes) live.markWrite(frame, spi);
    live.endInsn();
  }
  live.propagate(state);
}

describe("stack liveness", () => {
  let main: StatePtr;
  beforeEach(() => {
    resetArena();
    main = newState();
    pushFrame(main, -1, 0);
    setCurframe(main, 0);
  });

  const STRAIGHT = "r0 = 0\nr1 = 0\nr2 = 0\nr3 = 0\nexit";

  it("says a slot is alive between its write and its last read", () => {
    const { live, log } = liveness(STRAIGHT, [0]);
    walk(live, main, [{ at: 0, writes: [0] }, { at: 1 }, { at: 2, reads: [0] }, { at: 3 }, { at: 4 }]);
    const alive = (insn: number): boolean => {
      live.query(main, insn);
      return live.isAlive(0, 0);
    };
    expect([0, 1, 2, 3].map(alive)).toEqual([false, true, true, false]);
    live.query(main, 1);
    expect(live.isAlive(0, 1)).toBe(false);
    expect(log()).toBe(
      "(0) frame 0 insn 2 +live -8 \n(0) frame 0 insn 0 +written -8 \n(0) live stack update done in 2 iterations\n",
    );
  });

  it("believes in a write only as long as every visit makes it", () => {
    const { live } = liveness(STRAIGHT, [0]);
    walk(live, main, [
      { at: 1, writes: [0] },
      { at: 3, reads: [0] },
    ]);
    live.query(main, 1);
    expect(live.isAlive(0, 0)).toBe(false);
    walk(live, main, [{ at: 1, writes: [1] }]);
    live.query(main, 1);
    expect(live.isAlive(0, 0)).toBe(true);
  });

  it("handles slots above 32", () => {
    const { live, log } = liveness(STRAIGHT, [0]);
    walk(live, main, [{ at: 2, reads: [31, 32, 63] }]);
    live.query(main, 2);
    expect([30, 31, 32, 33, 63].map((spi) => live.isAlive(0, spi))).toEqual([
      ...[false, true, true, false, true],
    ]);
    expect(log()).toContain("+live -256,-264,-512 \n");
  });

  it("carries what a callee reads of its caller's stack out to the call, for this chain alone", () => {
    const { live, log } = liveness("r0 = 0\ncall pc+2\nr0 = 0\nexit\nr0 = 0\nexit", [0, 4]);
    walk(live, main, [{ at: 0 }]);
    pushFrame(main, 1, 1);
    setCurframe(main, 1);
    live.chainChanged();
    walk(live, main, [{ at: 4, reads: [2], frame: 0 }]);
    live.query(main, 4);
    expect(live.isAlive(0, 2)).toBe(true);
    live.query(main, 5);
    expect(live.isAlive(0, 2)).toBe(false);
    expect(log()).toContain("(1,4) frame 0 insn 4 +live -24 \n");
    expect(log()).toContain("(0) frame 0 insn 1 +live -24 \n");
  });

  it("keeps a caller's slot alive in the callee if it is read behind the call", () => {
    const { live } = liveness("r0 = 0\ncall pc+2\nr0 = 0\nexit\nr0 = 0\nexit", [0, 4]);
    walk(live, main, [{ at: 2, reads: [0] }]);
    pushFrame(main, 1, 1);
    setCurframe(main, 1);
    live.chainChanged();
    walk(live, main, [{ at: 4 }]);
    live.query(main, 4);
    expect(live.isAlive(0, 0)).toBe(true);
    expect(live.isAlive(0, 1)).toBe(false);
  });
});
