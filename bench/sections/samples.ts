/** Samples of a data set, a cell each: in the passes that they share, and one after another. */
import { runMany, runSpec, type PatchscopeSpec } from "patchscopes";
import type { BenchContext } from "../context.ts";
import type { Section } from "../figure.ts";
import { against, inTurn, seconds } from "../measure/timing.ts";
import { oneCellSpecs } from "../prompts.ts";

const SAMPLES = 32;
const ROUNDS = 2;

/** Times samples whose targets are their own, and samples with one target. */
export async function samplesSection(context: BenchContext): Promise<Section> {
  context.note("Samples of a cell each: together and one after another, in turn (minutes) …");
  const loaded = await context.loaded();
  const many = (specs: readonly PatchscopeSpec[]) => async (): Promise<void> => {
    const results = runMany(specs, loaded);
    while ((await results.next()).done !== true) continue;
  };
  const oneByOne = (specs: readonly PatchscopeSpec[]) => async (): Promise<void> => {
    for (const spec of specs) await runSpec(spec, loaded);
  };
  const [own, same] = [oneCellSpecs(SAMPLES, "own"), oneCellSpecs(SAMPLES, "same")];
  const took = await inTurn(
    { own: many(own), ownAlone: oneByOne(own), same: many(same), sameAlone: oneByOne(same) },
    { rounds: ROUNDS, signal: context.signal },
  );
  const name = {
    own: `${SAMPLES} samples with targets of their own`,
    same: `${SAMPLES} samples with one target`,
  };
  return {
    title: "Samples of a cell each",
    about:
      "One cell of each sample, 20 tokens, held against the prompt alone and the states of unrelated sentences. Targets of their own have different texts and lengths; " +
      "their runs wait for each other, and their rows share passes. One after another is a run for each sample on the loaded model.",
    figures: [
      ...seconds(name.own, took.own),
      ...against(`${name.own}, against one after another`, {
        ...{ theirs: took.ownAlone, ours: took.own, atLeast: 3 },
      }),
      ...seconds(name.same, took.same),
      ...against(`${name.same}, against one after another`, {
        ...{ theirs: took.sameAlone, ours: took.same, atLeast: 5 },
      }),
    ],
  };
}
