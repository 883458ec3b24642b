/**
 * Random access to bytes that need not be in memory: the port through which all file formats are read.
 * Files, remote ranges and buffers are its adapters.
 */

/** Bytes that can be read by range. */
export interface ByteSource {
  /** What messages call it, e.g. the file's path. */
  readonly name: string;
  readonly size: number;
  /**
   * Fills `into` with the bytes from `start` on; they must lie within the size.
   * @throws `model-unreadable` when there are fewer bytes than the size promises
   */
  read(start: number, into: Uint8Array): Promise<void>;
  /** The bytes `[start, end)`, in a buffer of their own. */
  slice(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Bytes in memory as a source. Slices are copies, as they are from a file. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read: (start, into) => {
      into.set(bytes.subarray(start, start + into.length));
      return Promise.resolve();
    },
    slice: (start, end) => Promise.resolve(bytes.slice(start, end)),
    close: () => Promise.resolve(),
  };
}
