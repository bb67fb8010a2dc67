import type { Btf } from "../../btf/btf.ts";
import { MAP_FLAG } from "../../uapi/flags.ts";
import { MAP_TYPE } from "../../uapi/map_type.ts";
import type { BpfMap, MapFacts } from "../maps/map.ts";
import type { BtfObject } from "./btf_object.ts";
import { KernelObject } from "./object.ts";
import type { ProgObject } from "./prog_object.ts";

/** The types of a map's key and value: a reference on the BTF object and two ids in it. */
export interface MapBtf {
  readonly object: BtfObject;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

/** What the programs of a program array must have in common; fixed by the first program that touches it. */
export interface ProgArrayOwner {
  readonly type: number;
  readonly expectedAttachType: number;
  readonly xdpHasFrags: boolean;
}

/** A map with its life cycle: the map itself, its types, and for program arrays the programs it holds. */
export class MapObject extends KernelObject {
  readonly kind = "map";
  readonly map: BpfMap;
  readonly types: MapBtf | undefined;
  /** True after BPF_MAP_FREEZE: user space may not write any more. */
  frozen = false;
  /** For program arrays: what the programs must have in common. */
  owner: ProgArrayOwner | undefined;
  /** For program arrays: the programs by slot, each with a reference. */
  readonly programs = new Map<number, ProgObject>();
  #userReferences = 0;

  constructor(id: number, forget: (object: KernelObject) => void, map: BpfMap, types: MapBtf | undefined) {
    super(id, forget);
    this.map = map;
    this.types = types;
  }

  override getUser(): void {
    this.#userReferences++;
  }

  /**
   * Drops a descriptor or pin. When the last one goes, a program array is emptied: programs that it holds may use it
   * themselves, and neither would ever be freed.
   */
  override putUser(): void {
    if (--this.#userReferences === 0 && this.map.type === MAP_TYPE.PROG_ARRAY) this.clearPrograms();
  }

  /** Takes all programs out of a program array. */
  clearPrograms(): void {
    for (const [slot, program] of [...this.programs]) {
      const key = new Uint8Array(4);
      new DataView(key.buffer).setUint32(0, slot, true);
      this.map.delete(key);
      this.programs.delete(slot);
      program.put();
    }
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
    this.clearPrograms();
    this.map.free();
    this.types?.object.put();
  }
}
