/**
 * How well a fitted map does on states that it was not fitted on: how near the mapped states come to the model's own,
 * and, which is what counts, what the model says when it goes on from them.
 */
import { cosine } from "./fidelity.ts";

/** Scores of one map on held-out states. */
export interface MapScores {
  /** The part of the target states' variance that the mapped states explain; below 0 they are worse than the mean. 0 where there is none, as of one state. */
  readonly r2: number;
  /** Mean cosine of mapped and own states. */
  readonly cosine: number;
  /** Share of states behind which the likeliest next token is the model's own. */
  readonly precision1: number;
  /** Mean of minus the log-probability, in nats, that the model itself gives the token which is likeliest then. */
  readonly surprisal: number;
}

/** Adds up scores, state by state. */
export class MapTally {
  readonly #sum: Float64Array;
  #squares = 0;
  #errors = 0;
  #cosines = 0;
  #hits = 0;
  #surprisal = 0;
  #states = 0;

  constructor(width: number) {
    this.#sum = new Float64Array(width);
  }

  /** A mapped state beside the model's own, `[hidden]` each. */
  addState(got: Float32Array, own: Float32Array): void {
    this.#states += 1;
    this.#cosines += cosine(got, own);
    for (const [i, value] of own.entries()) {
      this.#sum[i] = (this.#sum[i] ?? 0) + value;
      this.#squares += value * value;
      this.#errors += (value - (got[i] ?? 0)) ** 2;
    }
  }

  /** Whether the likeliest token behind a mapped state is the model's own, and what the model gives it, in nats. */
  addToken(isOwn: boolean, logprob: number): void {
    if (isOwn) this.#hits += 1;
    this.#surprisal -= logprob;
  }

  scores(): MapScores {
    const states = this.#states;
    const spread =
      this.#squares - this.#sum.reduce((sum, value) => sum + value * value, 0) / states;
    return {
      // What rounding leaves of no variance is none.
      r2: spread > 1e-12 * this.#squares ? 1 - this.#errors / spread : 0,
      cosine: this.#cosines / states,
      precision1: this.#hits / states,
      surprisal: this.#surprisal / states,
    };
  }
}
