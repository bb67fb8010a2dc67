/** Numbers of the pcap and pcapng formats. Source: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. */

/** The first four bytes of a pcap file as a big-endian number: byte order and timestamp unit. */
export const PCAP_MAGIC: Readonly<Record<number, { readonly little: boolean; readonly nanos: boolean }>> = {
  2712847316: { little: false, nanos: false },
  3569595041: { little: true, nanos: false },
  2712812621: { little: false, nanos: true },
  1295823521: { little: true, nanos: true },
};

/** The block types of pcapng that carry packets or say how to read them. */
export const BLOCK = {
  SECTION: 0x0a0d0d0a,
  INTERFACE: 1,
  PACKET: 2,
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
} as const;

/** The byte-order magic of a section header block. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** The option of an interface block that gives the unit of its timestamps. */
export const OPTION_TSRESOL = 9;

/** The longest packet that a capture may hold; longer lengths are taken for damage (libpcap's own limit). */
export const MAX_SNAPLEN = 262_144;
/** The longest pcapng block that is not a packet (comments, name resolution, secrets). */
export const MAX_BLOCK = 64 * 1024 * 1024;

/** LINKTYPE_ETHERNET, the only one whose frames a BPF program can be given as they are. */
export const LINKTYPE_ETHERNET = 1;

/** Names for messages about link types that can't be run. */
export const LINKTYPE_NAMES: Readonly<Record<number, string>> = {
  0: "NULL",
  1: "ETHERNET",
  101: "RAW",
  105: "IEEE802_11",
  113: "LINUX_SLL",
  127: "IEEE802_11_RADIOTAP",
  228: "IPV4",
  229: "IPV6",
  276: "LINUX_SLL2",
};
