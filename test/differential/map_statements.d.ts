import { type Statement, type Writer } from "./writer.ts";
/** Statements on the program's maps, with weights. */
export declare function mapStatements(w: Writer): (readonly [number, Statement])[];
