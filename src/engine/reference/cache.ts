/** Keys and values of whole rows, as plain lists that later passes read and lengthen. */
import type { Cache } from "../engine.ts";
import type { KeysValues } from "./attention.ts";

/** One row's keys and values, by block. */
export type RowCache = readonly KeysValues[];

/** Kept rows; `contents` is undefined once disposed. */
export class ReferenceCache implements Cache {
  readonly rows: number;
  #length: number;
  #contents: readonly RowCache[] | undefined;

  constructor(contents: readonly RowCache[], length: number) {
    this.rows = contents.length;
    this.#length = length;
    this.#contents = contents;
  }

  get length(): number {
    return this.#length;
  }

  get contents(): readonly RowCache[] | undefined {
    return this.#contents;
  }

  /** Takes the same rows with one more position. */
  lengthen(contents: readonly RowCache[]): void {
    this.#contents = contents;
    this.#length += 1;
  }

  dispose(): void {
    this.#contents = undefined;
  }
}
