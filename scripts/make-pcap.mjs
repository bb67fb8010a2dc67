// Writes a capture of made-up traffic: a mix of TCP, UDP, ICMP, IPv6, VLAN-tagged and ARP frames between a few hundred
// hosts, with right checksums. The same seed gives the same bytes.
//
//   node scripts/make-pcap.mjs OUT.pcap [packets=1000] [seed=1]
import { closeSync, openSync, writeSync } from "node:fs";

const [out, countText = "1000", seedText = "1"] = process.argv.slice(2);
if (out === undefined) {
  console.error("usage: node scripts/make-pcap.mjs OUT.pcap [packets] [seed]");
  process.exit(2);
}
const count = Number(countText);
let state = Number(seedText) >>> 0 || 1;

/** A whole number below n (xorshift32). */
function random(n) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
}

const CHUNK = 1 << 20;
const buffer = Buffer.alloc(CHUNK + 4096);
let used = 0;
const fd = openSync(out, "w");

function flush() {
  writeSync(fd, buffer, 0, used);
  used = 0;
}

/** The Internet checksum of some bytes, added to a sum so far. */
function sum16(bytes, from, to, sum = 0) {
  for (let i = from; i < to; i += 2) sum += (bytes[i] << 8) | (i + 1 < to ? bytes[i + 1] : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

const frame = Buffer.alloc(1600);
const TCP_PORTS = [80, 443, 22, 25, 8080, 23];
const UDP_PORTS = [53, 123, 443, 4789, 514];

function ethernet(type) {
  frame.writeUIntBE(0x0200_0000_0001, 0, 6);
  frame.writeUIntBE(0x0200_0000_0100 + random(200), 6, 6);
  if (random(20) === 0) {
    frame.writeUInt16BE(0x8100, 12);
    frame.writeUInt16BE(1 + random(4), 14);
    frame.writeUInt16BE(type, 16);
    return 18;
  }
  frame.writeUInt16BE(type, 12);
  return 14;
}

/** Writes a transport header and payload at `at`; gives its length. `pseudo` is the pseudo header's sum. */
function transport(at, protocol, pseudo) {
  const payload = random(3) === 0 ? random(1200) : random(64);
  const header = protocol === 6 ? 20 : 8;
  const length = header + payload;
  frame.fill(0, at, at + header);
  for (let i = 0; i < payload; i++) frame[at + header + i] = (i * 7 + payload) & 0xff;
  if (protocol === 6 || protocol === 17) {
    frame.writeUInt16BE(1024 + random(60000), at);
    const ports = protocol === 6 ? TCP_PORTS : UDP_PORTS;
    frame.writeUInt16BE(ports[random(ports.length)], at + 2);
  }
  let checksumAt = 2;
  if (protocol === 6) {
    frame.writeUInt32BE((random(65536) << 15) >>> 0, at + 4);
    frame[at + 12] = 0x50;
    frame[at + 13] = random(8) === 0 ? 0x02 : 0x10;
    frame.writeUInt16BE(0x2000, at + 14);
    checksumAt = 16;
  } else if (protocol === 17) {
    frame.writeUInt16BE(length, at + 4);
    checksumAt = 6;
  } else frame[at] = protocol === 1 ? 8 : 128;
  const start = protocol === 1 ? 0 : pseudo + protocol + length;
  const sum = ~sum16(frame, at, at + length, start) & 0xffff;
  frame.writeUInt16BE(protocol === 17 && sum === 0 ? 0xffff : sum, at + checksumAt);
  return length;
}

/** Writes a frame; gives its length. */
function makeFrame() {
  const kind = random(100);
  if (kind < 2) {
    const at = ethernet(0x0806);
    frame.fill(0, at, at + 28);
    frame.writeUInt32BE(0x0001_0800, at);
    frame.writeUInt32BE(0x0604_0001, at + 4);
    return at + 28;
  }
  if (kind < 12) {
    const at = ethernet(0x86dd);
    frame.fill(0, at, at + 40);
    frame[at] = 0x60;
    const protocol = [6, 17, 58][random(3)];
    frame[at + 6] = protocol;
    frame[at + 7] = 64;
    frame.writeUInt32BE(0x2001_0db8, at + 8);
    frame.writeUInt32BE(1 + random(100), at + 20);
    frame.writeUInt32BE(0x2001_0db8, at + 24);
    frame.writeUInt32BE(1000 + random(20), at + 36);
    const length = transport(at + 40, protocol, sum16(frame, at + 8, at + 40));
    frame.writeUInt16BE(length, at + 4);
    return at + 40 + length;
  }
  const at = ethernet(0x0800);
  frame.fill(0, at, at + 20);
  const protocol = kind < 60 ? 6 : kind < 94 ? 17 : 1;
  frame[at] = 0x45;
  frame[at + 8] = random(50) === 0 ? 1 : 64;
  frame[at + 9] = protocol;
  if (random(100) === 0) frame.writeUInt16BE(0x2000, at + 6);
  frame.writeUInt16BE(random(65536), at + 4);
  frame.writeUInt32BE((0x0a00_0000 + (random(4) << 16) + random(200)) >>> 0, at + 12);
  frame.writeUInt32BE((0xc0a8_0100 + random(50)) >>> 0, at + 16);
  const length = transport(at + 20, protocol, sum16(frame, at + 12, at + 20));
  frame.writeUInt16BE(20 + length, at + 2);
  frame.writeUInt16BE(~sum16(frame, at, at + 20) & 0xffff, at + 10);
  return at + 20 + length;
}

buffer.writeUInt32LE(0xa1b23c4d, 0);
buffer.writeUInt16LE(2, 4);
buffer.writeUInt16LE(4, 6);
buffer.writeUInt32LE(262144, 16);
buffer.writeUInt32LE(1, 20);
used = 24;
for (let i = 0; i < count; i++) {
  const length = Math.max(makeFrame(), 60);
  const micros = i * 13;
  buffer.writeUInt32LE(1_700_000_000 + Math.floor(micros / 1e6), used);
  buffer.writeUInt32LE((micros % 1e6) * 1000, used + 4);
  buffer.writeUInt32LE(length, used + 8);
  buffer.writeUInt32LE(length, used + 12);
  frame.copy(buffer, used + 16, 0, length);
  used += 16 + length;
  frame.fill(0, 0, 64);
  if (used >= CHUNK) flush();
}
flush();
closeSync(fd);
