import type { PacketResults } from "../../transport/in_process.ts";
import type { Batch } from "./batch.ts";
import type { CaptureOutput } from "./capture_output.ts";
import type { VerdictRules } from "./verdict.ts";

/** A packet's result for `--per-packet`. */
export interface PacketLine {
  readonly retval: number;
  readonly verdict: string;
  readonly len: number;
}

/** Verdicts up to this are counted in an array; larger ones (socket filters' lengths) by name. */
const SMALL = 64;

/** Counts what became of packets. */
export class Tally {
  packets = 0;
  bytes = 0;
  /** Packets that Linux would not have given to the program: too short for their protocol, or too long. */
  skipped = 0;
  /** Nanoseconds inside the loop over packets. */
  ns = 0;
  readonly results: PacketLine[] = [];
  readonly #rules: VerdictRules;
  readonly #perPacket: boolean;
  readonly #small = new Float64Array(SMALL);
  readonly #named = new Map<string, number>();

  constructor(rules: VerdictRules, perPacket: boolean) {
    this.#rules = rules;
    this.#perPacket = perPacket;
  }

  /** Counts a batch. */
  add(batch: Batch, result: PacketResults): void {
    const { lengths, count } = batch;
    this.packets += count;
    this.ns += result.ns;
    for (let i = 0; i < count; i++) {
      this.bytes += lengths[i] ?? 0;
      if (result.status[i] !== 0) {
        this.skipped++;
        if (this.#perPacket) this.results.push({ retval: 0, verdict: "skipped", len: lengths[i] ?? 0 });
        continue;
      }
      const retval = result.retvals[i] ?? 0;
      if (retval < SMALL) this.#small[retval] = (this.#small[retval] ?? 0) + 1;
      else this.#count(retval, 1);
      if (this.#perPacket) {
        this.results.push({
          retval: retval | 0,
          verdict: this.#rules.name(retval),
          len: result.lengths[i] ?? 0,
        });
      }
    }
  }

  /** Writes the packets that go on, as the program left them. */
  writePassed(batch: Batch, result: PacketResults, output: CaptureOutput): void {
    for (let i = 0; i < batch.count; i++) {
      if (result.status[i] !== 0) continue;
      const length = this.#rules.passed(result.retvals[i] ?? 0, result.lengths[i] ?? 0);
      if (length === 0) continue;
      output.write(
        batch.seconds[i] ?? 0,
        batch.nanoseconds[i] ?? 0,
        result.packets,
        result.offsets[i] ?? 0,
        length,
      );
    }
  }

  /** The counts by verdict, the most frequent first. */
  verdicts(): [name: string, count: number][] {
    const all = new Map(this.#named);
    this.#small.forEach((count, retval) => {
      if (count > 0) all.set(this.#rules.name(retval), (all.get(this.#rules.name(retval)) ?? 0) + count);
    });
    return [...all].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  }

  #count(retval: number, by: number): void {
    const name = this.#rules.name(retval);
    this.#named.set(name, (this.#named.get(name) ?? 0) + by);
  }
}
