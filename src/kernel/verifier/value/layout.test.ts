import { expect, test } from "vitest";
import {
  FRAME,
  FRAME_SIZE,
  MAX_REGS,
  REF,
  REF_SIZE,
  REG,
  REG_SIZE,
  SLOT_SIZE,
  STATE,
  STATE_SIZE,
} from "../state/layout.ts";
import { valueUnit } from "./unit.ts";

test("the compiled unit and the accessors agree on where fields lie", () => {
  const expected = [
    REG_SIZE,
    REG.varValue,
    REG.umin,
    REG.u32max,
    REG.id,
    REG.precise,
    FRAME_SIZE - MAX_REGS * REG_SIZE,
    FRAME.slots,
    STATE_SIZE,
    STATE.curframe,
    STATE.activeIrqId,
    STATE.refCount,
    REF_SIZE,
    SLOT_SIZE,
    FRAME.callbackDepth,
    REF.ptr,
  ];
  expect(expected.map((_, i) => valueUnit().layoutProbe(i))).toEqual(expected);
});
