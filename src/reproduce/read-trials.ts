/** Trials of a measurement, run as a user would run their specs; what they gave is kept, so that a stopped run goes on. */
import type { PatchscopeResult } from "../result/result.ts";
import { runMany } from "../run/run-many.ts";
import type { ReadyModel, RunSpecOptions } from "../run/run-spec.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import type { PartStore } from "./read-part.ts";

/** Where trials run. */
export interface TrialContext {
  readonly on: ReadyModel;
  /** The target's model, for specs that name another one, and the map that states go through. */
  readonly explainer?: Pick<RunSpecOptions, "target" | "mappings"> | undefined;
  readonly store: PartStore;
  readonly signal?: AbortSignal | undefined;
}

/** A text, and how likely it is with and without its vector, in nats. */
export interface TrialReadOut {
  readonly text: string;
  readonly evidence?: number;
  readonly unpatched?: number;
  /** Under the state of each unrelated sentence. */
  readonly unrelated?: readonly number[];
}

/** What a trial gave. */
export interface TrialOutput {
  readonly readOuts: readonly TrialReadOut[];
  /** The target prompt's tokens as text. */
  readonly prompt: string;
  /** What the target says without a vector. */
  readonly unpatched: string;
}

/** Raised when what a trial gives changes. */
const TRIAL_VERSION = 1;

/** Runs trials, or takes them from the store; in their order. */
export async function readTrials(
  specs: readonly PatchscopeSpec[],
  { on, explainer, store, signal }: TrialContext,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<readonly TrialOutput[]> {
  const weights = await on.model.weightsHash();
  const target = await explainer?.target?.model.weightsHash();
  // Not the models' names, but their weights.
  const keys = specs.map((spec) =>
    JSON.stringify({
      ...{ version: TRIAL_VERSION, weights, target },
      spec: { ...spec, source: { ...spec.source, model: "" } },
    }),
  );
  // What is in the store was put there by this function.
  const kept = await Promise.all(
    keys.map(async (key) => (await store.get(key)) as TrialOutput | undefined),
  );
  const open = [...specs.keys()].filter((index) => kept[index] === undefined);
  onProgress(specs.length - open.length, specs.length);
  const results = runMany(
    open.flatMap((index) => specs[index] ?? []),
    on,
    { ...explainer, signal },
  );
  const outputs = [...kept];
  let done = 0;
  for await (const result of results) {
    const index = open[done++] ?? 0;
    const output = outputOf(result);
    outputs[index] = output;
    await store.put(keys[index] ?? "", output);
    onProgress(specs.length - open.length + done, specs.length);
  }
  return outputs.filter((output) => output !== undefined);
}

function outputOf({ cells, target, controls }: PatchscopeResult): TrialOutput {
  return {
    readOuts: cells.map(({ text = "", evidence, logprobUnder: under }) => ({
      text,
      ...(evidence !== undefined && { evidence: rounded(evidence) }),
      ...(under?.unpatched !== undefined && { unpatched: rounded(under.unpatched) }),
      ...(under?.unrelated !== undefined && { unrelated: under.unrelated.map(rounded) }),
    })),
    prompt: target.pieces.join(""),
    unpatched: controls.unpatched?.text ?? "",
  };
}

function rounded(nats: number): number {
  return Math.round(nats * 1000) / 1000;
}
