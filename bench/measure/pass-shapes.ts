/** Passes of the shapes that sweeps are made of, and which products they need. */
import type { Architecture, Cache, Engine, Pass } from "patchscopes";

/** A pass, and which products it needs. */
export interface Shape {
  readonly name: string;
  /** Token rows that each block multiplies, `[layers]`. */
  readonly tokens: readonly number[];
  /** States that are read. */
  readonly read: number;
  readonly run: () => Promise<unknown>;
}

/** A prefill, the rows of a grid, and steps of decoding. */
export async function passShapes(engine: Engine): Promise<{
  readonly prefill: Shape;
  readonly grid: Shape;
  readonly fewRows: Shape;
  readonly manyRows: Shape;
}> {
  return {
    prefill: prefill(engine, { rows: 16, length: 64 }),
    grid: await grid(engine),
    fewRows: await decoding(engine, 64),
    manyRows: await decoding(engine, 128),
  };
}

function all({ layers }: Architecture, tokens: number): number[] {
  return Array.from({ length: layers }, () => tokens);
}

/** Token ids that differ from row to row and mean nothing. */
function promptOf(row: number, length: number, { vocabSize }: Architecture): number[] {
  return Array.from({ length }, (_, at) => (1009 + 7919 * (row * length + at)) % vocabSize);
}

function prefill(
  engine: Engine,
  { rows, length }: { readonly rows: number; readonly length: number },
): Shape {
  const { architecture } = engine;
  const prompts = Array.from({ length: rows }, (_, row) => promptOf(row, length, architecture));
  const pass: Pass = {
    kind: "prefill",
    length,
    rows: prompts.map((tokens) => ({ tokens })),
    read: { at: prompts.map((_, row) => ({ row, offset: length - 1 })), topK: 10 },
  };
  return {
    name: `prefill of ${rows} × ${length} tokens`,
    tokens: all(architecture, rows * length),
    read: rows,
    run: () => engine.run(pass),
  };
}

/** As many rows join at each block as there are layers, behind a short prompt. */
async function grid(engine: Engine): Promise<Shape> {
  const { architecture } = engine;
  const { layers, hiddenSize } = architecture;
  const length = 20;
  const cache = await prompt(engine, length);
  const states = Float32Array.from({ length: hiddenSize }, (_, i) => Math.sin(i));
  const rows = Array.from({ length: layers * layers }, (_, row) => ({
    entry: 1 + Math.floor(row / layers),
    states,
  }));
  const pass: Pass = {
    kind: "prefill",
    context: { cache, length: length - 1 },
    length: 1,
    rows,
    read: { at: rows.map((_, row) => ({ row, offset: 0 })), topK: 10 },
  };
  return {
    name: `rows of a ${layers}×${layers} grid`,
    tokens: all(architecture, 0).map((_, layer) => layer * layers),
    read: rows.length,
    run: () => engine.run(pass),
  };
}

/** Single steps of so many rows, behind a short prompt that they share. */
async function decoding(engine: Engine, rows: number): Promise<Shape> {
  const { architecture } = engine;
  const length = 20;
  const cache = await prompt(engine, length);
  const steps = 16;
  const start = Array.from({ length: rows }, (_, row) => ({
    tokens: promptOf(row, 1, architecture),
  }));
  const at = start.map((_, row) => ({ row, offset: 0 }));
  let own: Cache | undefined;
  let left = 0;
  return {
    name: `decoding of ${rows} rows`,
    tokens: all(architecture, rows),
    read: rows,
    run: async () => {
      if (left === 0) {
        own?.dispose();
        const context = { cache, length };
        own = (await engine.run({ kind: "prefill", context, length: 1, rows: start, keep: true }))
          .cache;
        left = steps;
      }
      left -= 1;
      if (own === undefined) throw new Error("bug: the rows' cache was kept");
      const tokens = Int32Array.from(start, ({ tokens: [token] }) => token ?? 0);
      await engine.run({ kind: "decode", cache: own, tokens, read: { at, topK: 1 } });
    },
  };
}

async function prompt(engine: Engine, length: number): Promise<Cache> {
  const tokens = promptOf(0, length, engine.architecture);
  const { cache } = await engine.run({ kind: "prefill", length, rows: [{ tokens }], keep: true });
  if (cache === undefined) throw new Error("bug: the prompt's cache was kept");
  return cache;
}
