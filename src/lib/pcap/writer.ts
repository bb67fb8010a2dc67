import { LINKTYPE_ETHERNET, MAX_SNAPLEN } from "./format.ts";

const NANOSECOND_MAGIC = 0xa1b23c4d;

/** The 24 bytes that start a pcap file: little endian, nanoseconds, Ethernet. */
export function pcapHeader(): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, NANOSECOND_MAGIC, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, MAX_SNAPLEN, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  return bytes;
}

/** A packet's record for a file that starts with `pcapHeader`: 16 bytes of header, then the bytes. */
export function pcapRecord(seconds: number, nanoseconds: number, packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + packet.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, seconds, true);
  view.setUint32(4, nanoseconds, true);
  view.setUint32(8, packet.length, true);
  view.setUint32(12, packet.length, true);
  bytes.set(packet, 16);
  return bytes;
}
