/** Adam (arXiv 1412.6980): steps along a gradient, each number's in the measure of its own size so far. */

const DECAY = { mean: 0.9, square: 0.999 } as const;
const SMALLEST = 1e-8; // so that a number without a gradient goes nowhere

/** The optimiser of one array of weights. */
export class Adam {
  readonly #rate: number;
  readonly #mean: Float32Array;
  readonly #square: Float32Array;
  #steps = 0;

  constructor(size: number, rate: number) {
    this.#rate = rate;
    this.#mean = new Float32Array(size);
    this.#square = new Float32Array(size);
  }

  /** Changes `weights` by one step against `gradient`; `share` makes it shorter. */
  step(weights: Float32Array, gradient: Float32Array, share = 1): void {
    this.#steps += 1;
    const rate = (this.#rate * share) / (1 - DECAY.mean ** this.#steps);
    const correction = 1 / (1 - DECAY.square ** this.#steps);
    const [mean, square] = [this.#mean, this.#square];
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i] ?? 0;
      const m = DECAY.mean * (mean[i] ?? 0) + (1 - DECAY.mean) * g;
      const v = DECAY.square * (square[i] ?? 0) + (1 - DECAY.square) * g * g;
      mean[i] = m;
      square[i] = v;
      weights[i] = (weights[i] ?? 0) - (rate * m) / (Math.sqrt(v * correction) + SMALLEST);
    }
  }
}
