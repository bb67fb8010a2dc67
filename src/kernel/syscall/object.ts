import { KernelBug } from "../error.ts";

/** The kinds of object that a BPF descriptor can stand for. */
export type ObjectKind = "map" | "prog" | "btf";

/**
 * Something that lives as long as anything refers to it: descriptors, programs that use it, maps that hold it. It is
 * made with one reference, its maker's, and `release` runs when the last one goes.
 */
export abstract class KernelObject {
  abstract readonly kind: ObjectKind;
  /** The kernel-wide id, unique among the objects of its kind. */
  readonly id: number;
  #references = 1;
  readonly #forget: (object: KernelObject) => void;

  constructor(id: number, forget: (object: KernelObject) => void) {
    this.id = id;
    this.#forget = forget;
  }

  /** Takes one more reference. */
  get(): this {
    if (this.#references <= 0) throw new KernelBug(`${this.kind} ${this.id} used after its end`);
    this.#references++;
    return this;
  }

  /** Drops a reference. */
  put(): void {
    if (this.#references <= 0) throw new KernelBug(`${this.kind} ${this.id} dropped twice`);
    if (--this.#references > 0) return;
    this.#forget(this);
    this.release();
  }

  /** Counts a descriptor or pin, beside its reference: what user space can reach the object by. */
  getUser(): void {}

  /** Says that a descriptor or pin goes. */
  putUser(): void {}

  /** Gives back what the object holds. */
  protected abstract release(): void;
}

/** All objects of one kind by id. Ids rise from 1 and are not used again while the kernel lives. */
export class IdTable<T extends KernelObject> {
  readonly #objects = new Map<number, T>();
  #next = 1;

  /** Makes an object with the next id; `make` gets the id and what to call at its end. */
  add(make: (id: number, forget: (object: KernelObject) => void) => T): T {
    const object = make(this.#next++, (ended) => this.#objects.delete(ended.id));
    this.#objects.set(object.id, object);
    return object;
  }

  /** The object with an id, or undefined. */
  find(id: number): T | undefined {
    return this.#objects.get(id);
  }

  /** Objects alive, for leak checks. */
  get size(): number {
    return this.#objects.size;
  }
}
