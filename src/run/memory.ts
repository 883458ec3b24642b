/** How much of a plan runs at once: what passes may hold beside the model, and the rows and tokens that fit in it. */
import type { Architecture } from "../engine/architecture.ts";
import type { TogetherLimits } from "../engine/together/run-together.ts";
import type { Plan } from "../plan/plan.ts";
import { readsDistributions, rowsPerCell } from "../plan/reads.ts";
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
const ROWS_SHARE = 1 - PASS_SHARE;
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
  const limits = splitMemory(memory, plan, sizes);
  const length = plan.target.tokens.length;
  if (limits.maxTokens < length || limits.maxRows < 1) {
    const token = tokenBytes(sizes, tokensOfRow(plan));
    const needed = Math.max((length * token) / PASS_SHARE, rowBytes(plan, sizes) / ROWS_SHARE);
    throw memoryTooSmall({ memory, needed: heldBytes(plan, sizes) + needed });
  }
  return limits;
}

/** What plans may take that run at the same time. */
export interface MemoryTogether {
  /** By plan: all that the others leave. */
  readonly each: readonly number[];
  /** Of the passes that they share. */
  readonly passes: TogetherLimits;
}

/** Divides memory among plans, so that all rows of each are there at once; undefined where it is too little for that. */
export function memoryTogether(
  memory: number,
  plans: readonly Plan[],
  sizes: Sizes,
): MemoryTogether | undefined {
  const held = plans.map((plan) => heldByRows(plan, sizes));
  const all = held.reduce((sum, bytes) => sum + bytes, 0);
  const each = held.map((own) => memory - (all - own));
  const passes = { maxTokens: 0, maxSeen: 0 };
  for (const [index, plan] of plans.entries()) {
    const { maxRows, maxTokens } = splitMemory(each[index] ?? 0, plan, sizes);
    if (maxRows < rowsOf(plan) || maxTokens < plan.target.tokens.length) return undefined;
    passes.maxTokens = Math.max(passes.maxTokens, maxTokens);
    passes.maxSeen = Math.max(passes.maxSeen, maxRows * tokensOfRow(plan));
  }
  return { each, passes };
}

/** How much fits, be it enough or not. */
function splitMemory(memory: number, plan: Plan, sizes: Sizes): RunLimits {
  const free = memory - heldBytes(plan, sizes);
  const token = tokenBytes(sizes, tokensOfRow(plan));
  return {
    maxTokens: Math.min(MOST_TOKENS, Math.floor((PASS_SHARE * free) / token)),
    maxRows: Math.floor((ROWS_SHARE * free) / rowBytes(plan, sizes)),
  };
}

/** Rows that a plan has where all are there at once: the target without a patch is one of them. */
export function rowsOf(plan: Plan): number {
  return plan.cells.length * rowsPerCell(plan) + 1;
}

/** What a plan takes from others while all its rows are there. */
function heldByRows(plan: Plan, sizes: Sizes): number {
  const { vocabSize, hiddenSize, layers } = sizes;
  const length = plan.target.tokens.length;
  const read = readsDistributions(plan) ? BYTES * READ_COPIES * vocabSize : 0;
  const compared = plan.read.kind === "propagation" ? BYTES * length * hiddenSize * layers : 0;
  const rows = rowsOf(plan) * (rowBytes(plan, sizes) + read + compared);
  return ownBytes(plan, sizes) + keptBytes(sizes) * length + rows;
}

function rowBytes(plan: Plan, sizes: Sizes): number {
  return KEPT_COPIES * keptBytes(sizes) * (tokensOfRow(plan) + ROOM);
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

/** What is there all the time: what is a plan's own, and what distributions are read in. */
function heldBytes(plan: Plan, sizes: Sizes): number {
  const read = READ_COPIES * Math.max(READ_NUMBERS, READ_STATES * sizes.vocabSize);
  return BYTES * read + ownBytes(plan, sizes);
}

/** The source's states and the clean target's. */
function ownBytes(plan: Plan, { hiddenSize, layers }: Sizes): number {
  const source = plan.capture.tokens.length * plan.capture.states.length * hiddenSize;
  const entries = Math.min(layers + 1, new Set(plan.cells.map(({ entry }) => entry)).size + 1);
  const target = plan.target.tokens.length * entries * hiddenSize;
  return BYTES * (source + target) + plan.target.tokens.length * BYTES;
}
