import { readFileSync } from "node:fs";
import { Btf } from "../../btf/btf.ts";
import { parseObject } from "../../lib/parse_object.ts";
import { type KernelTarget, LINUX_6_18 } from "../../lib/resolve.ts";
import type { ObjectSpec } from "../../lib/spec.ts";
import { UserError } from "./report_error.ts";

/** The largest object that is read: more is no BPF object. */
const MAX_OBJECT = 256 * 1024 * 1024;

/** Reads an object file; errors name it. */
export function readObject(path: string): ObjectSpec {
  const bytes = readWhole(path);
  if (bytes.length > MAX_OBJECT) throw new UserError(`${path}: ${bytes.length} bytes are no eBPF object`);
  return parseObject(bytes, { file: path });
}

/** The kernel that CO-RE relocations are resolved against: Linux 6.18, with the types of a BTF file if one is given. */
export function readTarget(btfPath: string | undefined): KernelTarget {
  if (btfPath === undefined) return LINUX_6_18;
  return { ...LINUX_6_18, btf: Btf.parse(readWhole(btfPath), { name: btfPath }) };
}

/** All of a file, `-` for standard input. What read(2) refuses does not name the file by itself: a directory. */
function readWhole(path: string): Uint8Array {
  try {
    return readFileSync(path === "-" ? 0 : path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EISDIR") throw new UserError(`${path}: is a directory`);
    throw error;
  }
}
