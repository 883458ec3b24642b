/** Random plans over small models: axes, several places, sites, mappings, interventions, ways to read. */
import fc from "fast-check";
import type { ModelDefinition } from "../../src/engine/architecture.ts";
import { assert } from "../../src/errors.ts";
import type { LoadedVectors } from "../../src/mapping/vector-file.ts";
import { EVIDENCE_TOKENS } from "../../src/measure/evidence.ts";
import { buildPlan } from "../../src/plan/build-plan.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { vectorKey, type VectorFiles } from "../../src/plan/vectors.ts";
import { gaussian } from "../../src/run/control-vectors.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { CONTROL_KINDS } from "../../src/spec/spec.ts";
import { randomModel } from "../support/random-model.ts";
import { wordTokenizer } from "../support/word-model.ts";

export const LAYERS = 3;
const VOCAB = 40;
const SIZES = {
  layers: LAYERS,
  hiddenSize: 16,
  heads: 4,
  kvHeads: 2,
  headSize: 4,
  intermediateSize: 24,
  vocabSize: VOCAB,
};

/** Of the same sizes; what families declare differs. */
export const TOYS: readonly ModelDefinition[] = [
  randomModel({ seed: 11, ...SIZES }),
  // Norms around each sub-layer, caps, a short window with its own angles in every other layer (as Gemma 2 and 3).
  randomModel({
    ...{ seed: 12, ...SIZES, tiedHead: true },
    features: {
      norm: { kind: "rms", epsilon: 1e-6, placement: "both" },
      qkNorm: "head",
      activation: "gelu-tanh",
      window: {
        size: 3,
        layers: new Set([0, 2]),
        rope: { inverseFrequencies: Float64Array.of(0.5, 0.1), attentionFactor: 1 },
      },
      scoreCap: 2,
      logitCap: 5,
      embeddingScale: 2,
    },
  }),
  // Learned positions, layer norms, a plain MLP, biases everywhere, a head of keys for each of queries (as GPT-2).
  randomModel({
    ...{ seed: 13, ...SIZES, kvHeads: 4 },
    features: {
      norm: { kind: "layer-norm", epsilon: 1e-5, placement: "pre" },
      mlp: "plain",
      activation: "gelu",
      rope: undefined,
      biases: { qkv: true, o: true, mlp: true, head: true },
    },
  }),
  // Parallel blocks, windows everywhere, one head of keys (as GPT-NeoX and Mistral).
  randomModel({
    ...{ seed: 14, ...SIZES, kvHeads: 1 },
    features: {
      norm: { kind: "layer-norm", epsilon: 1e-5, placement: "pre" },
      block: "parallel",
      window: { size: 4, layers: new Set([0, 1, 2]), rope: undefined },
      residualScale: 0.5,
      logitScale: 0.25,
    },
  }),
];

const SENTENCES = ["red", "one two three", "a b"];
export const CONTRAST = ["two one", { prompt: "one red two", position: 1 }];
const END_TOKENS = new Set([7, 19]);
/** Tokens write one or two of three letters. */
export const RUN = {
  vectors: softPrompts(),
  endTokens: END_TOKENS,
  decode: (tokens: readonly number[]): string =>
    tokens.map((token) => ["a", "b", "c", "ab"][token % 4] ?? "").join(""),
};

/** Files with as many vectors as their names say, for targets of any length. */
function softPrompts(): VectorFiles<LoadedVectors> {
  const { hiddenSize } = SIZES;
  return new Map(
    [1, 2, 3, 4, 5].map((count) => {
      const file = String(count);
      const data = gaussian({ seed: 3, layer: 0, index: count }, count * hiddenSize);
      const loaded: LoadedVectors = {
        ...{ file, tensor: "prompt", hash: `sha256:${count}`, data },
        ...{ layers: undefined, site: undefined, tokens: undefined },
        shape: count === 1 ? [hiddenSize] : [count, hiddenSize],
      };
      return [vectorKey({ file }), loaded];
    }),
  );
}

/** The last token may not look at itself. */
const SELF_CUT = [{ from: -1, to: -1, layers: 1 }];

