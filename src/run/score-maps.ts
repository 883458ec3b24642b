/** Measures maps on held-out texts: the mapped states against the model's own, and what the model says behind them. */
import type { PassOutput } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { placeOf, type FittedPair } from "../mapping/fitted-mapping.ts";
import { mapped, type FittedMap, type Mapping } from "../mapping/mapping.ts";
import { MapTally } from "../measure/map-scores.ts";
import { entryOf } from "../plan/entry.ts";
import type { FitRequest } from "./fit-mapping.ts";
import { saidTokens, tallyTokens, type SaidTokens } from "./said-tokens.ts";

type Scores = Required<Pick<FittedPair, "scores" | "identity">>;

/** One text as the model itself reads it. */
interface OwnText {
  readonly tokens: readonly number[];
  /** `[tokens, hidden]` at the target layer. */
  readonly states: Float32Array;
  /** Behind each token but the first. */
  readonly said: SaidTokens;
}

/** The scores of each layer's map, and of its states as they are. */
export async function scoreMaps(
  maps: readonly FittedMap[],
  request: FitRequest,
): Promise<readonly Scores[]> {
  const { engine, layers, target, heldOut, onProgress, site = "resid_post" } = request;
  const { hiddenSize, vocabSize } = engine.architecture;
  const tallies = maps.map((map) => ({
    map,
    scores: new MapTally(hiddenSize),
    identity: new MapTally(hiddenSize),
  }));
  const places = [...layers, target].map((layer) => placeOf(layer, site));
  for (const [done, text] of heldOut.entries()) {
    const output = await engine.run(
      {
        kind: "prefill",
        length: text.length,
        rows: [{ tokens: text }],
        taps: places,
        read: { at: behindFirst(text.length), topK: 1, logits: true },
      },
      request.signal,
    );
    const own = ownText(output, text, vocabSize);
    for (const [index, { map, scores, identity }] of tallies.entries()) {
      const total = heldOut.length * layers.length;
      onProgress?.({ phase: "measure", done: done * layers.length + index, total });
      const states = output.taps[index];
      assert(states, "every layer was read");
      await scoreText(map, { states, own, tally: scores, request });
      await scoreText({ kind: "identity" }, { states, own, tally: identity, request });
      await request.rest?.();
    }
  }
  return tallies.map(({ scores, identity }) => ({
    scores: scores.scores(),
    identity: identity.scores(),
  }));
}

function ownText(
  { taps, read }: PassOutput,
  tokens: readonly number[],
  vocabSize: number,
): OwnText {
  const states = taps.at(-1);
  assert(states, "the target layer was read");
  return { tokens, states, said: saidTokens(read, vocabSize) };
}

function behindFirst(length: number): { row: number; offset: number }[] {
  return Array.from({ length: length - 1 }, (_, index) => ({ row: 0, offset: index + 1 }));
}

/** All states of a text but the first ones are mapped at once, and the model goes on from the target layer. */
async function scoreText(
  map: Mapping,
  parts: {
    /** `[tokens, hidden]` at the source layer. */
    readonly states: Float32Array;
    readonly own: OwnText;
    readonly tally: MapTally;
    readonly request: TextRequest;
  },
): Promise<void> {
  const { own, tally, request } = parts;
  const { engine, ahead = 0 } = request;
  const { hiddenSize } = engine.architecture;
  const states = own.states.slice();
  for (let position = 1 + ahead; position < own.tokens.length; position++) {
    const of = (all: Float32Array, at = position): Float32Array =>
      all.subarray(at * hiddenSize, (at + 1) * hiddenSize);
    of(states).set(mapped(map, of(parts.states, position - ahead)));
    tally.addState(of(states), of(own.states));
  }
  tallyTokens(tally, await topBehind(states, own.tokens, request), own.said, ahead);
}

type TextRequest = Pick<FitRequest, "engine" | "target" | "site" | "ahead" | "signal">;

/** The likeliest token behind each state but the first, of a text that has these states at the target layer. */
async function topBehind(
  states: Float32Array,
  tokens: readonly number[],
  { engine, target, site = "resid_post", signal }: TextRequest,
): Promise<Int32Array> {
  const { length } = tokens;
  const place = placeOf(target, site);
  const isWhole = site === "resid_post" || site === "resid_pre";
  const { hiddenSize } = engine.architecture;
  const vectorAt = (offset: number): Float32Array =>
    states.subarray(offset * hiddenSize, (offset + 1) * hiddenSize);
  const { read } = await engine.run(
    {
      kind: "prefill",
      length,
      // Where a block's stream is replaced as a whole, nothing before it matters; a part of it is written in its place.
      rows: [isWhole ? { entry: entryOf(place), states } : { tokens }],
      patches: isWhole
        ? []
        : tokens.map((_, offset) => ({ ...place, row: 0, offset, vector: vectorAt(offset) })),
      read: { at: behindFirst(length), topK: 1 },
    },
    signal,
  );
  assert(read, "the text was read");
  return read.topTokens;
}
