import { checkBtf } from "../../btf/check.ts";
import { E } from "../../uapi/errno.ts";
import { SysError } from "../error.ts";
import { readAttr, writeAttr } from "./attr.ts";
import { BtfObject } from "./btf_object.ts";
import { checkLogRequest, deliverLog, type LogRequest } from "./log_buffer.ts";
import { type Command, openFd } from "./system.ts";

/** The largest BTF that Linux takes. */
const MAX_BTF_SIZE = 16 * 1024 * 1024;

/** BPF_BTF_LOAD: checks type information and gives a descriptor of it. */
export const btfLoad: Command = (system, caller, attr) => {
  const a = readAttr("BTF_LOAD", attr);
  if (a.btf_flags !== 0) throw new SysError(E.EINVAL);
  if (!caller.caps.bpf) throw new SysError(E.EPERM);
  const log: LogRequest = { level: a.btf_log_level, buffer: a.btf_log_buf, size: a.btf_log_size };
  if (a.btf_size > MAX_BTF_SIZE) throw new SysError(E.E2BIG);
  checkLogRequest(log);
  const bytes = caller.memory.read(a.btf, a.btf_size);
  const result = checkBtf(bytes, { logLevel: a.btf_log_level });
  const delivered = deliverLog(caller.memory, log, result.log);
  writeAttr("BTF_LOAD", attr, "btf_log_true_size", delivered.trueSize);
  if (delivered.errno !== 0) throw new SysError(delivered.errno);
  if (!result.ok) throw new SysError(result.errno);
  const { btf } = result;
  return openFd(
    caller,
    system.btfs.add((id, forget) => new BtfObject(id, forget, btf)),
  );
};
