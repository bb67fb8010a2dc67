import { MAX_FRAMES } from "../mem/layout.ts";
import { EACH_CURSOR_BYTES, type ExecHelper } from "../prog/program.ts";
import { DONE, type Frame, type Machine, type Op, setW } from "./machine.ts";

/** Index in `Machine.r` of R6, and of the half after R10. */
const SAVED_FROM = 12;
const SAVED_TO = 22;
/** Index in `Machine.r` of R10. */
const R10 = 20;

/** Keeps R6 to R10, and gives the callee the stack below the caller's `stackBytes`. */
function enterFrame(m: Machine, returnTo: number, stackBytes: number): void {
  let frame = m.frames[m.depth];
  if (frame === undefined) {
    frame = { returnTo: DONE, saved: new Int32Array(SAVED_TO - SAVED_FROM) } satisfies Frame;
    m.frames.push(frame);
  }
  frame.returnTo = returnTo;
  for (let i = SAVED_FROM; i < SAVED_TO; i++) frame.saved[i - SAVED_FROM] = m.r[i] as number;
  m.depth++;
  m.loops[m.depth] = 0;
  m.r[R10] = (m.r[R10] as number) - stackBytes;
}

/** Goes back to the caller, or ends the program. R0 is the frame's result. */
export function leaveFrame(m: Machine): void {
  if (m.depth === 0) {
    m.pc = DONE;
    return;
  }
  m.depth--;
  const frame = m.frames[m.depth] as Frame;
  for (let i = SAVED_FROM; i < SAVED_TO; i++) m.r[i] = frame.saved[i - SAVED_FROM] as number;
  m.pc = frame.returnTo;
}

/** A call of a subprogram: `off` is its first instruction, `extra` the stack bytes of the calling frame. */
export const callSubprog: Op = (m, { off, extra }) => {
  // Verified programs stay below this; without it a wrong one would run through the CPU's block.
  if (m.depth + 1 >= MAX_FRAMES) throw new RangeError(`more than ${MAX_FRAMES} frames`);
  enterFrame(m, m.pc, extra as number);
  m.pc = off;
};

/** A call of a helper outside of the executor. R1 to R5 keep what they had: no verified program reads them. */
export const callHelper: Op = (m, { extra }) => {
  const { nargs, call } = extra as ExecHelper;
  const apply = APPLY[nargs] as Apply;
  m.s64[0] = apply(call, m.s64 as unknown as readonly bigint[] as Args);
  m.view = m.mem.view;
};

/** R0 to R5, of which R1 and up are arguments. */
type Args = readonly [bigint, bigint, bigint, bigint, bigint, bigint];
type Apply = (call: ExecHelper["call"], r: Args) => bigint;

const APPLY: readonly Apply[] = [
  (call) => call(),
  (call, r) => call(r[1]),
  (call, r) => call(r[1], r[2]),
  (call, r) => call(r[1], r[2], r[3]),
  (call, r) => call(r[1], r[2], r[3], r[4]),
  (call, r) => call(r[1], r[2], r[3], r[4], r[5]),
];

const E2BIG = 7n;
const EINVAL = 22n;
const MAX_LOOPS = 8 * 1024 * 1024;

/**
 * `bpf_loop(R1 turns, R2 callback, R3 its context, R4 flags)`: calls `callback(turn, context)` until it gives other
 * than 0; R0 is the turns taken, -E2BIG for more than 8 Mi, -EINVAL for any flags. `extra` is the calling frame's
 * stack bytes.
 */
export const loop: Op = (m, { extra }) => {
  const turns = (m.r[2] as number) >>> 0;
  const start = m.r[4] as number;
  const context = m.s64[3] as bigint;
  if (m.s64[4] !== 0n) {
    m.s64[0] = -EINVAL;
    return;
  }
  if (turns > MAX_LOOPS) {
    m.s64[0] = -E2BIG;
    return;
  }
  const returnTo = m.pc;
  let taken = 0;
  while (taken < turns) {
    setW(m, 2, taken);
    m.s64[2] = context;
    enterFrame(m, DONE, extra as number);
    m.callback(m, start);
    taken++;
    if (m.s64[0] !== 0n) break;
  }
  setW(m, 0, taken);
  m.pc = returnTo;
};

/**
 * `bpf_for_each_map_elem(R1 map, R2 callback, R3 its context, R4 flags)`: calls `callback(map, key, value, context)`
 * for each element until it gives other than 0; R0 is the elements given, -EINVAL for any flags. `extra` is the
 * calling frame's stack bytes and the cursor's, which lies right above the callback's frame.
 */
export const forEachMapElem: Op = (m, { extra }) => {
  if (m.s64[4] !== 0n) {
    m.s64[0] = -EINVAL;
    return;
  }
  const map = m.s64[1] as bigint;
  const start = m.r[4] as number;
  const context = m.s64[3] as bigint;
  const cursor = ((m.r[R10] as number) - (extra as number)) >>> 0;
  const returnTo = m.pc;
  m.mem.u8.fill(0, cursor, cursor + EACH_CURSOR_BYTES);
  let given = 0;
  while (m.env.mapEachNext(map, BigInt(cursor)) !== 0n) {
    m.s64[1] = map;
    setW(m, 4, m.view.getUint32(cursor, true));
    setW(m, 6, m.view.getUint32(cursor + 4, true));
    m.s64[4] = context;
    enterFrame(m, DONE, extra as number);
    m.callback(m, start);
    given++;
    if (m.s64[0] !== 0n) break;
  }
  setW(m, 0, given);
  m.pc = returnTo;
};

/** What a packet read leads to: the value, or the end of the running frame with 0. `ctx` is in R6. */
function loadPacket(m: Machine, offset: number, bytes: number): void {
  const value = m.env.ldAbs(m.s64[6] as bigint, offset | 0, bytes);
  m.view = m.mem.view;
  if (value < 0n) {
    m.s64[0] = 0n;
    leaveFrame(m);
  } else {
    m.s64[0] = value;
  }
}

/** LD_ABS: `imm` is the offset, `extra` the bytes. */
export const loadAbs: Op = (m, { imm, extra }) => loadPacket(m, imm, extra as number);

/** LD_IND: the offset is the low half of the source register plus `imm`. */
export const loadInd: Op = (m, { s, imm, extra }) => loadPacket(m, (m.r[s] as number) + imm, extra as number);
