/** Reads a decimal or 0x number with an optional sign, or undefined. */
export function parseNumber(text: string): bigint | undefined {
  const m = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(text.trim());
  if (m?.[2] === undefined) return undefined;
  const value = BigInt(m[2]);
  return m[1] === "-" ? -value : value;
}

/** Cuts a number to a signed 32-bit immediate; undefined if it has more than 32 significant bits. */
export function toImm32(value: bigint): number | undefined {
  const cut = BigInt.asIntN(32, value);
  // 0xffffffff and -1 are the same 32 bits, and so is -1 written with 64 bits.
  const same = value === cut || value === BigInt.asUintN(32, value) || value === BigInt.asUintN(64, cut);
  return same ? Number(cut) : undefined;
}

/** A signed 16-bit offset, or undefined. */
export function toOff16(value: bigint): number | undefined {
  return value >= -0x8000n && value <= 0x7fffn ? Number(value) : undefined;
}
