import { E } from "../../uapi/errno.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import { SysError } from "../error.ts";
import { mapFields } from "../verifier/access/map_fields.ts";
import { type InnerTemplate, MapObject } from "./map_object.ts";
import type { Caller } from "./system.ts";

/** Map types that are maps of maps. */
export const MAPS_OF_MAPS: ReadonlySet<number> = new Set([MAP_TYPE.ARRAY_OF_MAPS, MAP_TYPE.HASH_OF_MAPS]);

/** Map types whose inner maps must also be as large as the template. */
const SIZE_MATTERS: ReadonlySet<number> = new Set([MAP_TYPE.ARRAY, MAP_TYPE.XSKMAP]);

/**
 * Takes a template from the map behind a descriptor. Errnos: EBADF; EINVAL if it is no map, or a map of maps itself;
 * ENOTSUPP for a prog_array, whose programs bind it at run time.
 */
export function innerTemplate(caller: Caller, fd: number): InnerTemplate {
  const { object } = caller.fds.get(fd);
  if (!(object instanceof MapObject) || object.inner !== undefined) throw new SysError(E.EINVAL);
  if (object.map.type === MAP_TYPE.PROG_ARRAY) throw new SysError(E.ENOTSUPP);
  const btf = object.types?.object.get();
  // The template is no map of its own: it has neither an id nor a name, and no contents.
  const { constValue: _, ...facts } = object.facts();
  return { facts: { ...facts, id: 0, name: "", frozen: false }, btf };
}

/** True if a map may be stored where the template's kind is asked for. */
export function fitsTemplate({ facts }: InnerTemplate, map: MapObject): boolean {
  const given = map.facts();
  const same =
    given.type === facts.type &&
    given.keySize === facts.keySize &&
    given.valueSize === facts.valueSize &&
    given.flags === facts.flags &&
    JSON.stringify(mapFields(given)) === JSON.stringify(mapFields(facts));
  if (!same || !SIZE_MATTERS.has(facts.type)) return same;
  return (facts.flags & MAP_FLAG.INNER_MAP) !== 0 || given.maxEntries === facts.maxEntries;
}
