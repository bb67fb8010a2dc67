import { ATTRS, BPF_ATTR_SIZE } from "../../uapi/attr.ts";
import { E } from "../../uapi/errno.ts";
import { layoutSize, readStruct, type Struct, writeField } from "../../uapi/layout.ts";
import { SysError } from "../error.ts";

type AttrName = keyof typeof ATTRS;

/** The largest attr that bpf(2) looks at: a page. */
const MAX_ATTR_SIZE = 4096;

/** Checks an attr's size: bytes past what this kernel knows must be zero (E2BIG), as bpf(2) has it. */
export function checkAttrSize(attr: Uint8Array): void {
  if (attr.length > MAX_ATTR_SIZE) throw new SysError(E.E2BIG);
  if (attr.subarray(BPF_ATTR_SIZE).some((byte) => byte !== 0)) throw new SysError(E.E2BIG);
}

/** Reads a command's fields; bytes after the last of them must be zero (EINVAL). Missing ones count as zero. */
export function readAttr<N extends AttrName>(name: N, attr: Uint8Array): Struct<(typeof ATTRS)[N]> {
  const layout = ATTRS[name];
  if (attr.subarray(layoutSize(layout)).some((byte) => byte !== 0)) throw new SysError(E.EINVAL);
  return readStruct(layout, attr) as Struct<(typeof ATTRS)[N]>;
}

/** Writes an output field of a command into the caller's attr, as far as that reaches. */
export function writeAttr<N extends AttrName, F extends keyof (typeof ATTRS)[N] & string>(
  name: N,
  attr: Uint8Array,
  field: F,
  value: number,
): void {
  const layout: Record<string, (typeof ATTRS)["PROG_LOAD"]["log_true_size"] | undefined> = ATTRS[
    name
  ] as never;
  const found = layout[field];
  if (found !== undefined) writeField(found, attr, value);
}
