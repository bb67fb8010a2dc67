import { oneOf, type Pick, randomHex } from "./random.ts";
import type { Arg, Script } from "./script.ts";

/** Packets of the usual kinds, hex. */
function packet(pick: Pick): string {
  const macs = oneOf(pick, ["00".repeat(12), randomHex(pick, 12)]);
  const tos = oneOf(pick, ["00", "01", "02", "03", "fd"]);
  const v4 = `45${tos}0028000040004006${randomHex(pick, 2)}0a0000010a000002${randomHex(pick, 20)}`;
  const v6 =
    `6${oneOf(pick, ["00", "01", "02", "03"])}00000001406${randomHex(pick, 33)}`.padEnd(80, "0") +
    randomHex(pick, 20);
  const kind = oneOf(pick, ["v4", "v4", "v6", "vlan", "qinq", "arp", "8023", "zero", "ones"]);
  const tail = randomHex(pick, oneOf(pick, [0, 0, 1, 7, 100]));
  switch (kind) {
    case "v4":
      return `${macs}0800${v4}${tail}`;
    case "v6":
      return `${macs}86dd${v6}${tail}`;
    case "vlan":
      return `${macs}8100${randomHex(pick, 2)}0800${v4}${tail}`;
    case "qinq":
      return `${macs}88a8${randomHex(pick, 2)}8100${randomHex(pick, 2)}86dd${v6}${tail}`;
    case "arp":
      return `${macs}0806${randomHex(pick, 28)}${tail}`;
    case "8023":
      return `${macs}0026${oneOf(pick, ["ffff", "4242"])}${randomHex(pick, 30)}${tail}`;
    case "zero":
      return `${macs}0800${"00".repeat(40)}`;
    default:
      return `${"00".repeat(12)}0800${"ff".repeat(40)}`;
  }
}

/** A packet that does not fit into one page: XDP gets it in fragments. */
function jumbo(pick: Pick): string {
  const size = oneOf(pick, [3521, 3600, 4096, 5000, 7616, 7617, 9000]);
  return randomHex(pick, 60).padEnd(size * 2, randomHex(pick, 7));
}

type Make = (pick: Pick) => readonly Arg[];

const offset: (pick: Pick) => number = (pick) =>
  oneOf(pick, [
    0,
    1,
    12,
    14,
    24,
    26,
    30,
    36,
    40,
    50,
    54,
    100,
    0xffff,
    0x10000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    pick(80),
    pick(80),
  ]);
const length = (pick: Pick) => oneOf(pick, [1, 2, 4, 8, 16, 40, 1 + pick(64)]);
const word = (pick: Pick) =>
  oneOf(pick, [
    0n,
    1n,
    0xffffn,
    0x10000n,
    0xffffffffn,
    0x1_0000_0000n,
    BigInt(pick(0xffffffff)),
    BigInt(pick(0x10000)),
  ]);
const flags = (pick: Pick, known: number) =>
  oneOf(pick, [
    0,
    0,
    pick(known + 1) & known,
    pick(known + 1) & known,
    known + 1,
    0x8000_0000,
    0x1_0000_0000,
  ]);
/** Bytes that are often special to sums. */
const summed = (pick: Pick, bytes: number) =>
  oneOf(pick, ["00".repeat(bytes), "ff".repeat(bytes), randomHex(pick, bytes), randomHex(pick, bytes)]);

/** Random arguments of the helpers that a packet's programs may call, by helper and the types that have it. */
const SKB_ARGS: Readonly<Record<string, Make>> = {
  skb_load_bytes: (p) => {
    const n = length(p);
    return ["ctx", offset(p), { out: n }, n];
  },
  skb_load_bytes_relative: (p) => {
    const n = length(p);
    return ["ctx", offset(p), { out: n }, n, oneOf(p, [0, 0, 1, 1, 2, 0x80000000])];
  },
};

