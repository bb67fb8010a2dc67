import type { VerifyInput } from "../contract.ts";
import { createLog } from "../log/log.ts";
import { createInsnAux, type Env } from "../walk/env.ts";

/** An Env as far as `prepare` and `rewrite` need one; for their tests. */
export function prepareEnv(input: VerifyInput): Env {
  const env: Partial<Env> = {
    input,
    log: createLog(input.logLevel),
    btf: input.btf,
    insns: [...input.insns],
    aux: input.insns.map(createInsnAux),
    subprogs: [],
    usedMaps: [],
    maps: [],
    funcInfo: [],
    lineInfo: [],
    postorder: [],
    allowPtrLeaks: true,
    bpfCapable: input.caps.bpf,
  };
  return env as Env;
}
