/** What the targets of trials say to the states of unrelated sentences: an answer that is there too needed no vector of its own. */
import { unrelatedSentences } from "../measure/unrelated-sentences.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { readTrials, type TrialContext } from "./read-trials.ts";

/** The texts at the place of a read-out, one for each sentence; `readOut` is its number in the trial. */
export type SaidToUnrelated = (spec: PatchscopeSpec, readOut: number) => readonly string[];

/** Reads every target that the specs have once with each sentence. */
export async function readUnrelated(
  specs: readonly PatchscopeSpec[],
  context: TrialContext,
): Promise<SaidToUnrelated> {
  const targets = new Map(specs.map((spec) => [targetKey(spec), spec]));
  const trials = [...targets].flatMap(([key, spec]) =>
    unrelatedSentences("prompt" in spec.source ? spec.source.prompt : "").map((prompt) => ({
      key,
      spec: withSource(spec, prompt),
    })),
  );
  const outputs = await readTrials(
    trials.map(({ spec }) => spec),
    context,
  );
  return (spec, readOut) => {
    const key = targetKey(spec);
    return outputs.flatMap(({ readOuts }, index) =>
      trials[index]?.key === key ? (readOuts[readOut]?.text ?? []) : [],
    );
  };
}

/** All but the source's text. */
function targetKey(spec: PatchscopeSpec): string {
  return JSON.stringify(withSource(spec, ""));
}

/** The same of another text, at its last token. */
function withSource(spec: PatchscopeSpec, prompt: string): PatchscopeSpec {
  const { model, layer, site } = spec.source;
  return { ...spec, source: { model, layer, site, prompt, position: -1 }, controls: [] };
}
