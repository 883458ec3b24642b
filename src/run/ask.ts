/**
 * One question asked of a state in several wordings at several layers, and of other sources of the same kind: what the
 * read-outs agree on is the answer. The rule is in `measure/consensus.ts`, the questions in `spec/questions`.
 */
import type { TogetherRun } from "../engine/together/run-together.ts";
import { assert } from "../errors.ts";
import {
  CONSENSUS_THRESHOLD,
  consensusOf,
  evidenceBehind,
  standsOut,
} from "../measure/consensus.ts";
import type { ConsensusReadOut, RankedAnswer } from "../measure/consensus.ts";
import { unrelatedSentences } from "../measure/unrelated-sentences.ts";
import type { AnswerReadOut, AnswerRecord, AskResult } from "../result/answer.ts";
import { parseSpec } from "../spec/schema.ts";
import type { ControlSpec, PatchscopeSpec } from "../spec/spec.ts";
import { presetSpec } from "../spec/presets/presets.ts";
import { layersAt } from "../spec/questions/question.ts";
import type { DepthPair, Wording } from "../spec/questions/question.ts";
import { askNeedsTokenizer } from "./errors.ts";
import { areFew, batchesOf, runBatch, shareOf, type RunSize } from "./batches.ts";
import { captureSources, readManySources } from "./many-sources.ts";
import { tokensOfRow } from "./memory.ts";
import type { LayerPair, SourcesOutput, SourceStates, SourceText } from "./many-sources.ts";
import type { CellOutput } from "./run-plan.ts";
import { engineRecord, modelRecord } from "./provenance.ts";
import { planSpec, type ReadyModel } from "./run-spec.ts";

/** Tokens of a read-out: the answer, and a little of what follows. */
const ASK_TOKENS = 8;
/** Candidates for the first token that take part in the vote. */
const FIRST_TOKENS = 24;

