/**
 * One part of a measurement: some sources read with one target at some layers. What a part gave is kept, so that a run
 * that was stopped goes on where it was; a part is known by all that its numbers follow from.
 */
import type { ReadyModel } from "../run/run-spec.ts";
import { captureSources, readManySources } from "../run/many-sources.ts";
import type { LayerPair, SourceText } from "../run/many-sources.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";

/** Where the parts of a run are kept. */
export interface PartStore {
  get(key: string): Promise<unknown>;
  put(key: string, part: unknown): Promise<void>;
}

/** What is read. */
export interface Part {
  readonly spec: PatchscopeSpec;
  readonly sources: readonly SourceText[];
  readonly pairs: readonly LayerPair[];
}

/** One read-out, as small as it can be kept. */
export interface PartReadOut {
  readonly text: string;
  /** The likeliest first tokens. */
  readonly next: readonly (readonly [piece: string, logprob: number])[];
  readonly evidence?: number;
  readonly unpatched?: number;
  /** Log-probabilities of the text under the states of unrelated sentences. */
  readonly unrelated?: readonly number[];
}

/** By source, by pair of layers. */
export interface PartOutput {
  readonly readOuts: readonly (readonly PartReadOut[])[];
  /** What the target says without a vector; empty where that did not run. */
  readonly unpatched: string;
}

export interface PartContext {
  readonly on: ReadyModel;
  readonly store: PartStore;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a part, or takes it from the store. */
export async function readPart(part: Part, context: PartContext): Promise<PartOutput> {
  const { on, store, signal } = context;
  const key = partKey(part, await on.model.weightsHash());
  const kept = await store.get(key);
  // What is in the store was put there by this function.
  if (kept !== undefined) return kept as PartOutput;
  const layers = part.pairs.map(({ source }) => source);
  const sources = await captureSources(part.sources, layers, { on, signal });
  const { spec, pairs } = part;
  const output = await readManySources({ spec, sources, pairs, on, signal });
  const textOf = textsOf(on);
  const read: PartOutput = {
    readOuts: output.sources.map((cells) =>
      cells.map(({ generated, next, evidence, logprobUnder }) => ({
        text: textOf(generated.map(({ token }) => token)),
        next: next.map(({ token, logprob }) => [textOf([token]), rounded(logprob)] as const),
        ...(evidence !== undefined && { evidence: rounded(evidence) }),
        ...(logprobUnder?.unpatched !== undefined && {
          unpatched: rounded(logprobUnder.unpatched),
        }),
        ...(logprobUnder?.unrelated !== undefined && {
          unrelated: logprobUnder.unrelated.map(rounded),
        }),
      })),
    ),
    unpatched: textOf((output.unpatched?.generated ?? []).map(({ token }) => token)),
  };
  await store.put(key, read);
  return read;
}

/** Raised when what a part gives changes. */
const PART_VERSION = 1;

/** What a part is known by: not the name of its model, but its weights. */
function partKey({ spec, sources, pairs }: Part, weights: string): string {
  const { target, read, controls } = spec;
  return JSON.stringify({ version: PART_VERSION, weights, target, read, controls, sources, pairs });
}

function textsOf({ model }: ReadyModel): (tokens: readonly number[]) => string {
  const { tokenizer } = model;
  if (tokenizer === undefined) return (tokens) => tokens.map((token) => `<${token}>`).join("");
  return (tokens) => tokenizer.decode(tokens.filter((token) => token < tokenizer.vocabSize));
}

function rounded(logprob: number): number {
  return Math.round(logprob * 1000) / 1000;
}
