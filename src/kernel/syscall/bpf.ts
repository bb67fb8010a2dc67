import { CMD, CMDS } from "../../uapi/cmd.ts";
import { E } from "../../uapi/errno.ts";
import { nameOf } from "../../uapi/table.ts";
import { SysError } from "../error.ts";
import { checkAttrSize } from "./attr.ts";
import { btfLoad } from "./btf_load.ts";
import { mapCreate } from "./map_create.ts";
import {
  mapDeleteElem,
  mapFreeze,
  mapGetNextKey,
  mapLookupAndDeleteElem,
  mapLookupElem,
  mapUpdateElem,
} from "./map_elem.ts";
import { objGetInfoByFd } from "./obj_info.ts";
import { progLoad } from "./prog_load.ts";
import { progTestRun } from "./prog_test_run.ts";
import type { Caller, Command, System } from "./system.ts";

/** The commands that are built; `unsupportedCommand` names the others. */
const COMMANDS: ReadonlyMap<number, Command> = new Map([
  [CMD.MAP_CREATE, mapCreate],
  [CMD.MAP_LOOKUP_ELEM, mapLookupElem],
  [CMD.MAP_UPDATE_ELEM, mapUpdateElem],
  [CMD.MAP_DELETE_ELEM, mapDeleteElem],
  [CMD.MAP_GET_NEXT_KEY, mapGetNextKey],
  [CMD.MAP_LOOKUP_AND_DELETE_ELEM, mapLookupAndDeleteElem],
  [CMD.MAP_FREEZE, mapFreeze],
  [CMD.PROG_LOAD, progLoad],
  [CMD.PROG_TEST_RUN, progTestRun],
  [CMD.BTF_LOAD, btfLoad],
  [CMD.OBJ_GET_INFO_BY_FD, objGetInfoByFd],
]);

/** The name of a command that Linux has and this kernel has not yet, for messages; undefined for all others. */
export function unsupportedCommand(cmd: number): string | undefined {
  return COMMANDS.has(cmd) ? undefined : nameOf(CMDS, cmd);
}

/**
 * bpf(2): runs one command and turns what it throws into a negative errno. Commands that are not built yet are
 * EOPNOTSUPP, unknown ones EINVAL.
 */
export function bpf(system: System, caller: Caller, cmd: number, attr: Uint8Array): number {
  try {
    checkAttrSize(attr);
    const command = COMMANDS.get(cmd);
    if (command === undefined)
      throw new SysError(unsupportedCommand(cmd) === undefined ? E.EINVAL : E.EOPNOTSUPP);
    return command(system, caller, attr);
  } catch (error) {
    if (error instanceof SysError) return -error.errno;
    throw error;
  }
}
