/**
 * How far a patch travels: behind every later block and at every later token, the states of a patched run beside those of
 * the clean one, and what the logit lens reads from both.
 */
import type { Engine, PassOutput } from "../engine/engine.ts";
import { assert } from "../errors.ts";
import { normOf } from "../mapping/mapping.ts";
import { cosine, divergence } from "../measure/fidelity.ts";
import { comparedLayers } from "../plan/propagation.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";
import type { PropagationRecord } from "../result/result.ts";
import type { CleanTarget, PatchedRow } from "./target.ts";
import { joinPlace } from "./target.ts";

/** Rows that have run, with the states behind every block that some of them went through. */
export interface PropagatedRows {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly target: CleanTarget;
  readonly cells: readonly PlannedCell[];
  readonly rows: readonly PatchedRow[];
  /** The first position and the tokens of each row. */
  readonly from: number;
  readonly length: number;
  /** In the order of {@link propagationTaps}. */
  readonly taps: PassOutput["taps"];
  readonly signal?: AbortSignal | undefined;
}

/** What a pass must read: behind every block from the lowest entry on. */
export function propagationTaps(
  plan: Plan,
  cells: readonly PlannedCell[],
): { readonly site: "resid_post"; readonly layer: number }[] {
  const lowest = Math.min(...cells.map(({ entry }) => entry));
  const count = Math.max(0, plan.shape.layers - lowest);
  return Array.from({ length: count }, (_, index) => ({
    site: "resid_post",
    layer: lowest + index,
  }));
}

/** Compares each row with the clean run. */
export async function propagationOf(run: PropagatedRows): Promise<PropagationRecord[]> {
  const { plan, cells, from, length } = run;
  const positions = Array.from({ length }, (_, offset) => from + offset);
  const pairs: LensPair[] = [];
  const records = cells.map((cell, row): PropagationRecord => {
    const layers = comparedLayers(plan, cell);
    const table = (): number[][] => layers.map(() => positions.map(() => 0));
    const [difference, cosine, kl] = [table(), table(), table()];
    for (const [at, layer] of layers.entries()) {
      for (const [offset, position] of positions.entries()) {
        const clean = cleanState(run, layer, position);
        const patched = patchedState(run, row, { layer, offset });
        const compared = compare(patched, clean);
        put(difference, at, offset, compared.difference);
        put(cosine, at, offset, compared.cosine);
        if (compared.difference === 0) continue;
        const key = `${layer}.${position}`;
        pairs.push({ key, clean, patched, put: (value) => put(kl, at, offset, value) });
      }
    }
    return { layers, positions, difference, cosine, kl };
  });
  await readPairs(pairs, run);
  return records;
}

function put(table: readonly number[][], row: number, column: number, value: number): void {
  const values = table[row];
  if (values !== undefined) values[column] = value;
}

function cleanState(
  { plan, target }: PropagatedRows,
  layer: number,
  position: number,
): Float32Array {
  return target.states.at({ ...joinPlace(layer + 1, plan.shape.layers), position });
}

/** Behind the block before the one where a row entered, its states are those that it entered with. */
function patchedState(
  { plan, cells, rows, length, taps }: PropagatedRows,
  row: number,
  { layer, offset }: { readonly layer: number; readonly offset: number },
): Float32Array {
  const { hiddenSize } = plan.shape;
  const patched = rows[row];
  assert(patched, "every cell has its row");
  const isEntered = layer < patched.row.entry;
  const lowest = Math.min(...cells.map(({ entry }) => entry));
  const states = isEntered ? patched.row.states : taps[layer - lowest];
  const at = ((isEntered ? 0 : row * length) + offset) * hiddenSize;
  const state = states?.subarray(at, at + hiddenSize);
  assert(state?.length === hiddenSize, "the states behind each block were read");
  return state;
}

/** How far two states are apart: the difference's length in lengths of the clean one, and the cosine between the two. */
function compare(
  patched: Float32Array,
  clean: Float32Array,
): { readonly difference: number; readonly cosine: number } {
  const apart = patched.map((value, index) => value - (clean[index] ?? 0));
  return {
    difference: normOf(apart) / (normOf(clean) || 1),
    cosine: cosine(patched, clean),
  };
}

/** Two states to be read by the logit lens. */
interface LensPair {
  /** Of the clean state, which several pairs may share. */
  readonly key: string;
  readonly clean: Float32Array;
  readonly patched: Float32Array;
  readonly put: (kl: number) => void;
}

/** Whole distributions are large: so many are held at once. */
const STATES_AT_ONCE = 64;

/** Reads neighbours together, so that what rows share is read once. */
async function readPairs(
  pairs: readonly LensPair[],
  run: Pick<PropagatedRows, "plan" | "engine" | "signal">,
): Promise<void> {
  const sorted = pairs.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  let batch: LensPair[] = [];
  const keys = new Set<string>();
  for (const pair of sorted) {
    if (batch.length + keys.size + 2 > STATES_AT_ONCE) {
      await readBatch(batch, run);
      batch = [];
      keys.clear();
    }
    batch.push(pair);
    keys.add(pair.key);
  }
  if (batch.length > 0) await readBatch(batch, run);
}

async function readBatch(
  batch: readonly LensPair[],
  { plan, engine, signal }: Pick<PropagatedRows, "plan" | "engine" | "signal">,
): Promise<void> {
  const { layers, vocabSize } = plan.shape;
  const clean = new Map(batch.map((pair) => [pair.key, pair.clean] as const));
  const states = [...clean.values(), ...batch.map(({ patched }) => patched)];
  const { read } = await engine.run(
    {
      kind: "prefill",
      length: 1,
      rows: states.map((state) => ({ entry: layers, states: state })),
      read: { at: states.map((_, row) => ({ row, offset: 0 })), topK: 0, logits: true },
    },
    signal,
  );
  const logitsAt = (index: number): Float32Array => {
    const logits = read?.logits?.subarray(index * vocabSize, (index + 1) * vocabSize);
    assert(logits, "the lens was read");
    return logits;
  };
  const keys = [...clean.keys()];
  const unpatched = new Map(keys.map((key, index) => [key, logitsAt(index)] as const));
  for (const [index, pair] of batch.entries()) {
    const q = unpatched.get(pair.key);
    assert(q, "the clean state was read");
    pair.put(divergence(logitsAt(keys.length + index), q));
  }
}