/** What is asked, and of what. */
export interface AskRequest {
  readonly source: SourceText;
  readonly wordings: readonly Wording[];
  readonly pairs: readonly DepthPair[];
  /** Sources of the same kind; where there are none, unrelated sentences. */
  readonly contrast: readonly (SourceText & { readonly name?: string | undefined })[];
  /** What the source is called, where that is no answer. */
  readonly name?: string | undefined;
  /** The entry of the table that the wordings are of. */
  readonly question?: { readonly name: string; readonly asks: string } | undefined;
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with how many wordings are read, which may be a fraction, and how many there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Asks a state one question.
 * @throws `spec-invalid` where a wording has no placeholder or a token is not found; `engine`; `aborted`
 * @example
 * const request = askRequest({ prompt: "I spent the summer in Japan", question: "currency" });
 * const { answer } = await ask(request, loaded);
 */
export async function ask(
  request: AskRequest,
  on: ReadyModel,
  options: AskOptions = {},
): Promise<AskResult> {
  const begin = performance.now();
  const { signal } = options;
  const { wordings } = request;
  const pairs = layersAt(request.pairs, on.model.architecture.layers);
  const unrelated = unrelatedSentences(request.source.prompt);
  const contrast =
    request.contrast.length > 0
      ? request.contrast
      : unrelated.map((prompt) => ({ prompt, position: -1, name: undefined }));
  const layers = pairs.map(({ source }) => source);
  const own = await captureSources([request.source], layers, { on, signal });
  const others = await captureSources(contrast, layers, { on, signal });
  const said = await readWordings(wordings, { own, others, unrelated, pairs, on, ...options });
  const readOuts = readOutsOf(said, { own, pairs, on });
  const ranked = consensusOf({
    source: { name: request.name, readOuts: said.flatMap((of) => of.own) },
    contrast: contrast.map(({ name }, index) => ({
      name,
      readOuts: said.flatMap((of) => of.others[index] ?? []),
    })),
  }).map((entry) => answerRecord(entry, readOuts));
  const [best] = ranked;
  return {
    version: 1,
    question: {
      ...request.question,
      wordings: wordings.map(({ text, weight }, index) => ({
        text,
        weight,
        unpatched: said[index]?.unpatched ?? "",
      })),
    },
    source: sourceRecord(own),
    models: [await modelRecord(on)],
    contrast: contrast.map(({ prompt }) => prompt),
    threshold: CONSENSUS_THRESHOLD,
    ...(best !== undefined && standsOut(best) && { answer: best }),
    ranked: ranked.slice(0, MAX_RANKED),
    readOuts,
    engine: engineRecord(on),
    timing: { loadMs: on.loadMs ?? 0, runMs: performance.now() - begin },
  };
}

/** Answers beyond these are one read-out's. */
const MAX_RANKED = 10;

/** The spec that a wording stands for. */
export function wordingSpec(
  wording: string,
  { model, controls }: { readonly model: string; readonly controls: readonly ControlSpec[] },
): PatchscopeSpec {
  // The source only stands for those that are read; see `readManySources`.
  const spec = presetSpec("attribute", {
    prompt: "x",
    model,
    ask: wording,
    layer: 0,
    maxTokens: ASK_TOKENS,
    topK: FIRST_TOKENS,
  });
  return parseSpec({ ...spec, controls });
}

/** What read-outs of the source are held against: the prompt alone, and the states of these sentences. */
export function askControls(unrelated: readonly string[]): readonly ControlSpec[] {
  return [{ kind: "unpatched" }, { kind: "unrelated", prompts: unrelated }];
}

/** How much a wording's read-outs count: the square of how often it alone is right. */
export function wordingWeight(accuracy: number): number {
  return accuracy ** 2;
}

/** What is said in one wording. */
interface WordingOutput {
  readonly own: readonly ConsensusReadOut[];
  readonly cells: readonly CellOutput[];
  readonly others: readonly (readonly ConsensusReadOut[])[];
  readonly unpatched: string;
  /** Where the vectors were written. */
  readonly position: number;
}

/** What is read in every wording. */
interface Reading extends AskOptions {
  readonly own: SourceStates;
  readonly others: SourceStates;
  /** Sentences whose states are the controls. */
  readonly unrelated: readonly string[];
  readonly pairs: readonly LayerPair[];
  readonly on: ReadyModel;
}

/** One wording asked of the source, or of the others. */
interface AskedRun {
  readonly size: RunSize;
  readonly run: TogetherRun<SourcesOutput>;
}

/** What is said in each wording: of the source with controls, of the others without. */
async function readWordings(
  wordings: readonly Wording[],
  { own, others, unrelated, pairs, on, signal, onProgress }: Reading,
): Promise<WordingOutput[]> {
  const { name: model } = on.model;
  const shares: number[] = [];
  const runs = wordings.flatMap(({ text }) =>
    [
      { sources: own, controls: askControls(unrelated) },
      { sources: others, controls: [] },
    ].map(({ sources, controls }): AskedRun => {
      const index = shares.push(0) - 1;
      const spec = wordingSpec(text, { model, controls });
      return {
        size: {
          rows: sources.places.length * pairs.length + 1,
          tokens: tokensOfRow(planSpec(spec, on.model)),
        },
        run: (of) =>
          readManySources({
            ...{ spec, sources, pairs, signal },
            on: { ...on, engine: of(on.engine) },
            onProgress: (event) => {
              shares[index] = shareOf(event, controls.length > 0);
              const all = shares.reduce((sum, each) => sum + each, 0);
              onProgress?.((all / shares.length) * wordings.length, wordings.length);
            },
          }),
      };
    }),
  );
  const outputs: SourcesOutput[] = [];
  for (const batch of batchesOf(runs, (some) => areFew(some.map(({ size }) => size)))) {
    outputs.push(...(await runBatch(batch.map(({ run }) => run))));
  }
  return wordings.map((wording, index) => {
    const [source, contrast] = outputs.slice(2 * index, 2 * index + 2);
    assert(source && contrast, "every wording was read");
    const readOutOf = (cell: CellOutput): ConsensusReadOut =>
      consensusReadOut(cell, wordingWeight(wording.weight), on);
    const cells = source.sources[0] ?? [];
    return {
      cells,
      own: cells.map(readOutOf),
      others: contrast.sources.map((of) => of.map(readOutOf)),
      unpatched: textOf(source.unpatched, on),
      position: source.target.positions[0] ?? 0,
    };
  });
}

/** A read-out as the rule of consensus takes it. */
function consensusReadOut(cell: CellOutput, weight: number, on: ReadyModel): ConsensusReadOut {
  const { tokenizer } = on.model;
  if (tokenizer === undefined) throw askNeedsTokenizer();
  return {
    text: textOf(cell, on),
    next: cell.next.map(({ token, logprob }) => ({
      piece: token < tokenizer.vocabSize ? tokenizer.piece(token) : "",
      logprob,
    })),
    weight,
  };
}

/** The text of a read-out; tokens beyond the tokenizer's vocabulary are left out. */
function textOf(cell: Pick<CellOutput, "generated"> | undefined, { model }: ReadyModel): string {
  const { tokenizer } = model;
  if (tokenizer === undefined) throw askNeedsTokenizer();
  const tokens = (cell?.generated ?? []).map(({ token }) => token);
  return tokenizer.decode(tokens.filter((token) => token < tokenizer.vocabSize));
}

function readOutsOf(
  said: readonly WordingOutput[],
  parts: {
    readonly own: SourceStates;
    readonly pairs: readonly LayerPair[];
    readonly on: ReadyModel;
  },
): AnswerReadOut[] {
  const { own, pairs, on } = parts;
  const position = own.places[0]?.position ?? 0;
  return said.flatMap((of, wording) =>
    of.cells.map((cell, index): AnswerReadOut => {
      const pair = pairs[index];
      assert(pair, "every read-out has its layers");
      const { next: _, generated, ...evidence } = cell;
      return {
        wording,
        source: { layer: pair.source, position },
        target: { layer: pair.target, position: of.position },
        tokens: generated.map(({ token }) => token),
        text: textOf(cell, on),
        logprobs: generated.map(({ logprob }) => logprob),
        ...evidence,
      };
    }),
  );
}

function answerRecord(entry: RankedAnswer, readOuts: readonly AnswerReadOut[]): AnswerRecord {
  const evidence = evidenceBehind(entry, readOuts);
  return { ...entry, ...(evidence !== undefined && { evidence }) };
}

function sourceRecord({ places }: SourceStates): AskResult["source"] {
  const [place] = places;
  assert(place, "there is a source");
  return { tokens: place.tokens, pieces: place.pieces, positions: [place.position] };
}
