/** Reads pairs of states of the same texts, batch by batch: what maps are fitted on, whatever is made of them. */
import { fillUp, type Tap } from "../engine/engine.ts";
import { placeOf, type MappedLayer } from "../mapping/fitted-mapping.ts";
import type { FitRequest } from "./fit-mapping.ts";
import type { FitTexts } from "./fit-texts.ts";

/** Tokens of all rows in one pass. */
const BATCH_TOKENS = 256;

/** States of one batch of texts. */
export interface StateBatch {
  /** Index of the batch, and the tokens of all texts behind it. */
  readonly index: number;
  readonly tokens: number;
  readonly rows: number;
  /** `[rows, hidden]` of the layer at this index of those that were asked for. */
  readonly x: (index: number) => Float32Array;
  /** `[rows, hidden]` of the target layer. */
  readonly y: Float32Array;
}

export type PairsRequest = Pick<
  FitRequest,
  "engine" | "texts" | "target" | "site" | "ahead" | "signal"
>;

/** Pairs in a text: the first token, an attention sink, is left out, and the last ones have nothing `ahead`. */
export function pairsIn(texts: FitTexts["texts"], ahead = 0): number {
  return texts.reduce((sum, text) => sum + Math.max(0, text.length - 1 - ahead), 0);
}

/** The states of `layers` and of the target layer, `ahead` tokens on; batches before `from` are left out. */
export async function* readStatePairs(
  request: PairsRequest,
  layers: readonly MappedLayer[],
  from = 0,
): AsyncGenerator<StateBatch> {
  const { engine, target, texts, signal, site = "resid_post", ahead = 0 } = request;
  const { hiddenSize } = engine.architecture;
  const taps: Tap[] = [...layers, target].map((layer) => placeOf(layer, site));
  for (const [index, batch] of batchesOf(texts).entries()) {
    const rows = pairsIn(batch, ahead);
    if (index < from || rows === 0) continue;
    const length = Math.max(...batch.map((text) => text.length));
    const tokens = batch.map((text) => ({ tokens: fillUp(text, length) }));
    const output = await engine.run({ kind: "prefill", length, rows: tokens, taps }, signal);
    const of = (tap: number, shift: number): Float32Array =>
      statesOf(output.taps[tap] ?? new Float32Array(0), {
        batch,
        length,
        hiddenSize,
        shift,
        ahead,
      });
    yield {
      index,
      tokens: batch.reduce((sum, text) => sum + text.length, 0),
      rows,
      x: (layer) => of(layer, 0),
      y: of(layers.length, ahead),
    };
  }
}

/** Texts that go through an engine together. */
export function batchesOf<Text extends { readonly length: number }>(
  texts: readonly Text[],
): (readonly Text[])[] {
  const batches: Text[][] = [];
  let batch: Text[] = [];
  let longest = 0;
  for (const text of texts) {
    longest = Math.max(longest, text.length);
    if (batch.length > 0 && longest * (batch.length + 1) > BATCH_TOKENS) {
      batches.push(batch);
      batch = [];
      longest = text.length;
    }
    batch.push(text);
  }
  return batch.length === 0 ? batches : [...batches, batch];
}

/** The states of all pairs, `shift` tokens on, without what rows were filled up with: `[rows, hidden]`. */
function statesOf(
  tap: Float32Array,
  parts: {
    readonly batch: FitTexts["texts"];
    readonly length: number;
    readonly hiddenSize: number;
    readonly shift: number;
    readonly ahead: number;
  },
): Float32Array {
  const { batch, length, hiddenSize, shift, ahead } = parts;
  const states = new Float32Array(pairsIn(batch, ahead) * hiddenSize);
  let at = 0;
  for (const [row, text] of batch.entries()) {
    const count = Math.max(0, text.length - 1 - ahead);
    const start = (row * length + 1 + shift) * hiddenSize;
    const own = tap.subarray(start, start + count * hiddenSize);
    states.set(own, at);
    at += own.length;
  }
  return states;
}
