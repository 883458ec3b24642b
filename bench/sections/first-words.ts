/** How soon somebody who waits sees something: from the call to the first cells. */
import { runSpec, type PatchscopeSpec } from "patchscopes";
import type { BenchContext } from "../context.ts";
import type { Figure, Section } from "../figure.ts";
import { gridSpec, ladderSpec } from "../prompts.ts";
import { spreadOf } from "../figure.ts";

const ROUNDS = 7;
const NEW_TOKENS = 20;

/** The model is ready; the rest of the run is stopped when the first cells are there. */
export async function firstWordsSection(context: BenchContext): Promise<Section> {
  context.note("First words …");
  const specs = {
    "grid, first next tokens": gridSpec(),
    "grid in words, first words": gridSpec(NEW_TOKENS),
    "ladder, first words": ladderSpec(NEW_TOKENS, ["unpatched", "unrelated"]),
  };
  const figures: Figure[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    const milliseconds: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const first = await untilFirst(spec, context);
      if (round >= 0) milliseconds.push(first);
    }
    figures.push({ name, value: spreadOf(milliseconds), unit: "ms", goal: { atMost: 300 } });
  }
  return {
    title: "First cells",
    about:
      "Milliseconds from a spec, with the model ready, until somebody who watches is given the first cells.",
    figures,
  };
}

async function untilFirst(spec: PatchscopeSpec, context: BenchContext): Promise<number> {
  const loaded = await context.loaded();
  const enough = new AbortController();
  const begin = performance.now();
  let first: number | undefined;
  const seen = (): void => {
    first ??= performance.now() - begin;
    enough.abort();
  };
  try {
    const signal = AbortSignal.any([enough.signal, context.signal]);
    await runSpec(spec, loaded, { signal, onWords: seen, onCells: seen });
  } catch (error) {
    context.signal.throwIfAborted();
    if (first === undefined) throw error;
  }
  return first ?? NaN;
}
