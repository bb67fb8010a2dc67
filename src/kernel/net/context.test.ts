import { beforeAll, describe, expect, it } from "vitest";
import { createDataplane, type Dataplane } from "../dataplane/dataplane.ts";
import { CPU, CPU_BASE, cpuAddress } from "../mem/layout.ts";
import { SKB, XDP } from "./context.ts";

describe("contexts", () => {
  let dataplane: Dataplane;
  beforeAll(async () => {
    dataplane = await createDataplane({ cpus: 2, imports: { now: () => 0 } });
  });

  it("lie where AssemblyScript has them", () => {
    const places = [SKB.data, SKB.hwtstamp, SKB.head, SKB.network, SKB.pulled, SKB.size + 56];
    expect(places.map((_, i) => dataplane.exports.skb_offset(i))).toEqual(places);
  });

  it("fit into the CPU's block, below the stack, and don't overlap", () => {
    const { exports } = dataplane;
    expect(exports.skb_current()).toBe(CPU_BASE + CPU.net);
    exports.cpu_enter(cpuAddress(1));
    expect(exports.skb_current()).toBe(cpuAddress(1) + CPU.net);
    expect(exports.xdp_current()).toBeGreaterThanOrEqual(exports.skb_current() + exports.skb_offset(5));
    expect(exports.xdp_current() + XDP.size + 24).toBeLessThan(cpuAddress(1) + CPU.stack);
    exports.cpu_enter(cpuAddress(0));
  });

  it("are filled from a frame", () => {
    const { exports, mem } = dataplane;
    const frame = exports.alloc_zeroed(4096) + 256;
    mem.u8.set([0x08, 0x00, 0x45], frame + 12);
    const skb = exports.skb_init(frame, 100, frame - 256, frame + 3840, 1);
    const field = (at: number) => mem.view.getUint32(skb + at, true);
    expect([field(SKB.len), field(SKB.data), field(SKB.dataEnd)]).toEqual([100, frame, frame + 100]);
    expect([field(SKB.protocol), field(SKB.network), field(SKB.pulled)]).toEqual([8, frame + 14, 0]);
    const xdp = exports.xdp_init(frame, 100, 4, frame - 256, frame + 3520, frame, 7);
    const md = (at: number) => mem.view.getUint32(xdp + at, true);
    expect([md(XDP.dataMeta), md(XDP.data), md(XDP.dataEnd)]).toEqual([frame, frame + 4, frame + 100]);
    expect([md(XDP.ingressIfindex), md(XDP.fragsLen)]).toEqual([1, 7]);
    exports.free(frame - 256);
  });
});
