import { ATTRS } from "../uapi/attr.ts";
import { CMD } from "../uapi/cmd.ts";
import { readStruct, type Struct, writeStruct } from "../uapi/layout.ts";
import type { Task } from "./task.ts";

type AttrName = keyof typeof ATTRS & keyof typeof CMD;

/** What a command answered: a descriptor or 0, or a negative errno, and the attr with its outputs. */
export interface CallResult<N extends AttrName> {
  readonly ret: number;
  readonly attr: Struct<(typeof ATTRS)[N]>;
}

/** Makes one bpf(2) call with the fields given, all others zero, and reads the attr back. Never throws. */
export function call<N extends AttrName>(
  task: Task,
  name: N,
  fields: Partial<Struct<(typeof ATTRS)[N]>>,
): CallResult<N> {
  const layout = ATTRS[name] as (typeof ATTRS)[N];
  const bytes = writeStruct(layout, fields);
  const ret = task.bpf(CMD[name], bytes);
  return { ret, attr: readStruct(layout, bytes) };
}
