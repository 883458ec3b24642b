/** Tokens per second in prefill and decoding, batch by batch, in turn with transformers on the same weights. */
import type { Cache, Engine } from "patchscopes";
import type { BenchContext } from "../context.ts";
import { one, spreadOf, type Figure, type Section } from "../figure.ts";
import type { Pytorch, PytorchAnswer } from "../measure/pytorch.ts";
import { against, inTurn } from "../measure/timing.ts";

const ROUNDS = 5;
const STEPS = 16;
/** Rows and tokens of each: a prefill of about a thousand tokens, decoding behind a short prompt. */
const WORKS: readonly Work[] = [
  { kind: "prefill", rows: 1, length: 512 },
  { kind: "prefill", rows: 16, length: 64 },
  { kind: "prefill", rows: 64, length: 16 },
  { kind: "decode", rows: 1, length: 16 },
  { kind: "decode", rows: 16, length: 16 },
  { kind: "decode", rows: 64, length: 16 },
];

interface Work {
  readonly kind: "prefill" | "decode";
  readonly rows: number;
  readonly length: number;
}

/** What one run says: decoding is timed without its prefill. Tokens are the last row's. */
type Ran = PytorchAnswer<readonly number[]>;

/** Each work in turn with PyTorch's. */
export async function throughputSection(context: BenchContext): Promise<Section> {
  const { engine } = await context.loaded();
  const pytorch = await context.pytorch();
  const figures: Figure[] = [];
  for (const work of WORKS) {
    context.note(`${work.kind}, ${work.rows} × ${work.length} tokens …`);
    figures.push(...(await measure(work, { engine, pytorch, signal: context.signal })));
  }
  return {
    title: "Prefill and decoding",
    about: `Tokens a second without anything patched, beside transformers on the same weights: prompts of 512, 16 × 64 and 64 × 16 tokens, and ${STEPS} steps of 1, 16 and 64 rows.`,
    figures,
  };
}

async function measure(
  work: Work,
  parts: {
    readonly engine: Engine;
    readonly pytorch: Pytorch | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Figure[]> {
  const { engine, pytorch, signal } = parts;
  const rows = promptRows(work, engine.architecture.vocabSize);
  let ours: Ran | undefined;
  let theirs: Ran | undefined;
  const took = await inTurn(
    {
      ours: { timed: async () => (ours = await runHere(engine, work, rows)).seconds },
      theirs: pytorch && {
        timed: async () =>
          (theirs = await pytorch.ask({ kind: work.kind, rows, steps: STEPS })).seconds,
      },
    },
    { rounds: ROUNDS, signal },
  );
  const tokens = work.rows * (work.kind === "prefill" ? work.length : STEPS);
  const name = `${work.kind}, batch ${work.rows}`;
  const isSame = String(ours?.tokens) === String(theirs?.tokens);
  return [
    { name, value: spreadOf(took.ours.map((each) => tokens / each)), unit: "tokens/s" },
    ...against(`${name}, against PyTorch`, { theirs: took.theirs, ours: took.ours, atLeast: 1 }),
    ...(theirs === undefined
      ? []
      : [
          {
            name: `${name}: rows that say what PyTorch says`,
            value: one(isSame ? 100 : 0),
            unit: "%",
            goal: { atLeast: 100 },
          } as const,
        ]),
  ];
}

async function runHere(
  engine: Engine,
  work: Work,
  rows: readonly (readonly number[])[],
): Promise<Ran> {
  let begin = performance.now();
  const { read, cache } = await engine.run({
    kind: "prefill",
    length: work.length,
    rows: rows.map((tokens) => ({ tokens })),
    read: { at: rows.map((_, row) => ({ row, offset: work.length - 1 })), topK: 1 },
    keep: work.kind === "decode",
  });
  let top = read?.topTokens ?? new Int32Array(0);
  const tokens = [top.at(-1) ?? -1];
  if (cache !== undefined) {
    begin = performance.now();
    for (let step = 0; step < STEPS; step++) {
      top = await decodeStep(engine, cache, top);
      tokens.push(top.at(-1) ?? -1);
    }
  }
  const seconds = (performance.now() - begin) / 1000;
  cache?.dispose();
  return { seconds, tokens };
}

async function decodeStep(engine: Engine, cache: Cache, tokens: Int32Array): Promise<Int32Array> {
  const at = Array.from(tokens, (_, row) => ({ row, offset: 0 }));
  const { read } = await engine.run({ kind: "decode", cache, tokens, read: { at, topK: 1 } });
  return read?.topTokens ?? new Int32Array(0);
}

/** Token ids that differ from row to row and mean nothing. */
function promptRows({ rows, length }: Work, vocabSize: number): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length }, (_, at) => (1009 + 7919 * (row * length + at)) % vocabSize),
  );
}
