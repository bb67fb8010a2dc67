import { E } from "../../uapi/errno.ts";
import { SysError } from "../error.ts";

/** Reads an object's name from an attr: letters, digits, `_` and `.`, at most 15 of them; EINVAL otherwise. */
export function objectName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  if (end < 0) throw new SysError(E.EINVAL);
  const name = new TextDecoder("latin1").decode(bytes.subarray(0, end));
  if (!/^[A-Za-z0-9_.]*$/.test(name)) throw new SysError(E.EINVAL);
  return name;
}
