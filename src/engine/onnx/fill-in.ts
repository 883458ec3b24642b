/**
 * Calls of the decoder for runtimes that stumble over nothing: WebGPU's kernels refuse products over no keys, and
 * rotary embeddings of no rows. There a context of no tokens becomes one token that nobody sees, and a row of zeros goes
 * through the blocks that no row has reached; what it leads to is taken out of the outputs.
 */
import type { Architecture } from "../architecture.ts";
import type { Forward } from "./forward.ts";
import { floatsOf, unseenContext } from "./onnx-cache.ts";
import { columnsFrom } from "./ragged.ts";
import type { Runtime, RuntimeTensor } from "./runtime.ts";

type Outputs = Readonly<Record<string, RuntimeTensor>>;

/** A call as the runtime takes it, and a way back to the outputs of the call that was meant. */
export interface FilledIn {
  readonly forward: Forward;
  readonly restore: (outputs: Outputs) => Outputs;
}

/** The call itself where the runtime takes it. */
export function fillIn(meant: Forward, architecture: Architecture, runtime: Runtime): FilledIn {
  if (runtime.takesEmpty) return { forward: meant, restore: (outputs) => outputs };
  const hasUnseen = meant.context.length === 0;
  const seen = hasUnseen
    ? { ...meant, context: unseenContext(architecture, runtime), unseen: 1 }
    : meant;
  const hasZeros = seen.entries[0] !== 0;
  const forward = hasZeros ? withZeros(seen, architecture.hiddenSize, runtime) : seen;
  const restored = (tensor: RuntimeTensor): RuntimeTensor => {
    const rows = hasZeros ? withoutFirstRow(tensor, forward.length, runtime) : tensor;
    return hasUnseen && rows.dims.length === PATTERN_RANK ? withoutFirstKey(rows, runtime) : rows;
  };
  return {
    forward,
    restore: (outputs) =>
      Object.fromEntries(Object.entries(outputs).map(([name, each]) => [name, restored(each)])),
  };
}

/** Of all outputs only attention's probabilities, `[kvHeads, rows, group, length, keys]`, have a number for each key. */
const PATTERN_RANK = 5;

function withoutFirstKey(tensor: RuntimeTensor, runtime: Runtime): RuntimeTensor {
  const keys = tensor.dims.at(-1) ?? 0;
  const numbers = floatsOf(tensor).filter((_, index) => index % keys !== 0);
  return runtime.float32(numbers, [...tensor.dims.slice(0, -1), keys - 1]);
}

/** One more row, before all others, from block 0 on. */
function withZeros(forward: Forward, hiddenSize: number, runtime: Runtime): Forward {
  const { entries, join, patches, blocked, length, ragged, ownLength } = forward;
  const joined = new Float32Array(length * hiddenSize + join.length);
  joined.set(join, length * hiddenSize);
  return {
    ...forward,
    entries: [0, ...entries],
    join: joined,
    past: (layer, rows) => {
      const { keys, values } = forward.past(layer, rows - 1);
      return { keys: withFirstRow(keys, runtime), values: withFirstRow(values, runtime) };
    },
    ragged: ragged && {
      firsts: [0, ...ragged.firsts],
      ends: [0, ...ragged.ends],
      keys: [columnsFrom(0, 0, ownLength), ...ragged.keys],
      rowsOf: (layer) => [0, ...ragged.rowsOf(layer).map((row) => row + 1)],
    },
    patches: patches.map((patch) => ({ ...patch, index: patch.index + length })),
    blocked: blocked.map((edge) => ({ ...edge, row: edge.row + 1 })),
  };
}

/** `[kvHeads, rows, room, headSize]` with a row of zeros before all others. */
function withFirstRow(tensor: RuntimeTensor, runtime: Runtime): RuntimeTensor {
  const data = floatsOf(tensor);
  const [kvHeads = 0, rows = 0, ...rest] = tensor.dims;
  const width = rest.reduce((product, size) => product * size, 1);
  const out = new Float32Array(kvHeads * (rows + 1) * width);
  for (let head = 0; head < kvHeads; head++) {
    const own = data.subarray(head * rows * width, (head + 1) * rows * width);
    out.set(own, (head * (rows + 1) + 1) * width);
  }
  return runtime.float32(out, [kvHeads, rows + 1, ...rest]);
}

/** Token rows are `[rows × length, width]`; what is kept by head is `[kvHeads, rows, …]`. */
function withoutFirstRow(tensor: RuntimeTensor, length: number, runtime: Runtime): RuntimeTensor {
  const data = floatsOf(tensor);
  // Of what was not asked for there are no rows at all.
  if (data.length === 0) return tensor;
  const [first = 0, second = 0, ...rest] = tensor.dims;
  if (rest.length === 0) {
    return runtime.float32(data.subarray(length * second), [first - length, second]);
  }
  const width = rest.reduce((product, size) => product * size, 1);
  const own = (second - 1) * width;
  const out = new Float32Array(first * own);
  for (let head = 0; head < first; head++) {
    const from = head * second * width + width;
    out.set(data.subarray(from, from + own), head * own);
  }
  return runtime.float32(out, [first, second - 1, ...rest]);
}
