/** What is kept of the rows of a prefill, for decoding to go on from. */
import type { Architecture } from "../architecture.ts";
import { enteredBy } from "../engine.ts";
import { alikeUntilEntry } from "./alike.ts";
import { blockName } from "./graph/decoder-io.ts";
import { floatsOf, missing, type OnnxCache } from "./onnx-cache.ts";
import { OwnTokens } from "./own-tokens.ts";
import type { Runtime, RuntimeTensor } from "./runtime.ts";

/** What a prefill put out, and the clean run that its rows stand behind. */
interface Kept {
  readonly got: Readonly<Record<string, RuntimeTensor>>;
  readonly entries: readonly number[];
  readonly length: number;
  /** Where the rows begin. */
  readonly from: number;
  readonly contextCache: OnnxCache | undefined;
}

/** Keys and values of all rows and blocks; below its entry a row's are the context cache's, once for all that are so. */
export function keptTokens(kept: Kept, sizes: Architecture, runtime: Runtime): OwnTokens {
  const { got, entries, length, from, contextCache } = kept;
  const rows = entries.length;
  const blocks = alikeUntilEntry(entries, sizes.layers).map((alike, layer) => {
    const entered = enteredBy(layer, entries);
    const keys = got[blockName.newKeys(layer)];
    const values = got[blockName.newValues(layer)];
    if (entered === rows) {
      return { alike, keys: keys ?? missing(), values: values ?? missing() };
    }
    const below = contextCache?.tokens(layer, { from, count: length }, sizes) ?? missing();
    const behind = (own: RuntimeTensor | undefined, clean: Float32Array): RuntimeTensor => {
      const dims = [sizes.kvHeads, entered + 1, length, sizes.headSize];
      const before = entered === 0 ? new Float32Array(0) : floatsOf(own);
      return runtime.float32(withLast(before, clean, sizes.kvHeads), dims);
    };
    return { alike, keys: behind(keys, below.keys), values: behind(values, below.values) };
  });
  return new OwnTokens({ rows, length, room: length, blocks, sizes, runtime });
}

/** `[kvHeads, entered, …]` with `last`, `[kvHeads, …]`, as one row more: all that have not entered are like it. */
function withLast(rows: Float32Array, last: Float32Array, kvHeads: number): Float32Array {
  const [before, width] = [rows.length / kvHeads, last.length / kvHeads];
  const all = new Float32Array(rows.length + last.length);
  for (let head = 0; head < kvHeads; head++) {
    const to = head * (before + width);
    all.set(rows.subarray(head * before, (head + 1) * before), to);
    all.set(last.subarray(head * width, (head + 1) * width), to + before);
  }
  return all;
}
