import { errnoName } from "../uapi/errno.ts";

/** A system call's refusal: thrown by command handlers and map operations, turned into -errno in one place. */
export class SysError extends Error {
  readonly errno: number;
  constructor(errno: number, message?: string) {
    super(message === undefined ? errnoName(errno) : `${errnoName(errno)}: ${message}`);
    this.name = "SysError";
    this.errno = errno;
  }
}

/** A broken invariant of anybpf itself: never the caller's fault. Please report it. */
export class KernelBug extends Error {
  constructor(message: string) {
    super(`anybpf bug: ${message}`);
    this.name = "KernelBug";
  }
}
