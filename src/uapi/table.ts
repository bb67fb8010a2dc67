/** One fact of the UAPI: its number, and the Linux version that brought it ("?" where no source says). */
export interface Row {
  readonly value: number;
  readonly since: string;
}

/** The numbers of a table by name, so that code reads `MAP_TYPE.HASH`. */
export type Values<T extends Record<string, Row>> = { readonly [K in keyof T]: T[K]["value"] };

/** Takes the numbers out of a table of rows. */
export function values<T extends Record<string, Row>>(rows: T): Values<T> {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, row.value])) as Values<T>;
}

/** The name of a number in a table of rows, or undefined if the table has no such number. */
export function nameOf(rows: Record<string, Row>, value: number): string | undefined {
  for (const [name, row] of Object.entries(rows)) if (row.value === value) return name;
  return undefined;
}
