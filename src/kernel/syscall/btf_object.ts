import type { Btf } from "../../btf/btf.ts";
import { KernelObject } from "./object.ts";

/** Type information loaded with BPF_BTF_LOAD. */
export class BtfObject extends KernelObject {
  readonly kind = "btf";
  readonly btf: Btf;

  constructor(id: number, forget: (object: KernelObject) => void, btf: Btf) {
    super(id, forget);
    this.btf = btf;
  }

  protected release(): void {}
}
