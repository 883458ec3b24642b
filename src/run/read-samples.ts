/** Cells in several samples of noise: what is read is the mean over them. */
import { assert } from "../errors.ts";
import { logSumExp } from "../measure/fidelity.ts";
import { meanOfMetrics } from "./metrics.ts";
import type { ScoredToken } from "./next-token.ts";
import type { CellBatch, CellReadOut, SampledReadOut } from "./read-cells.ts";
import { readCells } from "./read-cells.ts";
import type { CleanTarget } from "./target.ts";

/** Reads a batch behind each of some clean targets, one for each sample. */
export async function readSamples(
  batch: Omit<CellBatch, "target">,
  targets: readonly CleanTarget[],
): Promise<CellReadOut[]> {
  const means = batch.cells.map(() => new RunningMean());
  for (const target of targets) {
    const read = await readCells({ ...batch, target });
    if (batch.plan.read.kind !== "generate") batch.onTokens?.(batch.cells.length);
    if (targets.length === 1) return read.map(withoutLogits);
    for (const [index, sample] of read.entries()) means[index]?.add(sample);
  }
  return means.map((mean) => mean.readOut(batch.plan.read.topK));
}

function withoutLogits({ logits: _, ...readOut }: SampledReadOut): CellReadOut {
  return readOut;
}

/** The mean of some distributions, and of their metrics. */
class RunningMean {
  /** The sum of the probabilities, `[vocab]`. */
  #sum: Float64Array | undefined;
  readonly #samples: SampledReadOut[] = [];

  add(sample: SampledReadOut): void {
    const { logits, ...rest } = sample;
    assert(logits, "the whole distribution of a sample was read");
    this.#sum ??= new Float64Array(logits.length);
    const total = logSumExp(logits);
    for (const [token, logit] of logits.entries()) {
      this.#sum[token] = (this.#sum[token] ?? 0) + Math.exp(logit - total);
    }
    this.#samples.push(rest);
  }

  readOut(topK: number): CellReadOut {
    const sum = this.#sum ?? new Float64Array(0);
    const metrics = this.#samples.flatMap((sample) => (sample.metrics ? [sample.metrics] : []));
    return {
      next: likeliest(sum, topK).map((token) => ({
        token,
        logprob: Math.log((sum[token] ?? 0) / this.#samples.length),
      })),
      generated: [],
      ...(metrics.length > 0 && { metrics: meanOfMetrics(metrics) }),
    };
  }
}

/** The tokens of the largest values, largest first; equal ones in the order of their ids. */
function likeliest(values: Float64Array, count: number): ScoredToken["token"][] {
  const best: number[] = [];
  for (const [token, value] of values.entries()) {
    if (best.length === count && value <= (values[best.at(-1) ?? 0] ?? 0)) continue;
    const at = best.findIndex((other) => (values[other] ?? 0) < value);
    best.splice(at < 0 ? best.length : at, 0, token);
    if (best.length > count) best.pop();
  }
  return best;
}
