/**
 * Measures maps between two models on held-out texts: how near the mapped states come to the target model's own, and
 * what that model says when it goes on from them.
 */
import type { PassOutput } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { placeOf, type FittedPair } from "../mapping/fitted-mapping.ts";
import { mapped, type Mapping } from "../mapping/mapping.ts";
import { MapTally } from "../measure/map-scores.ts";
import { entryOf } from "../plan/entry.ts";
import type { AlignedText } from "./aligned-texts.ts";
import type { CrossFitRequest } from "./fit-cross-model.ts";
import { pairedStates, widthOf } from "./paired-states.ts";
import { saidTokens, tallyTokens, type SaidTokens } from "./said-tokens.ts";

/** One text as both models read it. */
interface ReadText extends AlignedText {
  /** `[pairs, hidden]`, by layer. */
  readonly from: ReadonlyMap<FittedPair["source"], Float32Array>;
  /** `[tokens, hidden]`, by layer. */
  readonly to: ReadonlyMap<FittedPair["source"], Float32Array>;
  /** Behind each pair's token, as the target's model itself says it. */
  readonly said: SaidTokens;
}

/**
 * The pairs with the scores of their maps. Where states of both models are equally long, also of the states as they
 * are; else there is nothing that could be written without a map.
 */
export async function scoreAcross(
  pairs: readonly FittedPair[],
  request: CrossFitRequest,
): Promise<FittedPair[]> {
  const { source, target, heldOut, onProgress } = request;
  const { hiddenSize } = target.architecture;
  // Of vectors of no model, as they are, there is nothing to say.
  const isSameWidth = !("rows" in source) && widthOf(source) === hiddenSize;
  const tallies = pairs.map((pair) => ({
    pair,
    scores: new MapTally(hiddenSize),
    identity: isSameWidth ? new MapTally(hiddenSize) : undefined,
  }));
  const total = heldOut.length * pairs.length;
  for (const [done, text] of heldOut.entries()) {
    const read = await readText(text, pairs, request);
    for (const [index, { pair, scores, identity }] of tallies.entries()) {
      onProgress?.({ phase: "measure", done: done * pairs.length + index, total });
      await scoreText(pair.map, { read, pair, tally: scores, request });
      if (identity !== undefined) {
        await scoreText({ kind: "identity" }, { read, pair, tally: identity, request });
      }
      await request.rest?.();
    }
  }
  return tallies.map(({ pair, scores, identity }) => ({
    ...pair,
    scores: scores.scores(),
    ...(identity && { identity: identity.scores() }),
  }));
}

async function readText(
  text: AlignedText,
  pairs: readonly FittedPair[],
  { source, target, signal }: CrossFitRequest,
): Promise<ReadText> {
  const [sources, targets] = (["source", "target"] as const).map((side) => [
    ...new Set(pairs.map((pair) => pair[side])),
  ]);
  assert(sources && targets, "there are two sides");
  const from = await pairedStates([text], { side: "source", of: source, layers: sources, signal });
  const to = await target.run(
    {
      kind: "prefill",
      length: text.target.length,
      rows: [{ tokens: text.target }],
      taps: targets.map((layer) => placeOf(layer, "resid_post")),
      read: { at: behind(text), topK: 1, logits: true },
    },
    signal,
  );
  const said = saidTokens(to.read, target.architecture.vocabSize);
  return { ...text, from, to: byLayer(targets, to), said };
}

function byLayer(layers: readonly FittedPair["source"][], { taps }: PassOutput): ReadText["from"] {
  return new Map(layers.map((layer, index) => [layer, taps[index] ?? new Float32Array(0)]));
}

function behind({ pairs }: AlignedText): { row: number; offset: number }[] {
  return pairs.map(([, offset]) => ({ row: 0, offset }));
}

/** All paired states of a text are mapped at once, and the target's model goes on from its layer. */
async function scoreText(
  map: Mapping,
  parts: {
    readonly read: ReadText;
    readonly pair: FittedPair;
    readonly tally: MapTally;
    readonly request: CrossFitRequest;
  },
): Promise<void> {
  const { read, pair, tally, request } = parts;
  const { source, target, signal } = request;
  const [from, own] = [read.from.get(pair.source), read.to.get(pair.target)];
  assert(from && own, "every layer was read");
  const [m, n] = [widthOf(source), target.architecture.hiddenSize];
  const states = own.slice();
  for (const [index, [, counterpart]] of read.pairs.entries()) {
    const [start, end] = [counterpart * n, (counterpart + 1) * n];
    states.set(mapped(map, from.subarray(index * m, (index + 1) * m)), start);
    tally.addState(states.subarray(start, end), own.subarray(start, end));
  }
  const entry = entryOf(placeOf(pair.target, "resid_post"));
  const { length } = read.target;
  const rows = [{ entry, states }];
  const at = { at: behind(read), topK: 1 };
  const output = await target.run({ kind: "prefill", length, rows, read: at }, signal);
  assert(output.read, "the text was read");
  tallyTokens(tally, output.read.topTokens, read.said);
}
