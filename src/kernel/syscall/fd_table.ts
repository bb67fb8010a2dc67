import { E } from "../../uapi/errno.ts";
import { SysError } from "../error.ts";
import type { KernelObject } from "./object.ts";

/** Descriptors of 0 to 2 are the process's standard streams; BPF's start above them. */
const FIRST_FD = 3;
/** RLIMIT_NOFILE of a task, as most systems set it. */
const MAX_FDS = 1 << 20;

/** What a descriptor stands for, and the access it was opened with. */
export interface OpenFile {
  readonly object: KernelObject;
  /** False for a BPF_F_WRONLY descriptor of a map. */
  readonly readable: boolean;
  /** False for a BPF_F_RDONLY descriptor of a map. */
  readonly writable: boolean;
}

/** A task's descriptors. Each holds one reference on its object. */
export class FdTable {
  readonly #files = new Map<number, OpenFile>();
  #lowestFree = FIRST_FD;

  /** Opens the lowest free descriptor and takes over the caller's reference. EMFILE when none is left. */
  install(file: OpenFile): number {
    if (this.#files.size >= MAX_FDS) throw new SysError(E.EMFILE);
    let fd = this.#lowestFree;
    while (this.#files.has(fd)) fd++;
    this.#files.set(fd, file);
    file.object.getUser();
    this.#lowestFree = fd + 1;
    return fd;
  }

  /** The file behind a descriptor: EBADF if it is not open, EINVAL for the standard streams, which are no BPF objects. */
  get(fd: number): OpenFile {
    if (fd >= 0 && fd < FIRST_FD) throw new SysError(E.EINVAL);
    const file = this.#files.get(fd);
    if (file === undefined) throw new SysError(E.EBADF);
    return file;
  }

  /** Closes a descriptor and drops its reference; false if it is not open. */
  close(fd: number): boolean {
    const file = this.#files.get(fd);
    if (file === undefined) return false;
    this.#files.delete(fd);
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    file.object.putUser();
    file.object.put();
    return true;
  }

  /** Closes all, as a process's end does. */
  closeAll(): void {
    for (const fd of [...this.#files.keys()]) this.close(fd);
  }

  /** Open descriptors, for leak checks. */
  get size(): number {
    return this.#files.size;
  }
}
