// A packet as sched_cls, sched_act and socket_filter programs get it. The context lies at a fixed place in its CPU's
// block, in the layout of `struct __sk_buff`, so that a program's loads are plain loads; behind it, where the verifier
// lets no program look, is what the kernel knows of the packet.
//
//        head                   data            tail              end
//   frame |      headroom        |    packet     |     tailroom    |
//
// The packet is always in one piece. `data` is at the MAC header for the sched types and at the network header for
// socket filters, as BPF_PROG_TEST_RUN has it.

import { cpu_current } from "../mem/cpu.as";

/** ip_summed: how far the packet's checksum is known to be good. */
export const CHECKSUM_NONE: u32 = 0;
export const CHECKSUM_UNNECESSARY: u32 = 1;
export const CHECKSUM_COMPLETE: u32 = 2;

/** EtherTypes as the packet has them: big endian, read as a little-endian number. */
export const ETH_P_IP: u32 = 0x0008;
export const ETH_P_IPV6: u32 = 0xdd86;
export const ETH_P_8021Q: u32 = 0x0081;
export const ETH_P_8021AD: u32 = 0xa888;
const ETH_P_802_3: u32 = 0x0100;
const ETH_P_802_2: u32 = 0x0400;

export const ETH_HLEN: u32 = 14;

/** The headroom of a new packet in Linux (NET_SKB_PAD), and the step in which it grows. */
const HEADROOM: u32 = 64;

@unmanaged
export class Skb {
  // struct __sk_buff
  len: u32;
  pkt_type: u32;
  mark: u32;
  queue_mapping: u32;
  protocol: u32;
  vlan_present: u32;
  vlan_tci: u32;
  vlan_proto: u32;
  priority: u32;
  ingress_ifindex: u32;
  ifindex: u32;
  tc_index: u32;
  cb0: u32;
  cb1: u32;
  cb2: u32;
  cb3: u32;
  cb4: u32;
  hash: u32;
  tc_classid: u32;
  data: u32;
  data_end: u32;
  napi_id: u32;
  family: u32;
  remote_ip4: u32;
  local_ip4: u32;
  remote_ip6_0: u32;
  remote_ip6_1: u32;
  remote_ip6_2: u32;
  remote_ip6_3: u32;
  local_ip6_0: u32;
  local_ip6_1: u32;
  local_ip6_2: u32;
  local_ip6_3: u32;
  remote_port: u32;
  local_port: u32;
  data_meta: u32;
  flow_keys: u64;
  tstamp: u64;
  wire_len: u32;
  gso_segs: u32;
  sk: u64;
  gso_size: u32;
  tstamp_type: u32;
  hwtstamp: u64;
  // the kernel's own
  /** The lowest address that `data` may take. */
  head: u32;
  /** The address behind the last byte that the packet may have. */
  end: u32;
  /** Addresses of the MAC and network header, and of the transport header (0: unknown). */
  mac: u32;
  network: u32;
  transport: u32;
  ipSummed: u32;
  csumLevel: u32;
  /** 1 after an encapsulation by bpf_skb_adjust_room. */
  encapsulation: u32;
  /** 1: bpf_skb_set_tunnel_key filled the tunnel key in the CPU's block; 0 none. */
  tunnel: u32;
  /** MTU of the device. */
  mtu: u32;
  /** Bytes of link-layer header that lie before `data`'s start in the result: 14 for socket filters, else 0. */
  pulled: u32;
  /** Length of the link-layer header as tag helpers left it; 0 until then. */
  macLen: u32;
  /** Where Linux's buffer would start: what is before it has to be asked for (see `skbReserve`). */
  base: u32;
  reserved: u32;
}

/** Where the context of the CPU at `cpu` lies: at the start of its `net` area. */
export const SKB_OFFSET: u32 = 64;

/** The skb of a program's context pointer. */
@inline
export function skbOf(ctx: i64): Skb {
  return changetype<Skb>(<usize>(<u32>ctx));
}

/** The context of the CPU that runs now. */
export function skb_current(): u32 {
  return cpu_current() + SKB_OFFSET;
}

/** What eth_type_trans finds in the 14 or more bytes at `p`: the protocol, big endian. */
export function ethProtocol(p: usize, len: u32): u32 {
  const type = <u32>load<u16>(p, 12);
  if (<u32>bswap<u16>(<u16>type) >= 0x0600) return type;
  // A length: 802.2, but for Novell's raw 802.3, whose payload starts with ffff.
  if (len >= 16 && load<u16>(p, 14) == 0xffff) return ETH_P_802_3;
  return ETH_P_802_2;
}

