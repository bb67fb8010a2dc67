import { createDataplane, type Dataplane } from "../../src/kernel/dataplane/dataplane.ts";
import { createMapFactory } from "../../src/kernel/maps/create.ts";
import type { CreateMap } from "../../src/kernel/maps/map.ts";

/** A data plane of its own and its map factory. */
export interface Plane {
  readonly plane: Dataplane;
  readonly createMap: CreateMap;
  /** Payload bytes that are out, besides what the factory keeps. */
  readonly used: () => number;
}

/** Makes a data plane for a test, with two CPUs as the machine's kernel has. */
export async function createPlane(options: { cpus?: number; maximumPages?: number } = {}): Promise<Plane> {
  const plane = await createDataplane({ cpus: 2, imports: { now: () => 0 }, ...options });
  const createMap = createMapFactory(plane);
  const kept = plane.exports.alloc_used();
  return { plane, createMap, used: () => plane.exports.alloc_used() - kept };
}
