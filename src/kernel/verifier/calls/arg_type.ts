import type { ArgKind, ArgProto } from "../../../uapi/arg_kind.ts";
import { E } from "../../../uapi/errno.ts";
import { MAP_TYPE } from "../../../uapi/map_type.ts";
import { checkPlainPointer } from "../access/context.ts";
import { TYPE, TYPE_FLAG, TYPE_MASK } from "../state/layout.ts";
import { regTypeName } from "../state/print.ts";
import { isScalar, regOff, regType } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { mapOf, reg } from "../walk/regs.ts";

const { MEM_RINGBUF, PTR_MAYBE_NULL, PTR_TRUSTED, MEM_RCU, MEM_PERCPU, MEM_ALLOC } = TYPE_FLAG;
const BTF = TYPE.PTR_TO_BTF_ID;

const MEMORY: readonly number[] = [
  TYPE.PTR_TO_STACK,
  TYPE.PTR_TO_PACKET,
  TYPE.PTR_TO_PACKET_META,
  TYPE.PTR_TO_MAP_KEY,
  TYPE.PTR_TO_MAP_VALUE,
  TYPE.PTR_TO_MEM,
  TYPE.PTR_TO_MEM | MEM_RINGBUF,
  TYPE.PTR_TO_BUF,
  BTF | PTR_TRUSTED,
];
const SOCK_COMMON: readonly number[] = [
  TYPE.PTR_TO_SOCK_COMMON,
  TYPE.PTR_TO_SOCKET,
  TYPE.PTR_TO_TCP_SOCK,
  TYPE.PTR_TO_XDP_SOCK,
];
const SCALAR: readonly number[] = [TYPE.SCALAR_VALUE];
const MAP_VALUE: readonly number[] = [TYPE.PTR_TO_MAP_VALUE];

/** The register types that an argument takes, in the order in which messages name them. */
const TAKES: Readonly<Record<Exclude<ArgKind, "ANYTHING">, readonly number[]>> = {
  CONST_MAP_PTR: [TYPE.CONST_PTR_TO_MAP],
  PTR_TO_MAP_KEY: MEMORY,
  PTR_TO_MAP_VALUE: MEMORY,
  PTR_TO_MEM: MEMORY,
  CONST_SIZE: SCALAR,
  CONST_SIZE_OR_ZERO: SCALAR,
  CONST_ALLOC_SIZE_OR_ZERO: SCALAR,
  PTR_TO_CTX: [TYPE.PTR_TO_CTX],
  PTR_TO_STACK: [TYPE.PTR_TO_STACK],
  PTR_TO_SPIN_LOCK: [TYPE.PTR_TO_MAP_VALUE, BTF | MEM_ALLOC],
  PTR_TO_SOCK_COMMON: SOCK_COMMON,
  PTR_TO_SOCKET: [TYPE.PTR_TO_SOCKET],
  PTR_TO_BTF_ID_SOCK_COMMON: [...SOCK_COMMON, BTF, BTF | PTR_TRUSTED],
  PTR_TO_BTF_ID: [BTF, BTF | PTR_TRUSTED, BTF | MEM_RCU],
  PTR_TO_PERCPU_BTF_ID: [BTF | MEM_PERCPU, BTF | MEM_PERCPU | MEM_RCU, BTF | MEM_PERCPU | PTR_TRUSTED],
  PTR_TO_RINGBUF_MEM: [TYPE.PTR_TO_MEM | MEM_RINGBUF],
  PTR_TO_FUNC: [TYPE.PTR_TO_FUNC],
  PTR_TO_CONST_STR: MAP_VALUE,
  PTR_TO_TIMER: MAP_VALUE,
  PTR_TO_DYNPTR: [TYPE.PTR_TO_STACK, TYPE.CONST_PTR_TO_DYNPTR],
  PTR_TO_KPTR: [TYPE.PTR_TO_MAP_VALUE, BTF | MEM_ALLOC],
};

/** What an argument takes once the map is known: socket maps hold sockets. */
export function kindForMap(env: Env, arg: ArgProto, map: number): ArgKind {
  if (arg.kind !== "PTR_TO_MAP_VALUE") return arg.kind;
  if (map === 0) throw reject(env, E.EACCES, "invalid map_ptr to access map->type");
  const type = mapOf(env, map).type;
  if (type === MAP_TYPE.SOCKMAP || type === MAP_TYPE.SOCKHASH) {
    if (arg.uninit || arg.orNull) throw reject(env, E.EINVAL, "invalid arg_type for sockmap/sockhash");
    return "PTR_TO_BTF_ID_SOCK_COMMON";
  }
  return arg.kind;
}

/** Refuses an argument of a type that the helper does not take. Linux: check_reg_type. */
export function checkArgType(env: Env, n: number, kind: ArgKind, orNull: boolean): void {
  if (kind === "ANYTHING") return;
  const r = reg(env, n);
  let type = regType(r);
  if (orNull) type &= ~PTR_MAYBE_NULL;
  const takes = TAKES[kind];
  if (!takes.includes(type)) {
    const expected = takes.map((t) => regTypeName(t)).join(", ");
    throw reject(env, E.EACCES, `R${n} type=${regTypeName(regType(r))} expected=${expected}`);
  }
  if ((type & TYPE_MASK) === BTF) {
    throw reject(env, E.EINVAL, "anybpf: kernel objects as arguments are not supported yet");
  }
}

/** Pointers that may carry an offset into a call. */
const MAY_BE_MOVED: ReadonlySet<number> = new Set<number>([
  TYPE.SCALAR_VALUE,
  TYPE.PTR_TO_STACK,
  TYPE.PTR_TO_PACKET,
  TYPE.PTR_TO_PACKET_META,
  TYPE.PTR_TO_MAP_KEY,
  TYPE.PTR_TO_MAP_VALUE,
  TYPE.PTR_TO_MEM,
  TYPE.PTR_TO_BUF,
  TYPE.PTR_TO_ARENA,
]);

/** Refuses offsets on pointers that must be passed as they were given. Linux: check_func_arg_reg_off. */
export function checkArgOffset(env: Env, n: number, release: boolean): void {
  const r = reg(env, n);
  if (release && !isScalar(r) && regOff(r) !== 0) {
    throw reject(
      env,
      E.EINVAL,
      `R${n} must have zero offset when passed to release func or trusted arg to kfunc`,
    );
  }
  const type = regType(r);
  if (MAY_BE_MOVED.has(type & TYPE_MASK) && (type & PTR_MAYBE_NULL) === 0) return;
  checkPlainPointer(env, r, n);
}
