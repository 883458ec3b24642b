/** The embedding, looked up in JavaScript, so that the graph needs no copy of it. */
import type { WeightTensor } from "../architecture.ts";

export class EmbeddingTable {
  readonly #table: Float32Array;
  readonly #width: number;

  private constructor(table: Float32Array, width: number) {
    this.#table = table;
    this.#width = width;
  }

  static async load(weight: WeightTensor): Promise<EmbeddingTable> {
    const [rows = 0, width = 0] = weight.shape;
    const table = new Float32Array(rows * width);
    await weight.dequantize(table);
    return new EmbeddingTable(table, width);
  }

  /** Writes a token's embedding to `out[offset …]`. */
  copyTo(token: number, out: Float32Array, offset: number): void {
    out.set(this.#table.subarray(token * this.#width, (token + 1) * this.#width), offset);
  }
}
