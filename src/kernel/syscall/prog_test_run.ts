import { E } from "../../uapi/errno.ts";
import { SysError } from "../error.ts";
import { hasTestRun } from "../net/test_run.ts";
import { readAttr, writeAttr } from "./attr.ts";
import { ProgObject } from "./prog_object.ts";
import type { Caller, Command } from "./system.ts";

/** More input than this is refused before it is copied (the run's own limit is far lower). */
const MAX_INPUT = 1 << 24;

/** The program behind a descriptor of the caller: EBADF, or EINVAL if it is no program. */
export function progOf(caller: Caller, fd: number): ProgObject {
  const { object } = caller.fds.get(fd);
  if (!(object instanceof ProgObject)) throw new SysError(E.EINVAL);
  return object;
}

/** BPF_PROG_TEST_RUN: runs a program on the caller's data and context, `repeat` times. */
export const progTestRun: Command = (system, caller, attr) => {
  const a = readAttr("PROG_TEST_RUN", attr);
  const mismatched = (size: number, address: bigint) => (size !== 0) !== (address !== 0n);
  if (mismatched(a.ctx_size_in, a.ctx_in) || mismatched(a.ctx_size_out, a.ctx_out))
    throw new SysError(E.EINVAL);
  const { parts } = progOf(caller, a.prog_fd);
  if (!hasTestRun(parts.type)) throw new SysError(E.ENOTSUPP, "this program type has no test run");
  const copyIn = (address: bigint, size: number): Uint8Array => {
    if (size > MAX_INPUT) throw new SysError(E.EINVAL);
    return caller.memory.read(address, size);
  };
  const result = system.testRun({
    progType: parts.type,
    entry: parts.executable.entry,
    repeat: a.repeat,
    flags: a.flags,
    cpu: a.cpu,
    batchSize: a.batch_size,
    ...(a.data_in === 0n && a.data_size_in === 0 ? {} : { dataIn: copyIn(a.data_in, a.data_size_in) }),
    ...(a.ctx_in === 0n ? {} : { ctxIn: copyIn(a.ctx_in, a.ctx_size_in) }),
    ...(a.data_size_out === 0 ? {} : { dataOutSize: a.data_size_out }),
    ...(a.ctx_out === 0n ? {} : { ctxOutSize: a.ctx_size_out }),
  });
  if (a.data_out !== 0n) caller.memory.write(a.data_out, result.dataOut);
  if (a.ctx_out !== 0n) caller.memory.write(a.ctx_out, result.ctxOut);
  writeAttr("PROG_TEST_RUN", attr, "data_size_out", result.dataSizeOut);
  writeAttr("PROG_TEST_RUN", attr, "ctx_size_out", result.ctxSizeOut);
  writeAttr("PROG_TEST_RUN", attr, "retval", result.retval);
  writeAttr("PROG_TEST_RUN", attr, "duration", result.duration);
  if (result.errno !== 0) throw new SysError(result.errno);
  return 0;
};
