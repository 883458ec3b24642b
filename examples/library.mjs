// The library: the paper's tuple in, cells out. Needs the built package:
//
//   node examples/library.mjs
//
// Prints what the states of " Japan" at three layers say of its capital, each with its evidence as soon as it is there.
import { EVIDENCE_THRESHOLD, sweep } from "patchscopes";
import { loadModel } from "patchscopes/node";

const loaded = await loadModel("smollm2-135m-instruct");

const cells = sweep(
  {
    source: { prompt: "I spent the summer in Japan", layer: [0, 6, 12] }, // (S, i, M, l)
    target: { prompt: "The government of x is in the city of", position: { find: "x" } }, // (T, i*, f, M*, l*)
    read: { maxTokens: 8 },
  },
  loaded,
);
for await (const cell of cells) {
  const layer = "source" in cell ? cell.source.layer : "several";
  const { text, evidence = 0 } = cell;
  const reading =
    evidence >= EVIDENCE_THRESHOLD ? "depends on the vector" : "the prompt says this anyway";
  console.log(`layer ${layer}: ${JSON.stringify(text)}, ${evidence.toFixed(1)} nats: ${reading}`);
}

await loaded.dispose();
