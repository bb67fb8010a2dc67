const COMPATIBLE: ReadonlySet<string> = new Set([
  "GPL",
  "GPL v2",
  "GPL and additional rights",
  "Dual BSD/GPL",
  "Dual MIT/GPL",
  "Dual MPL/GPL",
]);

/** True for the licence texts that let a program call GPL-only helpers (Documentation/process/license-rules). */
export function isGplCompatible(license: string): boolean {
  return COMPATIBLE.has(license);
}
