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

export interface ReadOutParts {
  readonly runtime: Runtime;
  readonly session: RuntimeSession;
  readonly architecture: Architecture;
  readonly read: Read;
  /** The final state of a row's token, `[hidden]`. */
  readonly final: (row: number, offset: number) => Float32Array;
  readonly signal: AbortSignal | undefined;
}

/** Top K, tracked log-probabilities and, where asked for, logits. */
export async function readOut(parts: ReadOutParts): Promise<ReadOut> {
  const { read, architecture, signal } = parts;
  const count = read.at.length;
  const topTokens = new Int32Array(count * read.topK);
  const topLogprobs = new Float32Array(count * read.topK);
  const tracked = read.tracked === undefined ? undefined : new Float32Array(count);
  const logits =
    read.logits === true ? new Float32Array(count * architecture.vocabSize) : undefined;
  const rows = rowsAtOnce(count, architecture);
  for (let from = 0; from < count; from += rows) {
    if (signal?.aborted === true) {
      throw passAborted(signal.reason);
    }
    const to = Math.min(from + rows, count);
    const got = await runChunk(parts, from, to);
    if (read.topK > 0) {
      topLogprobs.set(floatsOf(got["top_logprobs"]), from * read.topK);
      topTokens.set(tokensOf(got["top_tokens"]), from * read.topK);
    }
    tracked?.set(floatsOf(got["tracked_logprobs"]), from);
    logits?.set(floatsOf(got["logits"]), from * architecture.vocabSize);
  }
  return {
    topTokens,
    topLogprobs,
    ...(tracked === undefined ? {} : { trackedLogprobs: tracked }),
    ...(logits === undefined ? {} : { logits }),
  };
}

/** Pieces of about the same size: a short last one would be slow. */
function rowsAtOnce(count: number, { vocabSize }: Architecture): number {
  const most = Math.max(MIN_ROWS, Math.floor(MAX_LOGITS / vocabSize));
  return Math.ceil(count / Math.max(1, Math.ceil(count / most)));
}

function runChunk(
  parts: ReadOutParts,
  from: number,
  to: number,
): Promise<Readonly<Record<string, RuntimeTensor>>> {
  const { runtime, session, architecture, read } = parts;
  const rows = to - from;
  const states = new Float32Array(rows * architecture.hiddenSize);
  for (const [index, { row, offset }] of read.at.slice(from, to).entries()) {
    states.set(parts.final(row, offset), index * architecture.hiddenSize);
  }
  const tokens = Array.from({ length: rows }, (_, index) => read.tracked?.[from + index] ?? 0);
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
