import { describe, expect, it } from "vitest";
import { createLog, LOG_LEVEL1 } from "./log.ts";

describe("log", () => {
  it("can be cut back, into the middle of a text too", () => {
    const log = createLog(LOG_LEVEL1);
    log.line("one");
    const position = log.position;
    log.write("two ");
    log.line("three");
    log.reset(position + 2);
    log.line("!");
    expect(log.text()).toBe("one\ntw!\n");
    log.reset(0);
    expect(log.text()).toBe("");
    expect(log.longest).toBe("one\ntwo three\n".length);
  });

  it("is empty at level 0", () => {
    const log = createLog(0);
    log.line("x");
    expect([log.text(), log.position]).toEqual(["", 0]);
  });

  it("keeps its end, and counts all", () => {
    const log = createLog(LOG_LEVEL1, { size: 100, start: false });
    for (let i = 0; i < 50_000; i++) log.line(`line ${i}`);
    const whole = Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join("");
    expect(log.position).toBe(whole.length);
    expect(log.text().length).toBeLessThan(120);
    expect(log.text().length).toBeGreaterThanOrEqual(100);
    expect(whole.endsWith(log.text())).toBe(true);
    log.reset(10);
    log.line("new");
    expect(log.position).toBe(14);
    expect(log.text()).toBe("new\n");
  });

  it("keeps its start, and counts all", () => {
    const log = createLog(LOG_LEVEL1, { size: 10, start: true });
    for (let i = 0; i < 1000; i++) log.line("12345");
    expect(log.position).toBe(6000);
    expect(log.text()).toBe("12345\n12345\n");
    log.reset(3000);
    expect(log.position).toBe(3000);
    log.reset(8);
    log.line("x");
    expect(log.text()).toBe("12345\n12x\n");
  });
});
