import { expect, test } from "vitest";
import { ATTACH_TYPE } from "../uapi/attach_type.ts";
import { PROG_TYPE } from "../uapi/prog_type.ts";
import { legacySectionDef, sectionDef } from "./section.ts";

test.each([
  ["xdp", "XDP", "XDP"],
  ["xdp.frags", "XDP", "XDP"],
  ["xdp/devmap", "XDP", "XDP_DEVMAP"],
  ["tc", "SCHED_CLS", undefined],
  ["classifier", "SCHED_CLS", undefined],
  ["action", "SCHED_ACT", undefined],
  ["tcx/ingress", "SCHED_CLS", "TCX_INGRESS"],
  ["tc/egress", "SCHED_CLS", "TCX_EGRESS"],
  ["socket", "SOCKET_FILTER", undefined],
  ["cgroup_skb/ingress", "CGROUP_SKB", "CGROUP_INET_INGRESS"],
  ["cgroup/skb", "CGROUP_SKB", undefined],
  ["kprobe/do_sys_open", "KPROBE", undefined],
  ["kprobe", "KPROBE", undefined],
  ["tracepoint/syscalls/sys_enter_write", "TRACEPOINT", undefined],
  ["raw_tp/sched_switch", "RAW_TRACEPOINT", undefined],
  ["fentry/tcp_connect", "TRACING", "TRACE_FENTRY"],
  ["?fexit.s/x", "TRACING", "TRACE_FEXIT"],
  ["lsm/file_open", "LSM", "LSM_MAC"],
] as const)("SEC(%j) is %s, attach type %s", (name, type, attach) => {
  expect(sectionDef(name)).toMatchObject({
    type: PROG_TYPE[type],
    attachType: attach === undefined ? 0 : ATTACH_TYPE[attach],
  });
});

test("traits come with the name", () => {
  expect(sectionDef("xdp.frags/cpumap")).toMatchObject({ xdpFrags: true, sleepable: false });
  expect(sectionDef("fentry.s/x")).toMatchObject({ sleepable: true, attachBtf: true });
  expect(sectionDef("syscall")).toMatchObject({ sleepable: true });
});

test("names must be whole, as since libbpf 1.0; older loaders took beginnings", () => {
  for (const name of ["xdp_prog", "socket1", "kprobex", "tcx", "", "license"])
    expect(sectionDef(name)).toBeUndefined();
  expect(legacySectionDef("xdp_prog")?.type).toBe(PROG_TYPE.XDP);
  expect(legacySectionDef("socket1")?.type).toBe(PROG_TYPE.SOCKET_FILTER);
  expect(legacySectionDef("xdp/devmap/x")?.attachType).toBe(ATTACH_TYPE.XDP_DEVMAP);
  expect(legacySectionDef("tail-1")).toBeUndefined();
});
