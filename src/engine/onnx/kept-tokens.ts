/** What is kept of the rows of a prefill, for decoding to go on from. */
import type { Architecture } from "../architecture.ts";
import { enteredBy, entryOf, lengthOf, startOf, type PrefillPass } from "../engine.ts";
import { alikeUntilEntry, rowsOfAlike } from "./alike.ts";
import type { Before } from "./before.ts";
import { blockName } from "./graph/decoder-io.ts";
import { floatsOf, missing } from "./onnx-cache.ts";
import { OwnTokens } from "./own-tokens.ts";
import type { Runtime, RuntimeTensor } from "./runtime.ts";

/** A prefill, what stood before it and what it put out. */
interface Kept {
  readonly pass: PrefillPass;
  readonly before: Before;
  readonly got: Readonly<Record<string, RuntimeTensor>>;
}

/** Keys and values of all rows and blocks; below its entry a row's are the context cache's, once for all that are so. */
export function keptTokens(
  { pass, before, got }: Kept,
  sizes: Architecture,
  runtime: Runtime,
): OwnTokens {
  const { kvHeads, headSize } = sizes;
  const entries = pass.rows.map(entryOf);
  const length = before.columns + pass.length;
  // Rows that begin or end elsewhere do not go the same way.
  const contexts = before.rows.map(
    ({ row, length: start }, index) => `${row} ${start} ${lengthOf(pass, index)}`,
  );
  const blocks = alikeUntilEntry(entries, sizes.layers, contexts).map((alike, layer) => {
    const entered = enteredBy(layer, entries);
    const keys = got[blockName.newKeys(layer)];
    const values = got[blockName.newValues(layer)];
    if (entered === entries.length && before.columns === 0) {
      return { alike, keys: keys ?? missing(), values: values ?? missing() };
    }
    const rows = rowsOfAlike(alike);
    const past = before.past(layer, rows);
    const clean = cleanTokens(layer, rows.slice(entered), { pass, before, sizes });
    const whole = (
      had: RuntimeTensor,
      own: RuntimeTensor | undefined,
      below: Float32Array,
    ): RuntimeTensor => {
      const has = entered === 0 ? NOTHING : floatsOf(own);
      const all = oneByOne(floatsOf(had), oneByOne(has, below, kvHeads), kvHeads * alike.count);
      return runtime.float32(all, [kvHeads, alike.count, length, headSize]);
    };
    return {
      alike,
      keys: whole(past.keys, keys, clean.keys),
      values: whole(past.values, values, clean.values),
    };
  });
  const count = entries.length;
  return new OwnTokens({ rows: count, length, room: length, blocks, sizes, runtime });
}

const NOTHING = new Float32Array(0);

/** What rows have of their own in a block that they have not entered yet, `[kvHeads, rows, length, headSize]`. */
function cleanTokens(
  layer: number,
  rows: readonly number[],
  { pass, before, sizes }: Pick<Kept, "pass" | "before"> & { readonly sizes: Architecture },
): { readonly keys: Float32Array; readonly values: Float32Array } {
  if (rows.length === 0) return { keys: NOTHING, values: NOTHING };
  const picked = rows.map((index) => ({
    row: before.rows[index]?.row ?? 0,
    from: startOf(pass, index),
    count: lengthOf(pass, index),
  }));
  return (before.cache ?? missing()).tokens(layer, picked, pass.length, sizes);
}

/** Each of `count` equal parts of the first, with that of the second behind it. */
function oneByOne(first: Float32Array, second: Float32Array, count: number): Float32Array {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const [before, width] = [first.length / count, second.length / count];
  const all = new Float32Array(first.length + second.length);
  for (let part = 0; part < count; part++) {
    const to = part * (before + width);
    all.set(first.subarray(part * before, (part + 1) * before), to);
    all.set(second.subarray(part * width, (part + 1) * width), to + before);
  }
  return all;
}
