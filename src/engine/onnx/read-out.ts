/** Runs the read-out session over final states, as many at once as their logits are worth the memory: they live shortly. */
import type { Architecture } from "../architecture.ts";
import type { Read, ReadOut } from "../engine.ts";
import { passAborted } from "../errors.ts";
import { floatsOf } from "./onnx-cache.ts";
import type { Runtime, RuntimeSession, RuntimeTensor } from "./runtime.ts";

/** As many numbers are 34 MB. Of a 49k vocabulary that is 170 rows, which are 5 % faster than 64; more gain little. */
const MAX_LOGITS = 2 ** 23;
/** Fewer rows are too few for a product to run at full speed. */
const MIN_ROWS = 64;

/** The last block's outputs; tokens of rows that are alike have the same one. */
export interface FinalStates {
  readonly indexOf: (place: Read["at"][number]) => number;
  /** `[hidden]` */
  readonly at: (index: number) => Float32Array;
}

export interface ReadOutParts {
  readonly runtime: Runtime;
  readonly session: RuntimeSession;
  readonly architecture: Architecture;
  readonly read: Read;
  readonly finals: FinalStates;
  readonly signal: AbortSignal | undefined;
}

/** Top K, tracked log-probabilities and, where asked for, logits. */
export async function readOut(parts: ReadOutParts): Promise<ReadOut> {
  const { read, signal } = parts;
  const { vocabSize } = parts.architecture;
  const { wanted, of } = distinct(parts);
  const count = read.at.length;
  const topTokens = new Int32Array(count * read.topK);
  const topLogprobs = new Float32Array(count * read.topK);
  const tracked = read.tracked === undefined ? undefined : new Float32Array(count);
  const logits = read.logits === true ? new Float32Array(count * vocabSize) : undefined;
  const rows = rowsAtOnce(wanted.length, parts.architecture);
  for (let from = 0; from < wanted.length; from += rows) {
    if (signal?.aborted === true) {
      throw passAborted(signal.reason);
    }
    const got = await runChunk(parts, wanted.slice(from, from + rows));
    const put = (lines: Numbers, into: Numbers, width: number): void => {
      for (const [place, at] of of.entries()) {
        const start = (at - from) * width;
        const isHere = at >= from && at < from + rows;
        if (isHere) into.set(lines.subarray(start, start + width), place * width);
      }
    };
    if (read.topK > 0) {
      put(floatsOf(got["top_logprobs"]), topLogprobs, read.topK);
      put(tokensOf(got["top_tokens"]), topTokens, read.topK);
    }
    if (tracked !== undefined) put(floatsOf(got["tracked_logprobs"]), tracked, 1);
    if (logits !== undefined) put(floatsOf(got["logits"]), logits, vocabSize);
  }
  return {
    topTokens,
    topLogprobs,
    ...(tracked === undefined ? {} : { trackedLogprobs: tracked }),
    ...(logits === undefined ? {} : { logits }),
  };
}

type Numbers = Int32Array | Float32Array;

/** A state to read, and the token that is looked up there. */
interface Wanted {
  readonly state: number;
  readonly tracked: number;
}

/** Each state once, and which of them each place of the read wants. */
function distinct({ read, finals }: ReadOutParts): {
  readonly wanted: readonly Wanted[];
  readonly of: readonly number[];
} {
  const wanted: Wanted[] = [];
  const known = new Map<string, number>();
  const of = read.at.map((place, index) => {
    const state = finals.indexOf(place);
    const tracked = read.tracked?.[index] ?? 0;
    const key = `${state} ${tracked}`;
    const at = known.get(key) ?? wanted.push({ state, tracked }) - 1;
    known.set(key, at);
    return at;
  });
  return { wanted, of };
}

/** Pieces of about the same size: a short last one would be slow. */
function rowsAtOnce(count: number, { vocabSize }: Architecture): number {
  const most = Math.max(MIN_ROWS, Math.floor(MAX_LOGITS / vocabSize));
  return Math.ceil(count / Math.max(1, Math.ceil(count / most)));
}

function runChunk(
  { runtime, session, architecture, read, finals }: ReadOutParts,
  some: readonly Wanted[],
): Promise<Readonly<Record<string, RuntimeTensor>>> {
  const rows = some.length;
  const states = new Float32Array(rows * architecture.hiddenSize);
  for (const [index, { state }] of some.entries()) {
    states.set(finals.at(state), index * architecture.hiddenSize);
  }
  const tokens = some.map(({ tracked }) => tracked);
  const outputs = [
    ...(read.topK > 0 ? ["top_logprobs", "top_tokens"] : []),
    ...(read.tracked === undefined ? [] : ["tracked_logprobs"]),
    ...(read.logits === true ? ["logits"] : []),
  ];
  const feeds = {
    states: runtime.float32(states, [rows, architecture.hiddenSize]),
    k: runtime.int64([Math.max(1, read.topK)], [1]),
    tracked: runtime.int64(tokens, [rows, 1]),
  };
  return session.run(feeds, outputs);
}

function tokensOf(tensor: RuntimeTensor | undefined): Int32Array {
  const data = tensor?.data ?? [];
  const tokens = new Int32Array(data.length);
  // A loop is several times as fast as `Int32Array.from`.
  for (let i = 0; i < tokens.length; i++) tokens[i] = Number(data[i]);
  return tokens;
}
