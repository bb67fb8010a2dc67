import { beforeAll, describe, expect, it } from "vitest";
import { type Bench, bench } from "../../../test/helpers/ask.ts";
import { hexBytes, toHex } from "../../../test/helpers/script.ts";
import { linkForTest } from "../../../test/support/executor.ts";
import { assemble } from "../../isa/asm.ts";
import { PROG_TYPE } from "../../uapi/prog_type.ts";
import { type BatchOptions, type BatchResult, batchRunner, type PacketBatch } from "./batch.ts";

const IPV4 = `${"00".repeat(12)}0800450000280000400040060000${"0a".repeat(8)}${"11".repeat(20)}`;

/** Packets, one after the other with some bytes between. */
function batchOf(packets: readonly string[]): PacketBatch {
  const bytes = new Uint8Array(packets.reduce((n, p) => n + p.length / 2 + 3, 0));
  const offsets = new Uint32Array(packets.length + 5);
  const lengths = new Uint32Array(packets.length + 5);
  let at = 0;
  packets.forEach((packet, i) => {
    bytes.set(hexBytes(packet), at);
    offsets[i] = at;
    lengths[i] = packet.length / 2;
    at += packet.length / 2 + 3;
  });
  return { bytes, offsets, lengths, count: packets.length };
}

/** The packets of a result, hex. */
function packets({ packets: bytes, offsets, lengths }: BatchResult): string[] {
  return Array.from(offsets, (at, i) => toHex(bytes.subarray(at, at + (lengths[i] ?? 0))));
}

describe("batchRunner", () => {
  let us: Bench;
  beforeAll(async () => {
    us = await bench();
  });

  const load = (progType: number, text: string): BatchOptions => ({
    progType,
    entry: us.load(progType, linkForTest(assemble(text))).entry,
  });

  it("runs an XDP program over each packet and gives back what became of it", () => {
    const used = us.dataplane.exports.alloc_blocks();
    const text = `
      r6 = r1
      r2 = -4
      call bpf_xdp_adjust_head#44
      r2 = *(u32 *)(r6 +0)
      r3 = 0x7856
      *(u16 *)(r2 +0) = r3
      r0 = *(u32 *)(r6 +4)
      r0 -= r2
      exit`;
    const runner = batchRunner(us.dataplane, { ...load(PROG_TYPE.XDP, text), wantPackets: true });
    const given = ["00".repeat(14), IPV4, "ab".repeat(1500), "00".repeat(13), ""];
    const result = runner.run(batchOf(given));
    expect([...result.retvals]).toEqual([18, 58, 1504, 0, 0]);
    expect([...result.status]).toEqual([0, 0, 0, 1, 1]);
    const out = packets(result);
    expect(out.map((p) => p.length / 2)).toEqual([18, 58, 1504, 0, 0]);
    expect(out[1]?.slice(0, 4)).toBe("5678");
    expect(out[1]?.slice(8)).toBe(IPV4);
    expect(out[2]?.slice(8)).toBe(given[2]);
    runner.free();
    expect(us.dataplane.exports.alloc_blocks()).toBe(used);
  });

  it("shows socket filters the packet behind its MAC header, and gives back all of it", () => {
    const runner = batchRunner(us.dataplane, {
      ...load(
        PROG_TYPE.SOCKET_FILTER,
        "r6 = r1\nr0 = *(u8 *)skb[0]\nr1 = *(u32 *)(r6 +0)\nr0 <<= 16\nr0 |= r1\nexit",
      ),
      wantPackets: true,
    });
    // The second is an IPv4 packet whose header is cut, which BPF_PROG_TEST_RUN refuses; captures have such.
    const result = runner.run(batchOf([IPV4, IPV4.slice(0, 60)]));
    expect([...result.retvals]).toEqual([(0x45 << 16) | 40, (0x45 << 16) | 16]);
    expect(packets(result)[0]).toBe(IPV4);
    runner.free();
  });

  it("puts a VLAN tag that lies beside the packet back into it", () => {
    const push = "r2 = 0x0081\nr3 = 0x0123\ncall bpf_skb_vlan_push#18\nexit";
    const runner = batchRunner(us.dataplane, { ...load(PROG_TYPE.SCHED_CLS, push), wantPackets: true });
    const result = runner.run(batchOf([IPV4, IPV4]));
    expect(packets(result)[1]).toBe(`${IPV4.slice(0, 24)}81000123${IPV4.slice(24)}`);
    runner.free();
  });

  it("tells tc programs the length on the wire", () => {
    const runner = batchRunner(us.dataplane, load(PROG_TYPE.SCHED_CLS, "r0 = *(u32 *)(r1 +160)\nexit"));
    const batch = { ...batchOf([IPV4, IPV4]), wireLengths: Uint32Array.of(1500, 10) };
    expect([...runner.run(batch).retvals]).toEqual([1500, 54]);
    runner.free();
  });

  it("starts each packet anew, and runs it as often as asked", () => {
    const count = "r0 = *(u32 *)(r1 +52)\nr0 += 1\n*(u32 *)(r1 +52) = r0\nexit";
    const runner = batchRunner(us.dataplane, { ...load(PROG_TYPE.SCHED_CLS, count), repeat: 3 });
    expect([...runner.run(batchOf([IPV4, IPV4, IPV4])).retvals]).toEqual([3, 3, 3]);
    expect(runner.run(batchOf([])).retvals.length).toBe(0);
    runner.free();
  });

  it("has room for all packets, however much they grow", () => {
    const grow = "r2 = 16000\nr3 = 0\ncall bpf_skb_change_tail#38\nexit";
    const runner = batchRunner(us.dataplane, { ...load(PROG_TYPE.SCHED_CLS, grow), wantPackets: true });
    const result = runner.run(batchOf(Array.from({ length: 40 }, () => IPV4)));
    expect(result.lengths.every((n) => n === 16000)).toBe(true);
    const out = packets(result);
    expect(out.every((p) => p.startsWith(IPV4) && /^0+$/.test(p.slice(IPV4.length)))).toBe(true);
    runner.free();
  });

  it("refuses program types that take no packet", () => {
    expect(() => batchRunner(us.dataplane, load(PROG_TYPE.KPROBE, "r0 = 0\nexit"))).toThrow(
      "takes no packets",
    );
  });
});