/** PACKET_HOST 0, BROADCAST 1, MULTICAST 2 or OTHERHOST 3, for a device whose addresses are all zero (lo). */
@inline
function packetType(p: usize): u32 {
  const low = load<u32>(p);
  const high = <u32>load<u16>(p, 4);
  if ((low | high) == 0) return 0;
  if ((low & 1) == 0) return 3;
  // lo's broadcast address is zero too, so ffffffffffff is a group address like others.
  return 2;
}

/**
 * Sets up the context of the running CPU for a frame of `len` bytes (at least 14) that lies at `frame`, with room to
 * move from `head` to `end`. `l2` says that the program sees the MAC header. Fields that user space may give
 * (mark, priority, cb …) are zeroed. Returns the context's address.
 */
export function skb_init(frame: u32, len: u32, head: u32, end: u32, l2: u32): u32 {
  const at = skb_current();
  const skb = changetype<Skb>(<usize>at);
  memory.fill(<usize>at, 0, offsetof<Skb>());
  skb.protocol = ethProtocol(<usize>frame, len);
  skb.pkt_type = packetType(<usize>frame);
  skb.ifindex = 1;
  skb.head = head;
  skb.end = end;
  skb.base = frame - HEADROOM;
  skb.mac = frame;
  skb.network = frame + ETH_HLEN;
  skb.mtu = 65536;
  if (l2) {
    skb.data = frame;
    skb.data_meta = frame;
    skb.len = len;
  } else {
    skb.data = frame + ETH_HLEN;
    skb.data_meta = skb.data;
    skb.len = len - ETH_HLEN;
    skb.pulled = ETH_HLEN;
  }
  skb.data_end = frame + len;
  return at;
}

/** Where the socket of a test run's packet lies in the CPU's block: 80 bytes in the layout of `struct bpf_sock`. */
const SOCK_OFFSET: u32 = 512;
const SOCK_SIZE: u32 = 80;
const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;
const TCP_CLOSE: u32 = 7;

/** Gives the packet at `at` the socket that it has in a test run: an unused one with the packet's addresses. */
export function skb_socket(at: u32): void {
  const skb = changetype<Skb>(<usize>at);
  const sk = <usize>(cpu_current() + SOCK_OFFSET);
  const header = <usize>skb.network;
  memory.fill(sk, 0, <usize>SOCK_SIZE);
  if (skb.protocol == ETH_P_IP) {
    store<u32>(sk, AF_INET, 4);
    store<u32>(sk, load<u32>(header, 12), 24);
    store<u32>(sk, load<u32>(header, 16), 52);
  } else if (skb.protocol == ETH_P_IPV6) {
    store<u32>(sk, AF_INET6, 4);
    memory.copy(sk + 28, header + 8, 16);
    memory.copy(sk + 56, header + 24, 16);
  }
  store<u32>(sk, TCP_CLOSE, 72);
  // No receive queue.
  store<i32>(sk, -1, 76);
  skb.sk = <u64>sk;
}

/** Moves `data` and with it the length; the tail stays. */
@inline
export function skbSetData(skb: Skb, data: u32): void {
  skb.data = data;
  skb.data_meta = data;
  skb.len = skb.data_end - data;
}

/**
 * Makes room for `len` bytes before the packet; false if there is none. There is always more room here than in Linux,
 * which gets a larger buffer when its headroom is used up. That shows in one place: it then moves the place of the
 * transport header, even where none is known, so that a packet can't be cut before there any more.
 */
export function skbReserve(skb: Skb, len: u32): bool {
  if (skb.data - skb.head < len) return false;
  const have = skb.data - skb.base;
  if (have < len) {
    const more = (len - have + HEADROOM - 1) & ~(HEADROOM - 1);
    skb.base -= more;
    // Unknown is 0xffff in 16 bits, counted from the buffer's start.
    if (skb.transport == 0) skb.transport = skb.base + more - 1;
  }
  return true;
}

/** The address of byte `offset` if `length` bytes from there are in the packet, else 0. */
@inline
export function skbRange(skb: Skb, offset: u32, length: u32): u32 {
  if (<u64>offset + <u64>length > <u64>skb.len) return 0;
  return skb.data + offset;
}

/** Forgets the flow hash. */
@inline
export function skbClearHash(skb: Skb): void {
  skb.hash = 0;
}

/** Where a field of `Skb` that is not UAPI lies, for the test that compares with context.ts. */
export function skb_offset(field: i32): u32 {
  switch (field) {
    case 0:
      return <u32>offsetof<Skb>("data");
    case 1:
      return <u32>offsetof<Skb>("hwtstamp");
    case 2:
      return <u32>offsetof<Skb>("head");
    case 3:
      return <u32>offsetof<Skb>("network");
    case 4:
      return <u32>offsetof<Skb>("pulled");
    case 5:
      return <u32>offsetof<Skb>();
  }
  return 0xffffffff;
}
