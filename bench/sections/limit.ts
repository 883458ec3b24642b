/** How near the engine is to its own limit: the same products, of the same shapes, on the same runtime, and nothing else. */
import type { Engine } from "patchscopes";
import { loadProducts, type ProductsAlone } from "patchscopes/node";
import type { BenchContext } from "../context.ts";
import { spreadOf, type Figure, type Section } from "../figure.ts";
import { passShapes, type Shape } from "../measure/pass-shapes.ts";
import { inTurn } from "../measure/timing.ts";

const ROUNDS = 9;
/** The engine reads logits in pieces of about so many numbers. */
const LOGITS_AT_ONCE = 2 ** 23;

/** Shares of the limit in prefill, in a grid's rows, and in decoding. */
export async function limitSection(context: BenchContext): Promise<Section> {
  context.note("The engine's limit …");
  const loaded = await context.loaded();
  const { engine } = loaded;
  const products = await loadProducts(loaded);
  const figures: Figure[] = [];
  try {
    const { prefill, grid, fewRows, manyRows } = await passShapes(engine);
    const parts = { products, engine, signal: context.signal };
    for (const shape of [prefill, grid]) figures.push(await share(shape, 80, parts));
    for (const shape of [fewRows, manyRows]) figures.push(await share(shape, 75, parts));
  } finally {
    await products.dispose();
  }
  return {
    title: "Share of the limit",
    about:
      "Of the time that a pass takes, the part that the same runtime needs for the products with weights alone: the same shapes, in one graph, " +
      "without norms, attention, activation, softmax or anything between them.",
    figures,
  };
}

async function share(
  shape: Shape,
  atLeast: number,
  parts: {
    readonly products: ProductsAlone;
    readonly engine: Engine;
    readonly signal: AbortSignal;
  },
): Promise<Figure> {
  const { products, engine, signal } = parts;
  const most = Math.max(64, Math.floor(LOGITS_AT_ONCE / engine.architecture.vocabSize));
  const pieces = Math.ceil(shape.read / most);
  const took = await inTurn(
    {
      pass: shape.run,
      limit: async () => {
        await products.runBlocks(shape.tokens);
        for (let piece = 0; piece < pieces; piece++) {
          await products.runHead(Math.ceil(shape.read / pieces));
        }
      },
    },
    { rounds: ROUNDS, signal },
  );
  const shares = took.limit.map((limit, round) => (100 * limit) / (took.pass[round] ?? NaN));
  const goal = { atLeast };
  return { name: `share of the limit, ${shape.name}`, value: spreadOf(shares), unit: "%", goal };
}
