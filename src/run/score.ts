/**
 * Scores texts under other vectors than their own: how probable would the same words be without the patch,
 * and with the states of unrelated sentences in the same place? A text is fed in as if it had been generated,
 * so that one pass gives all its log-probabilities.
 *
 * Below the block where a vector enters, a text's own tokens see the clean target: their states there are
 * the same under every control, are computed once, without the patch, and join with the control's vector.
 */
import { fillUp, type Engine, type PassOutput, type Row } from "../engine/engine.ts";
import type { Plan, PlannedCell } from "../plan/plan.ts";
import { blockedEdges, CLEAN_ROW } from "./blocked.ts";
import { grouped } from "./grouped.ts";
import type { MapOf } from "./map-of.ts";
import type { CleanTarget, RowToWrite, VectorOf } from "./target.ts";
import { inOnePass, joinPlace } from "./target.ts";
import { writeRows } from "./write-rows.ts";

/** Tokens of all rows in one pass where nobody says: large enough for the matrix product, small enough for memory. */
const PASS_TOKENS = 1024;
/** Texts whose states are held at once. */
const TEXTS_AT_ONCE = 64;

/** A text said by a cell, to be scored under the controls. */
export interface ScoreTask {
  readonly cell: PlannedCell;
  readonly text: readonly number[];
}

/** Log-probability of each of a text's tokens in nats: unpatched, and under each control. */
export interface TextScore {
  readonly unpatched: readonly number[];
  readonly controls: readonly (readonly number[])[];
}

export interface ScoredTask {
  readonly index: number;
  readonly score: TextScore;
}

export interface ScoreOptions {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly target: CleanTarget;
  /** One per control: its vector for a write. */
  readonly controls: readonly VectorOf[];
  /** Whether those vectors depend on which token of the source is read, and not on its site and layer alone. */
  readonly isByPosition: boolean;
  readonly mapOf: MapOf;
  /** Tokens of all rows in one pass. */
  readonly passTokens?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the tasks that are done since the last call, by their indices. */
  readonly onScored?: ((scored: readonly ScoredTask[]) => void) | undefined;
}

/** Scores all tasks, in their order. Equal texts are scored once; under controls, once for each place of the writes. */
export async function scoreTexts(
  tasks: readonly ScoreTask[],
  options: ScoreOptions,
): Promise<TextScore[]> {
  const texts = distinct(tasks.map(({ text }) => text));
  const byText = grouped(tasks.entries(), ([, { text }]) => keyOfText(text));
  const scores: TextScore[] = [];
  const { passTokens = PASS_TOKENS } = options;
  const atOnce = Math.max(1, Math.floor((TEXTS_AT_ONCE * passTokens) / PASS_TOKENS));
  for (let from = 0; from < texts.length; from += atOnce) {
    const some = texts.slice(from, from + atOnce);
    const ofThese = some.flatMap((text) => byText.get(keyOfText(text)) ?? []);
    const byKey = grouped(ofThese, ([, task]) => keyOfTask(task, options));
    const unique = [...byKey].flatMap(([key, [first]]) =>
      first === undefined ? [] : [{ key, task: first[1] }],
    );
    for await (const done of scoreSome(some, unique, options)) {
      const scored = done.flatMap(({ key, score }) =>
        (byKey.get(key) ?? []).map(([index]): ScoredTask => ({ index, score })),
      );
      for (const { index, score } of scored) scores[index] = score;
      options.onScored?.(scored);
    }
  }
  return scores;
}

/** A task that is done for all that are like it. */
interface UniqueTask {
  readonly key: string;
  readonly task: ScoreTask;
}

interface UniqueScore {
  readonly key: string;
  readonly score: TextScore;
}

