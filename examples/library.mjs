// The library: a spec in, a result out, both plain data. Needs the built package:
//
//   node examples/library.mjs
//
// Prints what the states of " Japan" at three layers say of its capital, each with its evidence, and what the target
// prompt says without a vector.
import { EVIDENCE_THRESHOLD, explain, parseSpec, planSpec, runSpec } from "patchscopes";
import { loadModel } from "patchscopes/node";

const spec = parseSpec({
  version: 1,
  source: {
    model: "smollm2-135m-instruct",
    prompt: "I spent the summer in Japan",
    layer: [0, 6, 12],
  },
  target: { prompt: "The government of x is in the city of", position: { find: "x" } },
  read: { kind: "generate", maxTokens: 8 },
});

const loaded = await loadModel(spec.source.model);
console.log(explain(planSpec(spec, loaded.model)));

const result = await runSpec(spec, loaded);
for (const { source, text, evidence } of result.cells) {
  const reading =
    evidence >= EVIDENCE_THRESHOLD ? "depends on the vector" : "the prompt says this anyway";
  console.log(
    `layer ${source.layer}: ${JSON.stringify(text)}, ${evidence.toFixed(1)} nats: ${reading}`,
  );
}
console.log(`without it: ${JSON.stringify(result.controls.unpatched.text)}`);

await loaded.dispose();
