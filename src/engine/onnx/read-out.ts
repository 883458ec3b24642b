/** Runs the read-out session over final states, at most {@link MAX_LOGIT_ROWS} at once: logits are large and live shortly. */
import type { Architecture } from "../architecture.ts";
import type { Read, ReadOut } from "../engine.ts";
import { passAborted } from "../reference/errors.ts";
import { floatsOf } from "./onnx-cache.ts";
import type { Runtime, RuntimeSession, RuntimeTensor } from "./runtime.ts";

/** 64 rows of a 49k vocabulary are 12 MB; more rows are not faster. */
const MAX_LOGIT_ROWS = 64;

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
  for (let from = 0; from < count; from += MAX_LOGIT_ROWS) {
    if (signal?.aborted === true) {
      throw passAborted(signal.reason);
    }
    const to = Math.min(from + MAX_LOGIT_ROWS, count);
    const got = await runChunk(parts, from, to);
    const normalizers = floatsOf(got["log_normalizer"]);
    copyTop(got, { from, to, topK: read.topK, normalizers, topTokens, topLogprobs });
    if (tracked !== undefined) {
      floatsOf(got["tracked_logit"]).forEach((logit, index) => {
        tracked[from + index] = logit - (normalizers[index] ?? 0);
      });
    }
    logits?.set(floatsOf(got["logits"]), from * architecture.vocabSize);
  }
  return {
    topTokens,
    topLogprobs,
    ...(tracked === undefined ? {} : { trackedLogprobs: tracked }),
    ...(logits === undefined ? {} : { logits }),
  };
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
  const outputs = ["log_normalizer", "top_logits", "top_tokens"];
  if (read.tracked !== undefined) {
    outputs.push("tracked_logit");
  }
  if (read.logits === true) {
    outputs.push("logits");
  }
  const feeds = {
    states: runtime.float32(states, [rows, architecture.hiddenSize]),
    k: runtime.int64([Math.max(1, read.topK)], [1]),
    tracked: runtime.int64(tokens, [rows, 1]),
  };
  return session.run(feeds, outputs);
}

function copyTop(
  got: Readonly<Record<string, RuntimeTensor>>,
  parts: {
    readonly from: number;
    readonly to: number;
    readonly topK: number;
    readonly normalizers: Float32Array;
    readonly topTokens: Int32Array;
    readonly topLogprobs: Float32Array;
  },
): void {
  const { from, to, topK, normalizers, topTokens, topLogprobs } = parts;
  if (topK === 0) {
    return;
  }
  const values = floatsOf(got["top_logits"]);
  const indices = got["top_tokens"]?.data ?? [];
  for (let row = from; row < to; row++) {
    for (let k = 0; k < topK; k++) {
      const at = (row - from) * topK + k;
      topTokens[row * topK + k] = Number(indices[at] ?? 0);
      topLogprobs[row * topK + k] = (values[at] ?? 0) - (normalizers[row - from] ?? 0);
    }
  }
}
