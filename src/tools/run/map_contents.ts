import { readFileSync } from "node:fs";
import type { BtfValue } from "../../btf/value.ts";
import type { BpfMap } from "../../lib/map.ts";
import type { BpfObject } from "../../lib/object.ts";
import { UserError } from "../anybpf/report_error.ts";

/** First contents of maps, as `--json` prints them: by map name, lists of keys and values. */
type MapContents = Readonly<Record<string, readonly { readonly key: BtfValue; readonly value: BtfValue }[]>>;

/** Fills maps of an object from a JSON file: `{"maps": {NAME: [{"key": …, "value": …}]}}`, or what is in `maps` alone. */
export function fillMaps(object: BpfObject, path: string): void {
  for (const [name, entries] of Object.entries(readContents(path))) {
    const map = object.map(name);
    if (!Array.isArray(entries))
      throw new UserError(`${path}: ${name}: expected a list of {"key": …, "value": …}`);
    for (const entry of entries) {
      try {
        map.set(valueFor(map, entry.key), valueFor(map, entry.value));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new UserError(`${path}: ${name}: ${JSON.stringify(entry)}: ${why}`);
      }
    }
  }
}

function readContents(path: string): MapContents {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${path}: expected JSON: ${error.message}`);
    throw error;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new UserError(`${path}: expected an object of maps by name`);
  return ("maps" in parsed ? parsed.maps : parsed) as MapContents;
}

/** Without BTF keys and values are hex, with it they are typed. */
function valueFor(map: BpfMap, value: BtfValue): BtfValue | Uint8Array {
  return map.btf === undefined && typeof value === "string"
    ? Uint8Array.from(Buffer.from(value, "hex"))
    : value;
}
