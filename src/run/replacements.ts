/**
 * What interventions put in place of the target's own states: soft prompts, embeddings with noise, zeros, means. They are part of
 * the clean run and of every row of a prefill; the noise is another one in each sample.
 */
import type { Engine, Patch } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { meanOf } from "../mapping/vector-algebra.ts";
import type { LoadedVectors } from "../mapping/vector-file.ts";
import type { Ablation, Plan } from "../plan/plan.ts";
import { vectorKey, type VectorFiles } from "../plan/vectors.ts";
import type { Site } from "../site.ts";
import { gaussian } from "./control-vectors.ts";
import { capturePrompts, placeKey } from "./vectors.ts";

/** A state that is replaced, by its position in the target. */
export interface Replacement extends Pick<Patch, "site" | "layer" | "vector"> {
  readonly position: number;
}

/** What is replaced in the runs of one sample. */
export interface Replacements {
  /** In every run. */
  readonly everywhere: readonly Replacement[];
  /** By the ablations of a single cell. */
  of(ablations: readonly Ablation[]): readonly Replacement[];
}

/** The replacements of each sample of a plan's noise; of one where there is none. */
export async function replacementsOf(
  plan: Plan,
  engine: Engine,
  files: VectorFiles<LoadedVectors>,
  signal?: AbortSignal,
): Promise<readonly Replacements[]> {
  const means = await meansOf(plan, engine, signal);
  const of = (ablations: readonly Ablation[]): readonly Replacement[] =>
    ablations.flatMap(({ site, layers, positions, with: what }) =>
      layers.flatMap((layer) => {
        const zeros = new Float32Array(plan.shape.hiddenSize);
        const vector = what === "zero" ? zeros : means.get(placeKey({ site, layer }));
        assert(vector, "the mean was computed");
        return positions.map((position) => ({ site, layer, position, vector }));
      }),
    );
  const ablated = of(plan.ablations);
  const soft = softEmbeddings(plan, files);
  const noised = await noisedEmbeddings(plan, engine, soft, signal);
  // A later one of the same place wins: noise is on what the soft prompt has put there.
  return noised.map((noise) => ({ everywhere: [...soft, ...noise, ...ablated], of }));
}

/** The mean of the states of some sentences by site and layer, wherever an ablation needs it. */
async function meansOf(
  plan: Plan,
  engine: Engine,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Float32Array>> {
  const all = [...plan.ablations, ...plan.cells.flatMap(({ own }) => own?.ablations ?? [])];
  const needed = all.filter((each) => each.with === "mean");
  if (needed.length === 0) return new Map();
  const states = new Map<string, { readonly site: Site; readonly layer: number }>();
  for (const { site, layers } of needed) {
    for (const layer of layers) states.set(placeKey({ site, layer }), { site, layer });
  }
  const prompts = await capturePrompts(engine, plan.meanSentences, [...states.values()], signal);
  return new Map(
    [...states].map(([key, place]) => {
      const vectors = prompts.flatMap((prompt) => {
        const { tokens } = prompt;
        // A first token is an attention sink, whose states are far from all others'.
        const from = tokens.length > 1 ? 1 : 0;
        return tokens
          .slice(from)
          .map((_, index) => prompt.at({ ...place, position: from + index }));
      });
      return [key, meanOf(vectors)];
    }),
  );
}

const EMBEDDING = { site: "resid_pre", layer: 0 } as const;

/** The vectors of the soft prompts, at their positions. */
function softEmbeddings(
  { softPrompts, shape: { hiddenSize } }: Plan,
  files: VectorFiles<LoadedVectors>,
): readonly Replacement[] {
  return softPrompts.flatMap(({ file, positions }) => {
    const data = files.get(vectorKey(file))?.data;
    assert(data, "the soft prompt was loaded");
    return positions.map((position, index) => ({
      ...EMBEDDING,
      position,
      vector: data.subarray(index * hiddenSize, (index + 1) * hiddenSize),
    }));
  });
}

/** The embeddings with noise on them, for each sample; one without any where there is no noise. */
async function noisedEmbeddings(
  plan: Plan,
  engine: Engine,
  soft: readonly Replacement[],
  signal: AbortSignal | undefined,
): Promise<readonly (readonly Replacement[])[]> {
  const { noise, seed, target } = plan;
  if (noise === undefined) return [[]];
  const [states] = await capturePrompts(engine, [target.tokens], [EMBEDDING], signal);
  assert(states, "the embeddings were read");
  const deviation = noise.scale * (await embeddingDeviation(engine, signal));
  return Array.from({ length: noise.samples }, (_, sample) =>
    noise.positions.map((position) => {
      const put = soft.find((each) => each.position === position);
      const own = put?.vector ?? states.at({ ...EMBEDDING, position });
      const draw = noiseAt({ seed, sample, position }, own.length);
      const vector = own.map((value, unit) => value + deviation * (draw[unit] ?? 0));
      return { ...EMBEDDING, position, vector };
    }),
  );
}

/** Standard normal numbers of one token in one sample, `[hidden]`. */
export function noiseAt(
  at: { readonly seed: number; readonly sample: number; readonly position: number },
  hiddenSize: number,
): Float32Array {
  // Far above all layers, which random control vectors are drawn by.
  const layer = NOISE_DRAWS + at.sample;
  return gaussian({ seed: at.seed, layer, index: at.position }, hiddenSize);
}

const NOISE_DRAWS = 1_000_000;
// Tokens all over the vocabulary; 128 give the deviation to about a hundredth.
const SAMPLED_TOKENS = 128;

/**
 * How far the numbers of a model's embeddings are from their mean over the vocabulary: a standard deviation, over tokens at
 * even distances. What block 0 reads is measured, so a learned position, the same for all of them, adds nothing.
 */
export async function embeddingDeviation(engine: Engine, signal?: AbortSignal): Promise<number> {
  const { vocabSize, hiddenSize } = engine.architecture;
  const count = Math.min(SAMPLED_TOKENS, vocabSize);
  const rows = Array.from({ length: count }, (_, index) => ({
    tokens: [Math.floor((index * vocabSize) / count)],
  }));
  const output = await engine.run({ kind: "prefill", length: 1, rows, taps: [EMBEDDING] }, signal);
  const states = output.taps[0];
  assert(states, "the embeddings were read");
  const mean = new Float64Array(hiddenSize);
  for (const [index, value] of states.entries()) {
    const unit = index % hiddenSize;
    mean[unit] = (mean[unit] ?? 0) + value / count;
  }
  const squares = states.reduce(
    (sum, value, index) => sum + (value - (mean[index % hiddenSize] ?? 0)) ** 2,
    0,
  );
  return Math.sqrt(squares / states.length);
}
