/** The cells of a sweep in PyTorch, as works that take turns with ours. */
import { GRID_PROMPTS, POSITIONS_PROMPTS } from "../prompts.ts";
import type { Pytorch, PytorchWork } from "./pytorch.ts";
import type { Work } from "./timing.ts";

type Cells = PytorchWork & { readonly kind: "cells" };
type Variant = Partial<Pick<Cells, "way" | "dtype" | "every">>;

const PROMPTS = { grid: GRID_PROMPTS, positions: POSITIONS_PROMPTS };

/** Runs cells in PyTorch, and keeps what they say in float32 and in batches. */
export class PytorchCells {
  readonly #pytorch: Pytorch | undefined;
  readonly #cells: Cells["cells"];
  readonly #newTokens: number;
  #tokens: readonly (readonly number[])[] = [];

  constructor(pytorch: Pytorch | undefined, cells: Cells["cells"], newTokens = 0) {
    this.#pytorch = pytorch;
    this.#cells = cells;
    this.#newTokens = newTokens;
  }

  /** Of each cell; none before it has run. */
  get tokens(): readonly (readonly number[])[] {
    return this.#tokens;
  }

  /** How sure PyTorch is of each token of these cells: its logit less that of the next likeliest. */
  async gapsOf(cells: readonly number[]): Promise<readonly (readonly number[])[]> {
    if (this.#pytorch === undefined || cells.length === 0) return [];
    const { gaps = [] } = await this.#pytorch.ask({ ...this.#cellsAsked(), only: cells });
    return gaps;
  }

  /** In float32 and in batches where nothing else is said; no work where PyTorch is missing. */
  work(variant: Variant = {}): Work | undefined {
    const pytorch = this.#pytorch;
    if (pytorch === undefined) return undefined;
    const work: Cells = { ...this.#cellsAsked(), ...variant };
    return {
      timed: async () => {
        const { seconds, tokens } = await pytorch.ask(work);
        if (Object.keys(variant).length === 0) this.#tokens = tokens;
        return seconds;
      },
    };
  }

  #cellsAsked(): Cells {
    return {
      ...{ kind: "cells", cells: this.#cells, ...PROMPTS[this.#cells] },
      ...{ way: "batched", dtype: "float32", newTokens: this.#newTokens, every: 1 },
    };
  }
}
