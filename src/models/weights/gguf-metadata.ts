/** The key-value part of a GGUF header, with types checked when a key is read. */
import { modelUnreadable } from "../errors.ts";
import type { GgufCursor } from "./gguf-cursor.ts";

/** An array of numbers; 64-bit integers become doubles. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** A value as it is written; arrays hold numbers or strings, never arrays. */
export type GgufValue = number | boolean | string | readonly string[] | GgufNumbers;

/** What a GGUF file says about itself. A key that has another type than asked for is an error, a missing one is not. */
export class GgufMetadata {
  readonly file: string;
  readonly #values: ReadonlyMap<string, GgufValue>;

  constructor(file: string, values: ReadonlyMap<string, GgufValue>) {
    this.file = file;
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  number(key: string): number | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === "number") return value;
    throw this.#wrongType(key, "a number");
  }

  string(key: string): string | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.#wrongType(key, "a text");
  }

  boolean(key: string): boolean | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.#wrongType(key, "true or false");
  }

  strings(key: string): readonly string[] | undefined {
    const value = this.#values.get(key);
    if (value === undefined || isStrings(value)) return value;
    throw this.#wrongType(key, "a list of texts");
  }

  /** A list of numbers, or a single one as a list. */
  numbers(key: string): ArrayLike<number> | undefined {
    const value = this.#values.get(key);
    if (typeof value === "number") return [value];
    if (value === undefined || ArrayBuffer.isView(value)) return value;
    throw this.#wrongType(key, "a list of numbers");
  }

  #wrongType(key: string, expected: string): Error {
    return modelUnreadable({ file: this.file, problem: `"${key}" should be ${expected}` });
  }
}

function isStrings(value: GgufValue): value is readonly string[] {
  return Array.isArray(value);
}

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

interface NumberType {
  readonly bytes: number;
  readonly one: (cursor: GgufCursor) => number;
  readonly many: (bytes: Uint8Array<ArrayBuffer>) => GgufNumbers;
}

/** By the number that stands in the file. */
const NUMBER_TYPES: ReadonlyMap<number, NumberType> = new Map<number, NumberType>([
  [0, { bytes: 1, one: (c) => c.uint8(), many: (b) => b }],
  [1, { bytes: 1, one: (c) => c.int8(), many: (b) => new Int8Array(b.buffer) }],
  [2, { bytes: 2, one: (c) => c.uint16(), many: (b) => new Uint16Array(b.buffer) }],
  [3, { bytes: 2, one: (c) => c.int16(), many: (b) => new Int16Array(b.buffer) }],
  [4, { bytes: 4, one: (c) => c.uint32(), many: (b) => new Uint32Array(b.buffer) }],
  [5, { bytes: 4, one: (c) => c.int32(), many: (b) => new Int32Array(b.buffer) }],
  [6, { bytes: 4, one: (c) => c.float32(), many: (b) => new Float32Array(b.buffer) }],
  [10, { bytes: 8, one: (c) => c.uint64(), many: (b) => toDoubles(new BigUint64Array(b.buffer)) }],
  [11, { bytes: 8, one: (c) => c.int64(), many: (b) => toDoubles(new BigInt64Array(b.buffer)) }],
  [12, { bytes: 8, one: (c) => c.float64(), many: (b) => new Float64Array(b.buffer) }],
]);

function toDoubles(integers: BigUint64Array | BigInt64Array): Float64Array {
  return Float64Array.from(integers, Number);
}

/** Reads one value with its type in front. */
export function readGgufValue(cursor: GgufCursor): GgufValue {
  const type = cursor.uint32();
  if (type === BOOL) return readBoolean(cursor);
  if (type === STRING) return cursor.string();
  if (type === ARRAY) return readArray(cursor);
  return numberType(cursor, type).one(cursor);
}

function readBoolean(cursor: GgufCursor): boolean {
  const byte = cursor.uint8();
  if (byte > 1) throw cursor.wrong(`a truth value is ${byte}`);
  return byte === 1;
}

function readArray(cursor: GgufCursor): GgufValue {
  const type = cursor.uint32();
  const count = cursor.uint64();
  if (type === STRING) return cursor.strings(count);
  const { bytes, many } = type === BOOL ? numberType(cursor, 0) : numberType(cursor, type);
  cursor.expectRoom(count, bytes, `an array of ${count} numbers`);
  return many(cursor.bytes(count * bytes));
}

function numberType(cursor: GgufCursor, type: number): NumberType {
  const found = NUMBER_TYPES.get(type);
  if (found === undefined) throw cursor.wrong(`a value has the unknown type ${type}`);
  return found;
}
