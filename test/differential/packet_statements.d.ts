import { type Statement, type Writer } from "./writer.ts";
/** Statements on the context and the packet, with weights. */
export declare function packetStatements(w: Writer): (readonly [number, Statement])[];
