/** A field of a UAPI struct: its place, and the Linux version that brought it. */
export interface StructField {
  /** Bytes from the struct's start. */
  readonly offset: number;
  /** Bytes; for an array all of it. */
  readonly size: number;
  readonly since: string;
}
