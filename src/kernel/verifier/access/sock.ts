import { accessIn, SOCK_ROWS } from "../../../uapi/ctx_access.ts";
import { E } from "../../../uapi/errno.ts";
import { TYPE } from "../state/layout.ts";
import { regTypeName } from "../state/print.ts";
import { regType, smin } from "../state/view.ts";
import { type Env, reject } from "../walk/env.ts";
import { reg } from "../walk/regs.ts";
import { negativeOffsetText } from "./region.ts";

const ROWS: Readonly<Record<number, (typeof SOCK_ROWS)["sock"]>> = {
  [TYPE.PTR_TO_SOCK_COMMON]: SOCK_ROWS.sock_common,
  [TYPE.PTR_TO_SOCKET]: SOCK_ROWS.sock,
  [TYPE.PTR_TO_TCP_SOCK]: SOCK_ROWS.tcp_sock,
  [TYPE.PTR_TO_XDP_SOCK]: SOCK_ROWS.xdp_sock,
};

/** Checks a read of a field of a UAPI socket. */
export function checkSockAccess(env: Env, n: number, off: number, size: number): void {
  const r = reg(env, n);
  if (smin(r) < 0) throw reject(env, E.EACCES, negativeOffsetText(n));
  const rows = ROWS[regType(r)];
  if (rows !== undefined && off >= 0 && accessIn(rows, off, size, false) !== undefined) return;
  throw reject(env, E.EACCES, `R${n} invalid ${regTypeName(regType(r))} access off=${off} size=${size}`);
}
