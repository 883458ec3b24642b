/** Reads little-endian numbers of stored blocks, wherever they stand in their buffer. */

/** The 16 bits at `bytes[at]`. */
export function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** The 32 bits at `bytes[at]`, as a signed number: for shifts and masks. */
export function bits32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) | (uint16(bytes, at + 2) << 16);
}