/** Scores tasks that differ, and gives those that have all of their controls after every pass. */
async function* scoreSome(
  texts: readonly (readonly number[])[],
  unique: readonly UniqueTask[],
  options: ScoreOptions,
): AsyncGenerator<readonly UniqueScore[], void, undefined> {
  const tasks = unique.map(({ task }) => task);
  const unpatched = await scoreUnpatched(texts, tasks, options);
  const scoreOf = ({ text }: ScoreTask, controls: TextScore["controls"]): TextScore => ({
    unpatched: unpatched.of(text).logprobs,
    controls,
  });
  if (options.controls.length === 0) {
    yield unique.map(({ key, task }) => ({ key, score: scoreOf(task, []) }));
  }
  const rows = unique
    .flatMap(({ key, task }) =>
      options.controls.map((vectorOf, control): ControlRow => ({ key, task, vectorOf, control })),
    )
    // The rows of a task stay together.
    .toSorted(
      (a, b) => a.task.cell.from - b.task.cell.from || a.task.cell.entry - b.task.cell.entry,
    );
  let controls: (readonly number[])[] = [];
  for (const batch of batches(rows, options)) {
    const logprobs = await scoreRows(batch, unpatched, options);
    const done: UniqueScore[] = [];
    for (const [index, { key, task, control }] of batch.entries()) {
      controls[control] = logprobs[index] ?? [];
      if (control < options.controls.length - 1) continue;
      done.push({ key, score: scoreOf(task, controls) });
      controls = [];
    }
    if (done.length > 0) yield done;
  }
}

interface UnpatchedTexts {
  of(text: readonly number[]): {
    readonly logprobs: readonly number[];
    /** States of the text's tokens but the last, at a block's entry, `[tokens, hidden]`. */
    readonly statesAt: (entry: number) => Float32Array;
  };
}

/** Runs texts behind the clean target, and keeps their states at the blocks where the tasks' vectors enter. */
async function scoreUnpatched(
  texts: readonly (readonly number[])[],
  tasks: readonly ScoreTask[],
  { plan, engine, target, signal }: ScoreOptions,
): Promise<UnpatchedTexts> {
  const { layers, hiddenSize } = plan.shape;
  const from = plan.target.tokens.length;
  const length = Math.max(...texts.map((text) => text.length)) - 1;
  const entries = [...new Set(tasks.map(({ cell }) => cell.entry))];
  const firsts = await scoreFirstTokens(texts, { plan, engine, target, signal });
  const at = texts.flatMap((text, row) =>
    text.slice(1).map((token, offset) => ({ row, offset, token })),
  );
  const output =
    length === 0
      ? undefined
      : await engine.run(
          {
            kind: "prefill",
            context: { cache: target.cache, length: from },
            length,
            rows: texts.map((text) => ({ tokens: fillUp(text.slice(0, -1), length) })),
            blocked: blockedEdges(
              plan,
              texts.map(() => CLEAN_ROW),
              { from, length },
            ),
            taps: entries.map((entry) => joinPlace(entry, layers)),
            read: { at, topK: 0, tracked: Int32Array.from(at, ({ token }) => token) },
          },
          signal,
        );
  const logprobs = appendByRow(
    firsts.map((first) => [first]),
    at,
    output,
  );
  const rowOf = new Map(texts.map((text, row) => [keyOfText(text), row]));
  return {
    of: (text) => {
      const row = rowOf.get(keyOfText(text)) ?? 0;
      const start = row * length * hiddenSize;
      return {
        logprobs: logprobs[row] ?? [],
        statesAt: (entry) =>
          output?.taps[entries.indexOf(entry)]?.subarray(start, start + length * hiddenSize) ??
          new Float32Array(0),
      };
    },
  };
}

/** The first token of each text after the clean target. */
async function scoreFirstTokens(
  texts: readonly (readonly number[])[],
  { plan, engine, target, signal }: Omit<ScoreOptions, "controls" | "isByPosition" | "mapOf">,
): Promise<number[]> {
  const { layers } = plan.shape;
  const last = target.states.atLast(joinPlace(layers, layers));
  const output = await engine.run(
    {
      kind: "prefill",
      length: 1,
      rows: texts.map((): Row => ({ entry: layers, states: last })),
      read: {
        at: texts.map((_, row) => ({ row, offset: 0 })),
        topK: 0,
        tracked: Int32Array.from(texts, (text) => text[0] ?? 0),
      },
    },
    signal,
  );
  return [...(output.read?.trackedLogprobs ?? [])];
}

