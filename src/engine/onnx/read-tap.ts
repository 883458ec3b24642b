/** What a tap reads, from what the decoder graph puts out: states as they are, heads in the port's order. */
import type { Architecture } from "../architecture.ts";
import type { Tap } from "../engine.ts";
import { inModelOrder } from "../head-order.ts";
import { outputOf, rowsByBlock, type Forward } from "./forward.ts";
import { blockName } from "./graph/decoder-io.ts";
import { floatsOf } from "./onnx-cache.ts";
import type { RuntimeTensor } from "./runtime.ts";

interface Run {
  /** The graph's outputs; none where no row is in the stack. */
  readonly got: Readonly<Record<string, RuntimeTensor>>;
  readonly forward: Forward;
  /** What each row's entry block reads, `[rows × length, hidden]`. */
  readonly inputs: Float32Array;
  readonly architecture: Architecture;
}

/** The numbers of a tap, as `PassOutput.taps` has them. */
export function readTap(tap: Tap, run: Run): Float32Array {
  const place = outputOf(tap);
  const tensor = place && run.got[blockName.tap(place.output, place.layer)];
  const numbers = tensor === undefined ? new Float32Array(0) : floatsOf(tensor);
  switch (tap.site) {
    case "resid_pre":
      return statesBefore(tap, numbers, run);
    case "q":
    case "k":
    case "v":
      return inModelOrder(projectionOf(tap.site, numbers, run), tap, run.architecture);
    case "pattern":
      return byRow(numbers, run);
    default:
      return numbers;
  }
}

/** What block l reads: what block l - 1 put out, and behind it the rows that enter here. */
function statesBefore(tap: Tap, below: Float32Array, run: Run): Float32Array {
  const { forward, inputs, architecture } = run;
  const width = forward.length * architecture.hiddenSize;
  const rows = rowsByBlock(forward, architecture.layers);
  const before = rows[tap.layer - 1] ?? 0;
  const upTo = rows[tap.layer] ?? 0;
  const out = new Float32Array(upTo * width);
  out.set(below);
  out.set(inputs.subarray(before * width, upTo * width), before * width);
  return out;
}

/** Columns of the three projections, which are one output `[tokens, (heads + 2 · kvHeads) · headSize]`. */
function projectionOf(
  site: "q" | "k" | "v",
  qkv: Float32Array,
  { architecture }: Run,
): Float32Array {
  const { heads, kvHeads, headSize } = architecture;
  const from = { q: 0, k: heads, v: heads + kvHeads }[site] * headSize;
  const width = (site === "q" ? heads : kvHeads) * headSize;
  const rowWidth = (heads + 2 * kvHeads) * headSize;
  const tokens = qkv.length / rowWidth;
  const out = new Float32Array(tokens * width);
  for (let token = 0; token < tokens; token++) {
    const start = token * rowWidth + from;
    out.set(qkv.subarray(start, start + width), token * width);
  }
  return out;
}

/** `[kvHeads, rows, group, length, keys]` as `[rows, heads, length, keys]`. */
function byRow(pattern: Float32Array, { architecture, forward }: Run): Float32Array {
  const { heads, kvHeads } = architecture;
  const keys = forward.context.length + forward.room + forward.length;
  const width = (heads / kvHeads) * forward.length * keys;
  const rows = pattern.length / (kvHeads * width);
  const out = new Float32Array(pattern.length);
  for (let row = 0; row < rows; row++) {
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      const start = (kvHead * rows + row) * width;
      out.set(pattern.subarray(start, start + width), (row * kvHeads + kvHead) * width);
    }
  }
  return out;
}