const TC_ARGS: Readonly<Record<string, Make>> = {
  ...SKB_ARGS,
  skb_store_bytes: (p) => {
    const n = length(p);
    return ["ctx", offset(p), { bytes: randomHex(p, n) }, n, flags(p, 3)];
  },
  skb_pull_data: (p) => ["ctx", oneOf(p, [0, 14, 54, p(200), 4000, 0xffffffff])],
  l3_csum_replace: (p) => [
    "ctx",
    oneOf(p, [24, 24, offset(p)]),
    word(p),
    word(p),
    oneOf(p, [0, 2, 2, 4, 4, 1, 8, 0x10]),
  ],
  l4_csum_replace: (p) => [
    "ctx",
    oneOf(p, [50, 50, offset(p)]),
    oneOf(p, [0n, word(p)]),
    word(p),
    oneOf(p, [0, 2, 4, 2, 4, 1, 8]) | oneOf(p, [0, 0x10, 0x20, 0x60, 0x80, 0x90, 0x40, 0x100]),
  ],
  csum_diff: csumDiff,
  csum_update: (p) => ["ctx", word(p)],
  csum_level: (p) => ["ctx", oneOf(p, [0, 1, 2, 3, 4, 0xffffffff])],
  set_hash: (p) => ["ctx", word(p)],
  set_hash_invalid: () => ["ctx"],
  skb_vlan_push: (p) => [
    "ctx",
    oneOf(p, [0x0081, 0xa888, 0, 0x0008, 0x10081]),
    oneOf(p, [1, 0xabc, 0x1fff, 0xffff, 0x10001, p(65536)]),
  ],
  skb_vlan_pop: () => ["ctx"],
  skb_change_proto: (p) => [
    "ctx",
    oneOf(p, [0x0008, 0xdd86, 0xdd86, 0x0608, 0x1dd86]),
    oneOf(p, [0, 0, 0, 1]),
  ],
  skb_change_type: (p) => ["ctx", oneOf(p, [0, 1, 2, 3, 4, 5, 0xffffffff])],
  skb_change_tail: (p) => [
    "ctx",
    oneOf(p, [
      0,
      1,
      13,
      14,
      15,
      33,
      34,
      54,
      p(200),
      1000,
      4000,
      65536,
      65549,
      65550,
      65551,
      70000,
      0xffffffff,
    ]),
    oneOf(p, [0, 0, 0, 0, 1]),
  ],
  skb_change_head: (p) => [
    "ctx",
    oneOf(p, [0, 1, 4, 14, 64, p(200), 1000, 4000, 65000, 70000, 0x7fffffff, 0x80000000, 0xffffffff]),
    oneOf(p, [0, 0, 0, 1]),
  ],
  skb_adjust_room: (p) => [
    "ctx",
    oneOf(p, [0, 4, 8, 20, 28, 40, 50, -4, -8, -20, -40, 0xfff, 0x1000, -0xfff, -0x1000, p(100), -p(60)]),
    oneOf(p, [0, 1, 1, 2]),
    oneOf(p, [
      0n,
      0n,
      1n,
      2n,
      4n,
      6n,
      8n,
      10n,
      12n,
      18n,
      20n,
      26n,
      32n,
      64n,
      66n,
      128n,
      256n,
      384n,
      129n,
      512n,
      (14n << 56n) | 66n,
      (14n << 56n) | 70n,
      (4n << 56n) | 10n,
      (13n << 56n) | 66n,
      1n << 63n,
      1n << 40n,
    ]),
  ],
  skb_ecn_set_ce: () => ["ctx"],
  skb_set_tunnel_key: (p) => {
    const n = oneOf(p, [44, 44, 44, 28, 24, 22, 8, 4, 45, 20]);
    const key =
      randomHex(p, 22) +
      oneOf(p, ["0000", "0000", "0000", "0001"]) +
      oneOf(p, ["00000000", "78563412"]) +
      randomHex(p, 17);
    return ["ctx", { bytes: key.slice(0, n * 2) }, n, oneOf(p, [0, 0, 1, 1, 2, 4, 8, 16, 31, 32])];
  },
  skb_set_tunnel_opt: (p) => {
    const n = oneOf(p, [4, 8, 8, 16, 64, 5, 1]);
    return ["ctx", { bytes: randomHex(p, n) }, n];
  },
  skb_get_tunnel_opt: (p) => {
    const n = oneOf(p, [4, 8, 16, 64, 3]);
    return ["ctx", { out: n }, n];
  },
  skb_get_tunnel_key: (p) => {
    const n = oneOf(p, [44, 44, 28, 24, 22, 8, 20, 4]);
    return ["ctx", { out: n }, n, oneOf(p, [0, 0, 1, 16, 17, 2])];
  },
  redirect: (p) => [oneOf(p, [0, 1, 1000]), oneOf(p, [0, 0, 1, 2, 0x1_0000_0000])],
  redirect_peer: (p) => [oneOf(p, [0, 1, 1000]), oneOf(p, [0, 0, 1])],
  redirect_neigh: (p) => [
    oneOf(p, [0, 1, 1000]),
    { bytes: "00".repeat(24) },
    oneOf(p, [1, 19, 20, 24]),
    oneOf(p, [0, 0, 1]),
  ],
  clone_redirect: (p) => ["ctx", 1000, oneOf(p, [0, 1, 2])],
  check_mtu: (p) => [
    "ctx",
    oneOf(p, [0, 1, 1000]),
    { bytes: oneOf(p, ["00000000", "00000000", "34120000", "ffff0000", "00000100", "01000100"]) },
    oneOf(p, [0, 0, 1, -1, 65000, 70000, -70000]),
    oneOf(p, [0, 0, 0, 1, 2]),
  ],
  fib_lookup: fibLookup,
  get_route_realm: () => ["ctx"],
  get_cgroup_classid: () => ["ctx"],
  skb_cgroup_classid: () => ["ctx"],
  get_socket_uid: () => ["ctx"],
  skb_cgroup_id: () => ["ctx"],
  skb_ancestor_cgroup_id: (p) => ["ctx", oneOf(p, [0, 1, -1])],
  skb_set_tstamp: (p) => ["ctx", oneOf(p, [0, 5, 1000000]), oneOf(p, [0, 1, 2, 3, 0x80000000])],
};