/** Any spec that generates: axes, several places, sites, one vector at several layers. */
export const SHAPES = fc.record({
  /** Index into {@link TOYS}. */
  toy: fc.nat(TOYS.length - 1),
  source: fc.array(fc.nat(VOCAB - 2), { minLength: 1, maxLength: 5 }),
  target: fc.array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 5 }),
  sourcePosition: fc.constantFrom<unknown>(-1, -1, "all", { from: 0, to: -1 }, { together: "all" }),
  sourceLayer: fc.constantFrom<unknown>("all", "embedding", -1, [0, 2], ["embedding", 1], {
    together: [1, 0],
  }),
  targetLayer: fc.constantFrom<unknown>("same", "all", 0, [2, 0], { together: [0, 2] }),
  targetPosition: fc.constantFrom<unknown>(-1, 0, "all", [0, -1]),
  site: fc.constantFrom("resid_post", "resid_pre", "mlp_out"),
  mode: fc.constantFrom<unknown>("replace", "add", "norm-matched", "norm-scaled", {
    interpolate: 0.25,
  }),
  mapping: fc.constantFrom<unknown>(
    { kind: "identity" },
    { kind: "scale", factor: -0.5 },
    { kind: "normalise", norm: 3 },
    { kind: "scalar-affine", factor: -1.5, bias: 0.25 },
    { kind: "mean", with: ["a", "b"] },
    { kind: "difference", with: ["b"] },
    [{ kind: "difference", with: ["a", "b"] }, { kind: "normalise" }],
    [
      { kind: "projection", onto: "a", remove: true },
      { kind: "scale", factor: [-1, 3] },
    ],
    [
      { kind: "scale", factor: [0.5, 2] },
      { kind: "interpolation", with: "b", amount: 0.25 },
      { kind: "projection", onto: ["a"] },
    ],
  ),
  contamination: fc.constantFrom("keep", "hide", "overwrite"),
  interventions: fc.constantFrom<readonly object[]>(
    [],
    [{ from: "all", to: 0 }],
    [{ from: -1, to: "all", layers: [1, 2] }],
    SELF_CUT,
    [
      { from: "all", to: [0, -1], layers: 2 },
      { from: -1, to: 0, layers: { from: 0, to: 1 } },
    ],
  ),
  ablations: fc.constantFrom<readonly object[]>(
    [],
    [],
    [{ positions: 0, layers: 1 }],
    [{ positions: "all", layers: [0, 2], site: "attn_out", with: "mean" }],
    [{ positions: -1, site: "mlp_out", sweep: { layers: 1 } }],
    [{ kind: "noise", positions: [0, -1] }],
    [{ kind: "soft-prompt", positions: "all" }],
    [
      { kind: "soft-prompt", positions: -1 },
      { kind: "noise", positions: [0, -1] },
    ],
  ),
  maxTokens: fc.integer({ min: 1, max: EVIDENCE_TOKENS + 2 }),
  ignoreEos: fc.boolean(),
  stop: fc.constantFrom<readonly string[] | undefined>(undefined, undefined, ["ab"], ["cc", "ba"]),
  decoding: fc.constantFrom<unknown>(
    undefined,
    undefined,
    {},
    { temperature: 2, topK: 9, topP: 0.9 },
    { contrast: { amount: 2, plausibility: 0.05 } },
    { contrast: {}, temperature: 3 },
  ),
  seed: fc.integer({ min: 0 }),
  controls: fc.shuffledSubarray([...CONTROL_KINDS]),
});

export type Shape = typeof SHAPES extends fc.Arbitrary<infer Drawn> ? Drawn : never;

/** Vectors of a mapping's steps: at the layer of the state that is mapped, and at one of their own. */
const SOURCES = {
  a: { tokens: [5, 39, 7], position: 1 }, // the last token is in no source: nothing is left of a vector less itself
  b: { tokens: [9, 3], layer: 1 },
};

/** Slices go one to one; only the residual stream can be overwritten. */
function placesOf(shape: Shape): Pick<Shape, "targetPosition" | "targetLayer" | "contamination"> {
  const isSlice = JSON.stringify(shape.sourcePosition).includes("together");
  const isOfLayers = JSON.stringify(shape.sourceLayer).includes("together");
  const count = shape.source.length;
  const slots = Array.from({ length: count }, (_, index) => (2 * index) % shape.target.length);
  const isComponent = shape.site === "mlp_out" && shape.contamination === "overwrite";
  return {
    targetPosition: isSlice ? slots : shape.targetPosition,
    targetLayer: isOfLayers ? { together: [0, 2] } : shape.targetLayer,
    contamination: isComponent ? "keep" : shape.contamination,
  };
}

/** A soft prompt's file has as many vectors as there are positions. */
function fileFor(intervention: object, { target }: Shape): object {
  if (!("kind" in intervention && intervention.kind === "soft-prompt")) return {};
  const isWhole = "positions" in intervention && intervention.positions === "all";
  return { file: String(isWhole ? target.length : 1) };
}

/** None that could leave a token with nothing to look at. */
function interventionsOf({ target, contamination, interventions }: Shape): readonly object[] {
  const isBlind = target.length === 1 || (contamination === "hide" && interventions === SELF_CUT);
  return isBlind ? [] : interventions.map((each) => ({ kind: "attention-knockout", ...each }));
}

function generating(shape: Shape): object {
  return {
    kind: "generate",
    maxTokens: shape.maxTokens,
    ignoreEos: shape.ignoreEos,
    ...(shape.stop === undefined ? {} : { stop: shape.stop }),
    ...(shape.decoding === undefined ? {} : { decoding: shape.decoding }),
    topK: 3,
  };
}

/** The plan of a drawn spec, for its toy model. */
export function planOf(given: Shape, read: object = generating(given)): Plan {
  const shape = { ...given, ...placesOf(given) };
  // The embedding is a state of the residual stream only.
  const layerOf = (ref: unknown): unknown =>
    shape.site === "mlp_out" ? JSON.parse(JSON.stringify(ref).replaceAll('"embedding"', "1")) : ref;
  const spec = parseSpec({
    version: 1,
    source: {
      model: "toy",
      tokens: shape.source,
      position: shape.sourcePosition,
      layer: layerOf(shape.sourceLayer),
      site: shape.site,
    },
    target: {
      tokens: shape.target,
      layer: shape.targetLayer,
      position: shape.targetPosition,
      site: shape.site,
      mode: shape.mode,
      contamination: shape.contamination,
    },
    interventions: [
      ...interventionsOf(shape),
      ...shape.ablations.map((each) => ({ kind: "ablation", ...each, ...fileFor(each, shape) })),
    ],
    sources: SOURCES,
    mapping: shape.mapping,
    read,
    controls: shape.controls,
    contrast: CONTRAST,
    seed: shape.seed,
  });
  const architecture = { ...toyOf(shape).architecture, maxPositions: 64 };
  return buildPlan(spec, {
    model: { name: "toy", architecture, tokenizer: wordTokenizer() },
    unrelatedSentences: SENTENCES,
    vectors: RUN.vectors,
  });
}

/** The model of a drawn spec. */
function toyOf({ toy }: Pick<Shape, "toy">): ModelDefinition {
  const model = TOYS[toy];
  assert(model, "there is such a model");
  return model;
}
