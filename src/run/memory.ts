/** How much of a plan runs at once: what passes may hold beside the model, and the rows and tokens that fit in it. */
import type { Architecture } from "../engine/architecture.ts";
import type { Plan } from "../plan/plan.ts";
import { memoryTooSmall } from "./errors.ts";

/** What runs at once at most. */
export interface RunLimits {
  /** Rows of a batch. */
  readonly maxRows: number;
  /** Tokens of all rows of a pass. */
  readonly maxTokens: number;
}

type Sizes = Pick<
  Architecture,
  "layers" | "hiddenSize" | "heads" | "kvHeads" | "headSize" | "intermediateSize" | "vocabSize"
>;

const BYTES = Float32Array.BYTES_PER_ELEMENT;
/** Distributions of so many numbers are read at once, or of so many states, and stand in memory as logits, as log-probabilities and sorted. */
const READ_NUMBERS = 2 ** 23;
const READ_STATES = 64;
const READ_COPIES = 3;
/** Keys and values are copied when rows leave or room is made. */
const KEPT_COPIES = 2;
/** Room behind the last token of a row. */
const ROOM = 8;
/** What one block holds of a token at once, in vectors of each width, from measurements: inputs, outputs, copies. */
const BLOCK_STATES = 12;
const BLOCK_HEADS = 4;
const BLOCK_MLP = 4;
/** A pass that reads prompts or scores has about this share of the memory; rows that go on have the other. */
const PASS_SHARE = 0.25;
/** Larger passes are not faster. */
const MOST_TOKENS = 1024;

/**
 * The limits of a plan's passes.
 * @param memory bytes beside the model; undefined: whatever is fast
 * @throws `usage` where not even one row fits
 */
export function limitsWithin(
  memory: number | undefined,
  plan: Plan,
  sizes: Sizes,
): RunLimits | undefined {
  if (memory === undefined) return undefined;
  const length = plan.target.tokens.length;
  const row = KEPT_COPIES * keptBytes(sizes) * (tokensOfRow(plan) + ROOM);
  const token = tokenBytes(sizes, tokensOfRow(plan));
  const fixed = heldBytes(plan, sizes);
  const free = memory - fixed;
  const maxTokens = Math.min(MOST_TOKENS, Math.floor((PASS_SHARE * free) / token));
  const maxRows = Math.floor(((1 - PASS_SHARE) * free) / row);
  if (maxTokens < length || maxRows < 1) {
    const needed = fixed + Math.max((length * token) / PASS_SHARE, row / (1 - PASS_SHARE));
    throw memoryTooSmall({ memory, needed });
  }
  return { maxRows, maxTokens };
}

/** Tokens of a row of a plan, when it has been read to its end. */
export function tokensOfRow({ target, read }: Pick<Plan, "target" | "read">): number {
  return target.tokens.length + (read.kind === "generate" ? read.maxTokens : 0);
}

/** Keys and values of one token, in all blocks. */
function keptBytes({ layers, kvHeads, headSize }: Sizes): number {
  return BYTES * layers * 2 * kvHeads * headSize;
}

/** What a block holds of one token while it computes. */
function tokenBytes(
  { hiddenSize, heads, headSize, intermediateSize }: Sizes,
  seen: number,
): number {
  const projections = BLOCK_HEADS * heads * headSize;
  const scores = 2 * heads * seen;
  const mlp = BLOCK_MLP * intermediateSize;
  return BYTES * (BLOCK_STATES * hiddenSize + projections + scores + mlp);
}

/** What is there all the time: the source's states and the clean target's, and what distributions are read in. */
function heldBytes(plan: Plan, { vocabSize, hiddenSize, layers }: Sizes): number {
  const read = READ_COPIES * Math.max(READ_NUMBERS, READ_STATES * vocabSize);
  const source = plan.capture.tokens.length * plan.capture.states.length * hiddenSize;
  const entries = Math.min(layers + 1, new Set(plan.cells.map(({ entry }) => entry)).size + 1);
  const target = plan.target.tokens.length * entries * hiddenSize;
  return BYTES * (read + source + target) + plan.target.tokens.length * BYTES;
}
