/**
 * Writes protobuf messages: fields in the order they are called, nothing that has its default. Enough for ONNX models,
 * and a fraction of the time and size of a library that also reads and reflects.
 */

/** Wire types of https://protobuf.dev/programming-guides/encoding/. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const INITIAL_BYTES = 64;
const UTF8 = new TextEncoder();

export class ProtoWriter {
  #bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  #length = 0;

  /** The message so far: a view. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** int32, int64 and enum fields; whole numbers up to 2^53 either way. */
  int(field: number, value: number): this {
    this.#tag(field, VARINT);
    this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, FIXED32);
    this.#append(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  text(field: number, value: string): this {
    return this.data(field, UTF8.encode(value));
  }

  data(field: number, value: Uint8Array): this {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#append(value);
    return this;
  }

  /** A message inside this one. */
  message(field: number, write: (message: ProtoWriter) => void): this {
    const inner = new ProtoWriter();
    write(inner);
    return this.data(field, inner.bytes());
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  /** Seven bits a byte, the lowest first; a negative number as 64 bits in two's complement. */
  #varint(value: number): void {
    if (value >= 0 && value < 128) {
      this.#append(Uint8Array.of(value));
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    while (rest >= 128n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.#append(Uint8Array.from(bytes));
  }

  #append(more: Uint8Array): void {
    const needed = this.#length + more.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(more, this.#length);
    this.#length = needed;
  }
}
