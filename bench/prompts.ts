/** What the figures are measured on. */

export const MODEL = "smollm2-135m-instruct";

/** The grid: every source layer into every target layer, next token. */
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

export const INSPECTED = "Barack Obama";