const XDP_ARGS: Readonly<Record<string, Make>> = {
  xdp_adjust_head: (p) => [
    "ctx",
    oneOf(p, [0, 1, 14, -14, -200, -216, -217, -256, p(100), -p(100), 0x7fffffff, -0x80000000]),
  ],
  xdp_adjust_tail: (p) => [
    "ctx",
    oneOf(p, [
      0,
      1,
      14,
      -14,
      -40,
      -41,
      100,
      3000,
      3400,
      3500,
      4000,
      p(100),
      -p(100),
      0x7fffffff,
      -0x80000000,
    ]),
  ],
  xdp_adjust_meta: (p) => ["ctx", oneOf(p, [0, -4, -8, -32, -252, -216, -212, -256, 4, -1, -6, 8])],
  fib_lookup: fibLookup,
  xdp_get_buff_len: () => ["ctx"],
  xdp_load_bytes: (p) => {
    const n = length(p);
    return ["ctx", offset(p), { out: n }, n];
  },
  xdp_store_bytes: (p) => {
    const n = length(p);
    return ["ctx", offset(p), { bytes: randomHex(p, n) }, n];
  },
  csum_diff: csumDiff,
  redirect: (p) => [oneOf(p, [0, 1, 1000]), oneOf(p, [0, 0, 1, 2])],
  check_mtu: (p) => [
    "ctx",
    oneOf(p, [0, 1, 1000]),
    { bytes: oneOf(p, ["00000000", "00000000", "34120000", "ffff0000", "00000100", "01000100"]) },
    oneOf(p, [0, 0, 1, -1, 65000, 70000, -70000]),
    oneOf(p, [0, 0, 0, 1, 2]),
  ],
};

function fibLookup(p: Pick): readonly Arg[] {
  const ifindex = oneOf(p, ["01000000", "01000000", "00000000", "e8030000"]);
  const params = `${oneOf(p, ["02", "0a", "00", "03"])}${"00".repeat(7)}${ifindex}${randomHex(p, 52)}`;
  const size = oneOf(p, [64, 64, 64, 63, 1]);
  return ["ctx", { bytes: params }, size, oneOf(p, [0, 0, 1, 2, 4, 8, 16, 32, 63, 64, 0x80000000])];
}

const TEXT_ARGS: Readonly<Record<string, Make>> = {
  strtol: (p) => number(p),
  strtoul: (p) => number(p),
};

function csumDiff(p: Pick): readonly Arg[] {
  const from = oneOf(p, [0, 4, 8, 20, 64, 128, 3, 6]);
  const to = oneOf(p, [0, 4, 8, 20, 64, 128, 5]);
  return [
    from === 0 ? 0 : { bytes: summed(p, from) },
    from,
    to === 0 ? 0 : { bytes: summed(p, to) },
    to,
    oneOf(p, [0n, 0xffffn, 0xffffffffn, 0x10000n, BigInt(p(0xffffffff))]),
  ];
}

function ascii(text: string): string {
  return Array.from(text, (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

const NUMBERS =
  "0 7 -7 +7 - 00 007 08 0x 0xg 0x1f 0X1F -0x1f x1f 1f ff 12abc -  18446744073709551615 18446744073709551616 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 0xffffffffffffffff 0x10000000000000000 0777 -0 --1 1-1 99999999999999999999999".split(
    " ",
  );

function number(p: Pick): readonly Arg[] {
  const text = `${oneOf(p, ["", "", " ", "\t\n ", "\0"])}${oneOf(p, NUMBERS)}${oneOf(p, ["\0", "", " 5", "x", "0".repeat(50)])}`;
  const bytes = ascii(text === "" ? " " : text);
  return [
    { bytes },
    bytes.length / 2,
    oneOf(p, [0, 0, 8, 10, 10, 16, 16, 2, 36, 32, 0x1_0000_0000]),
    { out: 8 },
  ];
}

/** A random script of one to three calls; with `first`, the first is of that helper. */
export function randomScript(pick: Pick, type: Script["type"], first?: string): Script {
  const table = { socket_filter: SKB_ARGS, sched_cls: TC_ARGS, xdp: XDP_ARGS }[type];
  const all = { ...table, ...TEXT_ARGS };
  const names = Object.keys(table);
  const helpers = [first ?? oneOf(pick, names)];
  for (let more = pick(3); more > 0; more--) helpers.push(oneOf(pick, names));
  const calls = helpers.map((helper) => ({ helper, args: all[helper]?.(pick) ?? [] }));
  return {
    name: helpers.join(" "),
    type,
    packet: type === "xdp" && pick(4) === 0 ? jumbo(pick) : packet(pick),
    calls,
  };
}

/** The helpers that randomScript knows for a type. */
export function knownHelpers(type: Script["type"]): string[] {
  const table = { socket_filter: SKB_ARGS, sched_cls: TC_ARGS, xdp: XDP_ARGS }[type];
  return [...Object.keys(table), ...Object.keys(TEXT_ARGS)];
}
