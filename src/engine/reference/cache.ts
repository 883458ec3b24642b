/** Keys and values of whole rows, as plain lists that later passes read and lengthen. */
import type { Cache } from "../engine.ts";
import type { KeysValues } from "./attention.ts";

/** One row's keys and values, by block. */
export type RowCache = readonly KeysValues[];

/** Kept rows; `contents` is undefined once disposed. */
export class ReferenceCache implements Cache {
  readonly rows: number;
  #lengths: readonly number[];
  #contents: readonly RowCache[] | undefined;

  constructor(contents: readonly RowCache[], lengths: readonly number[]) {
    this.rows = contents.length;
    this.#lengths = lengths;
    this.#contents = contents;
  }

  get length(): number {
    return Math.max(0, ...this.#lengths);
  }

  get lengths(): readonly number[] {
    return this.#lengths;
  }

  get contents(): readonly RowCache[] | undefined {
    return this.#contents;
  }

  /** Takes the same rows with one more position. */
  lengthen(contents: readonly RowCache[]): void {
    this.#contents = contents;
    this.#lengths = this.#lengths.map((length) => length + 1);
  }

  dispose(): void {
    this.#contents = undefined;
  }
}
