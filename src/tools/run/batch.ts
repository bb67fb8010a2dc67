import { LINKTYPE_ETHERNET, LINKTYPE_NAMES } from "../../lib/pcap/format.ts";
import type { PcapReader } from "../../lib/pcap/reader.ts";
import { UserError } from "../anybpf/report_error.ts";

/** Packets that are run at once; a chunk of the capture rarely holds more. */
const MAX_BATCH = 1 << 16;

/** The packets of one chunk, as the runner takes them. */
export class Batch {
  bytes: Uint8Array = new Uint8Array(0);
  count = 0;
  full = false;
  readonly offsets = new Uint32Array(MAX_BATCH);
  readonly lengths = new Uint32Array(MAX_BATCH);
  readonly wireLengths = new Uint32Array(MAX_BATCH);
  readonly seconds = new Float64Array(MAX_BATCH);
  readonly nanoseconds = new Uint32Array(MAX_BATCH);

  /** Takes all whole packets that the reader has, or as many as fit (`full`). */
  fill(reader: PcapReader): void {
    this.count = 0;
    this.full = false;
    while (reader.next()) {
      if (reader.linkType !== LINKTYPE_ETHERNET) {
        const name = LINKTYPE_NAMES[reader.linkType] ?? String(reader.linkType);
        throw new UserError(`the capture has packets of link type ${name}; only ETHERNET frames can be run`);
      }
      const i = this.count++;
      this.offsets[i] = reader.start;
      this.lengths[i] = reader.end - reader.start;
      this.wireLengths[i] = reader.wireLength;
      this.seconds[i] = reader.seconds;
      this.nanoseconds[i] = reader.nanoseconds;
      if (this.count === MAX_BATCH) {
        this.full = true;
        break;
      }
    }
    this.bytes = reader.bytes;
  }
}
