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
    let rest = value;
    if (value < 0) {
      let bits = BigInt.asUintN(64, BigInt(value));
      for (; bits >= 128n; bits >>= 7n) {
        this.#byte(Number(bits & 127n) | 128);
      }
      rest = Number(bits);
    }
    for (; rest >= 128; rest = Math.floor(rest / 128)) {
      this.#byte((rest % 128) | 128);
    }
    this.#byte(rest);
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  #append(more: Uint8Array): void {
    this.#reserve(more.length);
    this.#bytes.set(more, this.#length);
    this.#length += more.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) {
      return;
    }
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
