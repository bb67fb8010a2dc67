/**
 * `(module (import "e" "f" (func (param i64 i32) (result i64))) (export "f" (func 0)))`: a table takes WebAssembly
 * functions only, and an imported JavaScript function that is exported again is one.
 */
const WRAPPER = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  // one type: (i64, i32) -> i64
  ...[0x01, 0x07, 0x01, 0x60, 0x02, 0x7e, 0x7f, 0x01, 0x7e],
  // one import: function e.f of type 0
  ...[0x02, 0x07, 0x01, 0x01, 0x65, 0x01, 0x66, 0x00, 0x00],
  // one export: f, function 0
  ...[0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
);

let compiled: WebAssembly.Module | undefined;

/** Makes a program's entry of a JavaScript function: the same, but a WebAssembly.Table takes it. */
export function wrapEntry(f: (ctx: bigint, cpu: number) => bigint): (ctx: bigint, cpu: number) => bigint {
  compiled ??= new WebAssembly.Module(WRAPPER);
  const instance = new WebAssembly.Instance(compiled, { e: { f } });
  return instance.exports.f as (ctx: bigint, cpu: number) => bigint;
}
