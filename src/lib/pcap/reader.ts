import { PcapError } from "./error.ts";
import { BLOCK, BYTE_ORDER_MAGIC, MAX_BLOCK, MAX_SNAPLEN, OPTION_TSRESOL, PCAP_MAGIC } from "./format.ts";

/** What an interface of the capture says of its packets. */
interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  /** Timestamp units in a second. */
  readonly unitsPerSecond: number;
}

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const BLOCK_OVERHEAD = 12;
const FALLBACK_INTERFACE: Interface = { linkType: 1, snapLength: 0, unitsPerSecond: 1e6 };

/**
 * Reads pcap and pcapng (either byte order, micro- and nanoseconds) from chunks of bytes as they come:
 *
 * ```ts
 * const reader = new PcapReader("traffic.pcap");
 * for await (const chunk of stream) {
 *   reader.push(chunk);
 *   while (reader.next()) use(reader.bytes.subarray(reader.start, reader.end), reader.seconds);
 * }
 * reader.finish();
 * ```
 *
 * The packet's fields are those of the reader itself and hold until the next call, so that a million packets make no
 * objects. Damage throws PcapError.
 */
export class PcapReader {
  /** The buffer that holds the current packet; owned by the reader. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the current packet starts and ends in `bytes`. */
  start = 0;
  end = 0;
  /** The packet's length on the wire, at least `end - start`. */
  wireLength = 0;
  /** When it was captured: seconds and nanoseconds since 1970. */
  seconds = 0;
  nanoseconds = 0;
  /** The LINKTYPE_ of the interface that it came from. */
  linkType = -1;

  readonly #file: string;
  #view = new DataView(this.bytes.buffer);
  /** The next unread byte of `bytes`, and the capture's offset of `bytes[0]`. */
  #at = 0;
  #base = 0;
  #format: "unknown" | "pcap" | "pcapng" = "unknown";
  #little = true;
  #nanos = false;
  #fileLinkType = -1;
  #interfaces: Interface[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** Adds the capture's next bytes. The chunk may be reused by the caller only if it was left over whole. */
  push(chunk: Uint8Array): void {
    const left = this.bytes.length - this.#at;
    this.#base += this.#at;
    if (left === 0) {
      this.bytes = chunk;
    } else {
      const joined = new Uint8Array(left + chunk.length);
      joined.set(this.bytes.subarray(this.#at));
      joined.set(chunk, left);
      this.bytes = joined;
    }
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.#at = 0;
    this.start = 0;
    this.end = 0;
  }

  /** Goes to the next whole packet; false if more bytes are needed. */
  next(): boolean {
    if (this.#format === "unknown" && !this.#readMagic()) return false;
    return this.#format === "pcap" ? this.#nextRecord() : this.#nextBlock();
  }

  /** Says that no more bytes come: PcapError if the capture stops in the middle of something. */
  finish(): void {
    const left = this.bytes.length - this.#at;
    if (this.#format === "unknown") {
      const what =
        this.#base + this.bytes.length === 0 ? "the file is empty" : `the file ends after ${left} bytes`;
      this.#fail(`expected a pcap or pcapng header, but ${what}`);
    }
    if (left > 0)
      this.#fail(
        `expected a whole ${this.#format === "pcap" ? "packet" : "block"}, but the file ends after ${left} more bytes`,
      );
  }

  #fail(message: string, at = this.#at): never {
    throw new PcapError(this.#file, this.#base + at, message);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }

  #has(length: number): boolean {
    return this.bytes.length - this.#at >= length;
  }

  #readMagic(): boolean {
    if (!this.#has(4)) return false;
    const magic = this.#view.getUint32(this.#at, false);
    if (magic === BLOCK.SECTION) {
      this.#format = "pcapng";
      return true;
    }
    const kind = PCAP_MAGIC[magic];
    if (kind === undefined)
      this.#fail(`expected a pcap or pcapng magic number, found 0x${magic.toString(16).padStart(8, "0")}`);
    if (!this.#has(FILE_HEADER)) return false;
    this.#little = kind.little;
    this.#nanos = kind.nanos;
    const major = this.#view.getUint16(this.#at + 4, this.#little);
    if (major !== 2) this.#fail(`expected pcap version 2, found ${major}`, this.#at + 4);
    // The upper bits say whether frames end in a check sequence.
    this.#fileLinkType = this.#u32(this.#at + 20) & 0xffff;
    this.#at += FILE_HEADER;
    this.#format = "pcap";
    return true;
  }

  #nextRecord(): boolean {
    if (!this.#has(RECORD_HEADER)) return false;
    const at = this.#at;
    const captured = this.#u32(at + 8);
    this.#checkLength(captured, at + 8);
    if (!this.#has(RECORD_HEADER + captured)) return false;
    this.seconds = this.#u32(at);
    this.nanoseconds = this.#u32(at + 4) * (this.#nanos ? 1 : 1000);
    this.#setPacket(at + RECORD_HEADER, captured, this.#u32(at + 12), this.#fileLinkType);
    this.#at = this.end;
    return true;
  }

  #checkLength(captured: number, at: number): void {
    if (captured > MAX_SNAPLEN)
      this.#fail(`expected a packet of at most ${MAX_SNAPLEN} bytes, found a length of ${captured}`, at);
  }

  #setPacket(start: number, captured: number, wireLength: number, linkType: number): void {
    this.start = start;
    this.end = start + captured;
    this.wireLength = Math.max(wireLength, captured);
    this.linkType = linkType;
  }

  #nextBlock(): boolean {
    for (;;) {
      if (!this.#has(BLOCK_OVERHEAD)) return false;
      const at = this.#at;
      const type = this.#view.getUint32(at, this.#little);
      if (type === BLOCK.SECTION) this.#readByteOrder(at);
      const length = this.#u32(at + 4);
      this.#checkBlockLength(length, at);
      if (!this.#has(length)) return false;
      const trailer = this.#u32(at + length - 4);
      if (trailer !== length)
        this.#fail(
          `expected the block's length ${length} again at its end, found ${trailer}`,
          at + length - 4,
        );
      this.#at = at + length;
      if (this.#readBlock(type, at + 8, at + length - 4)) return true;
    }
  }

  #checkBlockLength(length: number, at: number): void {
    if (length < BLOCK_OVERHEAD || length % 4 !== 0) {
      this.#fail(
        `expected a block length of at least ${BLOCK_OVERHEAD} and a multiple of 4, found ${length}`,
        at + 4,
      );
    }
    if (length > MAX_BLOCK)
      this.#fail(`expected a block of at most ${MAX_BLOCK} bytes, found a length of ${length}`, at + 4);
  }

  #readByteOrder(at: number): void {
    const magic = this.#view.getUint32(at + 8, true);
    const big = this.#view.getUint32(at + 8, false);
    if (magic !== BYTE_ORDER_MAGIC && big !== BYTE_ORDER_MAGIC) {
      this.#fail(`expected pcapng's byte-order magic, found 0x${big.toString(16).padStart(8, "0")}`, at + 8);
    }
    this.#little = magic === BYTE_ORDER_MAGIC;
    this.#interfaces = [];
  }

