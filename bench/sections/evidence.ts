/** What evidence costs: a ladder held against unrelated states, and a grid against the prompt alone. */
import { runSpec, type PatchscopeSpec } from "patchscopes";
import type { BenchContext } from "../context.ts";
import type { Figure, Section } from "../figure.ts";
import { gridSpec, ladderSpec } from "../prompts.ts";
import { inTurn, ratio } from "../measure/timing.ts";

const NEW_TOKENS = 20;

/** Times each with its evidence and without any. */
export async function evidenceSection(context: BenchContext): Promise<Section> {
  context.note("Evidence: with it and without, in turn (minutes) …");
  const full = ["unpatched", "unrelated"];
  return {
    title: "What evidence costs",
    about:
      `A ladder is one position, all layers, ${NEW_TOKENS} tokens each; full evidence holds every text against the prompt alone and against ` +
      "the states of unrelated sentences, which go through the model once, before. A grid of 900 cells is held against the prompt alone. Ends of sequences are passed over.",
    figures: [
      await cost(context, {
        name: "ladder, full evidence against none",
        specs: [ladderSpec(NEW_TOKENS, full), ladderSpec(NEW_TOKENS)],
        rounds: 5,
        atMost: 2.5,
      }),
      await cost(context, {
        name: "grid in words, evidence against the prompt alone against none",
        specs: [gridSpec(NEW_TOKENS, ["unpatched"]), gridSpec(NEW_TOKENS)],
        rounds: 2,
        atMost: 1.5,
      }),
    ],
  };
}

async function cost(
  context: BenchContext,
  work: {
    readonly name: string;
    readonly specs: readonly [PatchscopeSpec, PatchscopeSpec];
    readonly rounds: number;
    readonly atMost: number;
  },
): Promise<Figure> {
  const loaded = await context.loaded();
  const { signal } = context;
  const [held, alone] = work.specs;
  const took = await inTurn(
    { held: () => runSpec(held, loaded), alone: () => runSpec(alone, loaded) },
    { rounds: work.rounds, signal },
  );
  const value = ratio(took.held, took.alone);
  return { name: work.name, value, unit: "×", goal: { atMost: work.atMost } };
}
