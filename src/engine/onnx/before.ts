/** What stands before the rows of a pass: one context that they share, or what each has of its own. */
import type { Architecture } from "../architecture.ts";
import { isRagged } from "../check-pass.ts";
import { lengthOf, startOf, type ContextRow, type PrefillPass } from "../engine.ts";
import { missing, type BlockKv, type OnnxCache, type SharedContext } from "./onnx-cache.ts";
import { columnsFrom, type KeyPositions } from "./ragged.ts";
import type { Runtime } from "./runtime.ts";

export interface Before {
  /** Of all rows. */
  readonly context: SharedContext;
  readonly cache: OnnxCache | undefined;
  /** `[rows]`: what each stands behind. */
  readonly rows: readonly ContextRow[];
  /** Columns that rows have of their own before the pass, and the keys and values there of some of the rows. */
  readonly columns: number;
  readonly past: (layer: number, rows: readonly number[]) => BlockKv;
  /** `[rows]`: what stands in those columns; undefined where all rows are alike in that. */
  readonly positions: readonly KeyPositions[] | undefined;
}

/** One context for all rows is computed with as such; where each has another one, they are tokens of the rows' own. */
export function beforeOf(
  pass: PrefillPass,
  cache: OnnxCache | undefined,
  {
    architecture,
    runtime,
    noContext,
  }: {
    readonly architecture: Architecture;
    readonly runtime: Runtime;
    readonly noContext: SharedContext;
  },
): Before {
  const { context, rows } = pass;
  const { kvHeads, headSize } = architecture;
  const shape = (count: number, columns: number) => [kvHeads, count, columns, headSize];
  if (cache === undefined || context === undefined || !("rows" in context)) {
    const shared =
      cache === undefined ? noContext : cache.asContext(startOf(pass, 0), architecture, runtime);
    return {
      context: shared,
      cache,
      rows: rows.map(() => ({ row: 0, length: shared.length })),
      columns: 0,
      past: (_, some) => {
        const empty = runtime.float32(new Float32Array(0), shape(some.length, 0));
        return { keys: empty, values: empty };
      },
      positions: isRagged(pass) ? rows.map(() => []) : undefined,
    };
  }
  const columns = Math.max(...context.rows.map(({ length }) => length));
  return {
    context: noContext,
    cache,
    rows: context.rows,
    columns,
    past: (layer, some) => {
      const picked = some.map((index) => {
        const { row, length } = context.rows[index] ?? missing();
        return { row, from: 0, count: length };
      });
      const { keys, values } = cache.tokens(layer, picked, columns, architecture);
      return {
        keys: runtime.float32(keys, shape(some.length, columns)),
        values: runtime.float32(values, shape(some.length, columns)),
      };
    },
    positions: context.rows.map(({ length }) => columnsFrom(0, length, columns)),
  };
}

/** What stands in the columns of each row's own behind a pass; undefined where its tokens are one behind the other. */
export function positionsBehind(
  pass: PrefillPass,
  { positions }: Before,
): readonly KeyPositions[] | undefined {
  return positions?.map((keys, row) => [
    ...keys,
    ...columnsFrom(startOf(pass, row), lengthOf(pass, row), pass.length),
  ]);
}
