/** Where one of a layer's weights is in a file: a tensor of its own, or some rows of one that holds several. */
import type { Architecture, LayerWeight } from "../../engine/architecture.ts";
import type { Shapes } from "../../engine/layer-weights.ts";
import type { FusedTensor, WeightNames } from "./family.ts";
import type { RowRun } from "./weight-views.ts";

export interface WeightPlace {
  /** Without the layer's prefix. */
  readonly name: string;
  /** How many rows the tensor has and which are the weight's; absent where all of them are. */
  readonly rows?: number;
  readonly runs?: readonly RowRun[];
}

/** The place of a weight that the architecture has. */
export function placeOf(
  weight: LayerWeight,
  names: WeightNames,
  shapes: Shapes,
  architecture: Architecture,
): WeightPlace {
  const fused = names.fused?.find(({ parts }) => parts.includes(weight));
  if (fused === undefined) return { name: names.layer[weight] ?? weight };
  const rowsOf = (part: LayerWeight): number => shapes.get(part)?.[0] ?? 0;
  const rows = fused.parts.reduce((sum, part) => sum + rowsOf(part), 0);
  const before = fused.parts.slice(0, fused.parts.indexOf(weight));
  const from = before.reduce((sum, part) => sum + rowsOf(part), 0);
  const runs =
    fused.order === "stacked"
      ? [{ from, count: rowsOf(weight) }]
      : headRuns(fused, before.length, architecture);
  return { name: fused.name, rows, runs };
}

/** The same head of each part stand together: `[heads, parts, headSize]`. */
function headRuns(
  { parts }: FusedTensor,
  part: number,
  { heads, headSize }: Architecture,
): readonly RowRun[] {
  return Array.from({ length: heads }, (_, head) => ({
    from: (head * parts.length + part) * headSize,
    count: headSize,
  }));
}
