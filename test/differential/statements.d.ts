import { type Writer } from "./writer.ts";
/** Writes a few statements. */
export declare function block(w: Writer, statements: number): void;