  /** Reads a block's body; true if it is a packet. */
  #readBlock(type: number, from: number, to: number): boolean {
    switch (type) {
      case BLOCK.SECTION:
        this.#need(from, to, 16, "section header");
        return false;
      case BLOCK.INTERFACE:
        this.#need(from, to, 8, "interface description");
        this.#interfaces.push(this.#readInterface(from, to));
        return false;
      case BLOCK.ENHANCED_PACKET:
      case BLOCK.PACKET:
        this.#need(from, to, 20, "packet");
        return this.#readPacket(
          from,
          to,
          type === BLOCK.PACKET ? this.#view.getUint16(from, this.#little) : this.#u32(from),
        );
      case BLOCK.SIMPLE_PACKET: {
        this.#need(from, to, 4, "simple packet");
        const link = this.#interface(0, from);
        const wire = this.#u32(from);
        const captured = Math.min(wire, link.snapLength === 0 ? wire : link.snapLength);
        this.#checkFits(captured, from + 4, to);
        this.seconds = 0;
        this.nanoseconds = 0;
        this.#setPacket(from + 4, captured, wire, link.linkType);
        return true;
      }
      default:
        return false;
    }
  }

  #need(from: number, to: number, size: number, what: string): void {
    if (to - from < size)
      this.#fail(`expected at least ${size} bytes in a ${what} block, found ${to - from}`, from);
  }

  #checkFits(captured: number, from: number, to: number): void {
    this.#checkLength(captured, from);
    if (from + captured > to)
      this.#fail(`expected ${captured} bytes of packet in the block, found ${to - from}`, from);
  }

  #interface(index: number, at: number): Interface {
    const found = this.#interfaces[index];
    if (found === undefined)
      this.#fail(`expected an interface below ${this.#interfaces.length}, found ${index}`, at);
    return found;
  }

  #readPacket(from: number, to: number, index: number): boolean {
    const link = this.#interface(index, from);
    const captured = this.#u32(from + 12);
    this.#checkFits(captured, from + 20, to);
    const units = this.#u32(from + 4) * 2 ** 32 + this.#u32(from + 8);
    this.seconds = Math.floor(units / link.unitsPerSecond);
    this.nanoseconds = Math.floor((units - this.seconds * link.unitsPerSecond) * (1e9 / link.unitsPerSecond));
    this.#setPacket(from + 20, captured, this.#u32(from + 16), link.linkType);
    return true;
  }

  #readInterface(from: number, to: number): Interface {
    let unitsPerSecond = FALLBACK_INTERFACE.unitsPerSecond;
    let at = from + 8;
    while (at + 4 <= to) {
      const code = this.#view.getUint16(at, this.#little);
      const length = this.#view.getUint16(at + 2, this.#little);
      if (code === 0) break;
      if (at + 4 + length > to) this.#fail(`expected an option of ${length} bytes within the block`, at);
      if (code === OPTION_TSRESOL && length >= 1) {
        const resolution = this.#view.getUint8(at + 4);
        unitsPerSecond = resolution & 0x80 ? 2 ** (resolution & 0x7f) : 10 ** resolution;
      }
      at += 4 + ((length + 3) & ~3);
    }
    return {
      linkType: this.#view.getUint16(from, this.#little),
      snapLength: this.#u32(from + 4),
      unitsPerSecond,
    };
  }
}
