/** GPT-2's spelling of bytes: each of the 256 is one printable character, in which byte-level vocabularies are written. */

/** The character of each byte. */
export const BYTE_SYMBOLS: readonly string[] = makeSymbols();

const SYMBOL_BYTES: ReadonlyMap<string, number> = new Map(
  BYTE_SYMBOLS.map((symbol, byte) => [symbol, byte]),
);

const utf8 = new TextEncoder();

/** The bytes that a vocabulary entry stands for; a character that is no symbol stands for its own UTF-8. */
export function bytesOfSymbols(entry: string): readonly number[] {
  const bytes: number[] = [];
  for (const symbol of entry) {
    const byte = SYMBOL_BYTES.get(symbol);
    if (byte === undefined) bytes.push(...utf8.encode(symbol));
    else bytes.push(byte);
  }
  return bytes;
}

function makeSymbols(): readonly string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100; // the others take the code points from here on, in their order
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : next++),
  );
}
