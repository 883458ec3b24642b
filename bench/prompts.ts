/** What the figures are measured on. */
import { parseSpec, presetSpec, type PatchscopeSpec } from "patchscopes";

export const MODEL = "smollm2-135m-instruct";

/** The grid: every source layer into every target layer, at the last positions of these prompts. */
export const GRID_PROMPTS = {
  source: "Amazon's former CEO attended the Oscars",
  target: "cat -> cat\n1135 -> 1135\nhello -> hello\n?",
};

/** 64 tokens, each of which goes through the target of the grid. */
export const POSITIONS_PROMPTS: { readonly source: string; readonly target: string } = {
  source:
    "The Amazon rainforest covers most of the Amazon basin of South America. This basin encompasses seven million " +
    "square kilometres, of which five and a half million are covered by the rainforest. This region includes territory " +
    "belonging to nine nations and over three thousand formally acknowledged indigenous territories. The majority of " +
    "the forest is contained within Brazil, with sixty percent",
  target: GRID_PROMPTS.target,
};

/** The entity whose ladder and description are read. */
export const INSPECTED = "Barack Obama";

/** As many of the likeliest next tokens are read as `inspect` shows. */
export const TOP_K = 10;

/** The grid as a spec: next token, or so many tokens each, the end of a sequence or not. */
export function gridSpec(newTokens = 0, controls: readonly string[] = []): PatchscopeSpec {
  const read =
    newTokens === 0
      ? { kind: "next-token", topK: TOP_K }
      : { kind: "generate", maxTokens: newTokens, ignoreEos: true };
  return parseSpec({
    version: 1,
    source: { model: MODEL, prompt: GRID_PROMPTS.source, layer: "all" },
    target: { prompt: GRID_PROMPTS.target, layer: "all" },
    read,
    controls,
  });
}

/** Every layer of the first `tokens` tokens of the text, each into its own layer. */
export function positionsSpec(tokens = 64): PatchscopeSpec {
  return parseSpec({
    version: 1,
    source: {
      model: MODEL,
      prompt: POSITIONS_PROMPTS.source,
      position: Array.from({ length: tokens }, (_, position) => position),
      layer: "all",
    },
    target: { prompt: POSITIONS_PROMPTS.target, layer: "same" },
    read: { kind: "next-token", topK: TOP_K },
    controls: [],
  });
}

/** What the last position of a name says at each layer, in so many tokens. */
export function ladderSpec(newTokens: number, controls: readonly string[] = []): PatchscopeSpec {
  const spec = presetSpec("entity", { model: MODEL, prompt: INSPECTED });
  return parseSpec({
    ...spec,
    read: { kind: "generate", maxTokens: newTokens, topK: TOP_K, ignoreEos: true },
    controls,
  });
}

/** The grid of each of so many names: samples of one data set. */
export function sampleSpecs(count: number): PatchscopeSpec[] {
  const spec = gridSpec();
  return Array.from({ length: count }, (_, sample) =>
    parseSpec({
      ...spec,
      source: { ...spec.source, prompt: `${GRID_PROMPTS.source} in ${1990 + sample}` },
    }),
  );
}

const PLACES = ["Japan", "Peru", "Kenya", "Norway", "Egypt", "Canada", "Greece", "Nepal"];
const TARGETS = [
  "The capital of the country x is",
  "People who live in x",
  "Well, my uncle once flew to x and",
  "The rivers in x are",
  "The old king who ruled x was called",
];
const ENDINGS = ["", " often", " and", " who never"];

/** A cell of each of so many samples, whose targets are all different, or all the same: 20 tokens each, with evidence. */
export function oneCellSpecs(count: number, targets: "own" | "same"): PatchscopeSpec[] {
  const pick = (texts: readonly string[], at: number): string => texts[at % texts.length] ?? "";
  return Array.from({ length: count }, (_, sample) => {
    const own = pick(TARGETS, sample) + pick(ENDINGS, Math.floor(sample / TARGETS.length));
    const place = pick(PLACES, sample + Math.floor(sample / PLACES.length));
    return parseSpec({
      version: 1,
      source: { model: MODEL, prompt: `Last year we went to ${place}`, layer: 8 },
      target: {
        prompt: targets === "own" ? `${sample + 1}. ${own}` : pick(TARGETS, 0),
        position: { find: "x" },
        layer: 8,
      },
      read: { kind: "generate", maxTokens: 20, ignoreEos: true },
    });
  });
}
