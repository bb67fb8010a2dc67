import type { Insn } from "../../../isa/insn.ts";
import { ENCODINGS } from "../../../isa/legality.ts";
import { CLASS, MODE, PSEUDO } from "../../../isa/opcode.ts";
import { E } from "../../../uapi/errno.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import type { MapFacts } from "../../prog/map_facts.ts";
import { type Env, reject } from "../walk/env.ts";
import { LD_IMM64 } from "./live_regs.ts";
import { checkMapCompatibility } from "./map_compat.ts";
import { subprogAt } from "./subprogs.ts";

/** The maps that a program may refer to. */
const MAX_USED_MAPS = 64;
/** Offsets into a map's value from here on are refused whatever the map. */
const MAX_VAR_OFF = 1 << 29;

const OPCODES: ReadonlySet<number> = new Set(ENCODINGS.map((encoding) => encoding.code));

/**
 * Resolves 64-bit loads: descriptors of maps become `aux.mapIndex` (and `mapOff`) in `env.usedMaps`, addresses of
 * subprograms `aux.funcIndex`. Checks opcodes on the way, because the kernel finds both faults in one pass.
 */
export function resolveLdImm64(env: Env): void {
  const { insns } = env;
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i] as Insn;
    const mode = insn.code & 0xe0;
    if ((insn.code & 0x07) === CLASS.LDX && ((mode !== MODE.MEM && mode !== MODE.MEMSX) || insn.imm !== 0)) {
      throw reject(env, E.EINVAL, "BPF_LDX uses reserved fields");
    }
    if (insn.code === LD_IMM64) {
      resolve(env, i);
      i++;
    } else if (!OPCODES.has(insn.code)) {
      throw reject(env, E.EINVAL, `unknown opcode ${insn.code.toString(16).padStart(2, "0")}`);
    }
  }
}

function resolve(env: Env, i: number): void {
  const insn = env.insns[i] as Insn;
  const next = env.insns[i + 1];
  const aux = env.aux[i];
  if (next === undefined || next.code !== 0 || next.dst !== 0 || next.src !== 0 || next.off !== 0) {
    throw reject(env, E.EINVAL, "invalid bpf_ld_imm64 insn");
  }
  if (aux === undefined || insn.src === 0) return;
  switch (insn.src) {
    case PSEUDO.BTF_ID:
      throw reject(
        env,
        E.EINVAL,
        "kernel is missing BTF, make sure CONFIG_DEBUG_INFO_BTF=y is specified in Kconfig.",
      );
    case PSEUDO.FUNC:
      aux.funcIndex = subprogAt(env, i + insn.imm + 1);
      return;
    case PSEUDO.MAP_VALUE:
    case PSEUDO.MAP_IDX_VALUE:
      break;
    case PSEUDO.MAP_FD:
    case PSEUDO.MAP_IDX:
      if (next.imm === 0) break;
      throw reject(env, E.EINVAL, "unrecognized bpf_ld_imm64 insn");
    default:
      throw reject(env, E.EINVAL, "unrecognized bpf_ld_imm64 insn");
  }
  aux.mapIndex = useMap(env, descriptor(env, insn));
  if (insn.src === PSEUDO.MAP_FD || insn.src === PSEUDO.MAP_IDX) return;
  const map = env.usedMaps[aux.mapIndex] as MapFacts;
  const off = next.imm >>> 0;
  if (off >= MAX_VAR_OFF) throw reject(env, E.EINVAL, `direct value offset of ${off} is not allowed`);
  if (map.type !== MAP_TYPE.ARRAY) {
    throw reject(env, E.EINVAL, "no direct value access support for this map type");
  }
  if (map.maxEntries !== 1 || off >= map.valueSize) {
    throw reject(
      env,
      map.maxEntries !== 1 ? E.ENOTSUPP : E.EINVAL,
      `invalid access to map value pointer, value_size=${map.valueSize} off=${off}`,
    );
  }
  aux.mapOff = off;
}

/** The descriptor that a load means: its immediate, or the entry of attr.fd_array that it names. */
function descriptor(env: Env, insn: Insn): number {
  if (insn.src !== PSEUDO.MAP_IDX && insn.src !== PSEUDO.MAP_IDX_VALUE) return insn.imm;
  const { fdArray } = env.input;
  if (fdArray === undefined) throw reject(env, E.EPROTO, "fd_idx without fd_array is invalid");
  const fd = fdArray(insn.imm);
  if (fd === undefined) throw reject(env, E.EFAULT);
  return fd;
}

/** The index of a map among those that the program uses, adding it if it is new. */
function useMap(env: Env, fd: number): number {
  const map = env.input.mapByFd(fd);
  if (typeof map === "number") throw reject(env, -map, `fd ${fd} is not pointing to valid bpf_map`);
  const known = env.usedMaps.findIndex((used) => used.id === map.id);
  if (known >= 0) return known;
  if (env.usedMaps.length >= MAX_USED_MAPS) {
    const limit = `The total number of maps per program has reached the limit of ${MAX_USED_MAPS}`;
    throw reject(env, E.E2BIG, limit);
  }
  checkMapCompatibility(env, map);
  env.usedMaps.push(map);
  return env.usedMaps.length - 1;
}