interface ControlRow extends UniqueTask {
  readonly vectorOf: VectorOf;
  readonly control: number;
}

/** Rows with the same shared context, in passes of a bounded size. */
function batches(
  rows: readonly ControlRow[],
  { plan, passTokens = PASS_TOKENS }: ScoreOptions,
): ControlRow[][] {
  const cut: ControlRow[][] = [];
  let tokens = 0;
  for (const row of rows) {
    const { from } = row.task.cell;
    const size = plan.target.tokens.length - from + row.task.text.length - 1;
    const current = cut.at(-1);
    if (current?.[0]?.task.cell.from === from && tokens + size <= passTokens) {
      current.push(row);
      tokens += size;
    } else {
      cut.push([row]);
      tokens = size;
    }
  }
  return cut;
}

async function scoreRows(
  batch: readonly ControlRow[],
  unpatched: UnpatchedTexts,
  { plan, engine, target, mapOf, signal }: ScoreOptions,
): Promise<number[][]> {
  const { hiddenSize } = plan.shape;
  const from = batch[0]?.task.cell.from ?? 0;
  const longest = Math.max(...batch.map(({ task }) => task.text.length)) - 1;
  const last = plan.target.tokens.length - 1 - from;
  const length = last + 1 + longest;
  const clean = batch.map(({ task, vectorOf }): RowToWrite => {
    const tail = new Float32Array(longest * hiddenSize);
    tail.set(unpatched.of(task.text).statesAt(task.cell.entry).subarray(0, tail.length));
    return { cell: task.cell, vectorOf, tail };
  });
  const rows = await writeRows(clean, { plan, engine, target, mapOf, from, length, signal });
  // What is written behind the last block is seen by no later token.
  const seen = batch.map(({ task: { cell, text } }) =>
    cell.entry === plan.shape.layers ? text.slice(0, 1) : text,
  );
  const at = seen.flatMap((text, row) =>
    text.map((token, index) => ({ row, offset: last + index, token })),
  );
  const output = await engine.run(
    {
      kind: "prefill",
      context: { cache: target.cache, length: from },
      length,
      ...inOnePass(rows, { plan, target, from, length }),
      read: { at, topK: 0, tracked: Int32Array.from(at, ({ token }) => token) },
    },
    signal,
  );
  const read = appendByRow(
    batch.map(() => []),
    at,
    output,
  );
  return batch.map(({ task }, row) => {
    const logprobs = read[row] ?? [];
    return [...logprobs, ...unpatched.of(task.text).logprobs.slice(logprobs.length)];
  });
}

/** Each row's tracked log-probabilities, behind those that it has already. */
function appendByRow(
  before: readonly (readonly number[])[],
  at: readonly { readonly row: number }[],
  output: PassOutput | undefined,
): number[][] {
  const logprobs = before.map((of) => [...of]);
  for (const [index, { row }] of at.entries()) {
    logprobs[row]?.push(output?.read?.trackedLogprobs?.[index] ?? -Infinity);
  }
  return logprobs;
}

function distinct(texts: readonly (readonly number[])[]): (readonly number[])[] {
  return [...new Map(texts.map((text) => [keyOfText(text), text])).values()];
}

function keyOfText(text: readonly number[]): string {
  return text.join(",");
}

/** Two tasks are the same when the same text is scored with the same states in the same places. */
function keyOfTask({ cell, text }: ScoreTask, { isByPosition }: ScoreOptions): string {
  const { own } = cell;
  const writes = cell.writes.map(({ from, to, factor }) => {
    const read = `${from.site}.${from.layer}${isByPosition ? `.${from.position}` : ""}`;
    const factored = factor === undefined ? "" : `*${factor}`;
    return `${read}${factored}>${to.site}.${to.layer}.${to.position}`;
  });
  const alone = own === undefined ? "" : JSON.stringify(own);
  return `${writes.join(";")}|${alone}|${keyOfText(text)}`;
}
