import type { Btf } from "../../btf/btf.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import type { BpfMap, MapFacts } from "../maps/map.ts";
import type { BtfObject } from "./btf_object.ts";
import { KernelObject } from "./object.ts";

/** The types of a map's key and value: a reference on the BTF object and two ids in it. */
export interface MapBtf {
  readonly object: BtfObject;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

/** What all inner maps of a map of maps have in common, taken from the map that `inner_map_fd` names. */
export interface InnerTemplate {
  /** One record for the template's whole life: the verifier tells inner maps apart by it. */
  readonly facts: MapFacts;
  /** The types of its values, with a reference. */
  readonly btf: BtfObject | undefined;
}

/** What a map is made with besides itself. */
export interface MapParts {
  readonly types?: MapBtf;
  /** For maps of maps: what its inner maps are like. */
  readonly inner?: InnerTemplate;
}

/** What the programs of a program array must have in common; fixed by the first program that touches it. */
export interface ProgArrayOwner {
  readonly type: number;
  readonly expectedAttachType: number;
  readonly xdpHasFrags: boolean;
}

/** A map with its life cycle: the map itself, its types, and the objects that its elements stand for. */
export class MapObject extends KernelObject {
  readonly kind = "map";
  readonly map: BpfMap;
  readonly types: MapBtf | undefined;
  readonly inner: InnerTemplate | undefined;
  /** True after BPF_MAP_FREEZE: user space may not write any more. */
  frozen = false;
  /** For maps that hold programs: what those must have in common. */
  owner: ProgArrayOwner | undefined;
  /** What elements stand for (programs, inner maps), by key, each with a reference. */
  readonly #held = new Map<string, { readonly key: Uint8Array; readonly object: KernelObject }>();
  #userReferences = 0;

  constructor(id: number, forget: (object: KernelObject) => void, map: BpfMap, parts: MapParts) {
    super(id, forget);
    this.map = map;
    this.types = parts.types;
    this.inner = parts.inner;
  }

  override getUser(): void {
    this.#userReferences++;
  }

  /**
   * Drops a descriptor or pin. When the last one goes, a program array is emptied: programs that it holds may use it
   * themselves, and neither would ever be freed.
   */
  override putUser(): void {
    if (--this.#userReferences !== 0 || this.map.type !== MAP_TYPE.PROG_ARRAY) return;
    for (const { key } of [...this.#held.values()]) {
      this.map.delete(key);
      this.hold(key, undefined);
    }
  }

  /** What the element of a key stands for, or undefined. */
  heldAt(key: Uint8Array): KernelObject | undefined {
    return this.#held.get(String(key))?.object;
  }

  /** Notes what the element of a key stands for, undefined for nothing; what it stood for before is let go. */
  hold(key: Uint8Array, object: KernelObject | undefined): void {
    const name = String(key);
    const old = this.#held.get(name)?.object;
    if (object === undefined) this.#held.delete(name);
    else this.#held.set(name, { key: key.slice(), object: object.get() });
    old?.put();
  }

  /** What the verifier is told of the map. */
  facts(): MapFacts {
    const { spec } = this.map;
    const readOnly = this.frozen && (spec.flags & MAP_FLAG.RDONLY_PROG) !== 0 && spec.type === MAP_TYPE.ARRAY;
    const btf: Btf | undefined = this.types?.object.btf;
    return {
      id: this.id,
      type: spec.type,
      name: spec.name,
      keySize: spec.keySize,
      valueSize: spec.valueSize,
      maxEntries: spec.maxEntries,
      flags: spec.flags,
      mapExtra: spec.mapExtra,
      frozen: this.frozen,
      btfKeyTypeId: this.types?.keyTypeId ?? 0,
      btfValueTypeId: this.types?.valueTypeId ?? 0,
      ...(this.inner === undefined ? {} : { inner: this.inner.facts }),
      ...(btf === undefined ? {} : { btf }),
      ...(readOnly ? { constValue: this.#contents() } : {}),
    };
  }

  /** The values of an array map one after the other, each rounded up to 8 bytes as programs see them. */
  #contents(): Uint8Array {
    const { valueSize, maxEntries } = this.map.spec;
    const stride = (valueSize + 7) & ~7;
    const all = new Uint8Array(stride * maxEntries);
    const key = new Uint8Array(4);
    const view = new DataView(key.buffer);
    for (let i = 0; i < maxEntries; i++) {
      view.setUint32(0, i, true);
      all.set(this.map.lookup(key, 0n), i * stride);
    }
    return all;
  }

  protected release(): void {
    this.map.free();
    for (const { object } of this.#held.values()) object.put();
    this.#held.clear();
    this.inner?.btf?.put();
    this.types?.object.put();
  }
}
