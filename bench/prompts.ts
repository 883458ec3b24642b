/** What the figures are measured on. */

export const MODEL = "smollm2-135m-instruct";

/** The grid: every source layer into every target layer, next token. */
export const GRID_PROMPTS = {
  source: "Amazon's former CEO attended the Oscars",
  target: "cat -> cat\n1135 -> 1135\nhello -> hello\n?",
};

export const INSPECTED = "Barack Obama";
