// Presets and plans: the spec of a named method, what running it would do, and its result. Needs the built package:
//
//   node examples/presets.mjs
//
// Prints the plan, then the first layer at which the logit lens reads what the model is about to say.
import { explain, patchscope, planSpec, presets } from "patchscopes";
import { loadModel } from "patchscopes/node";

const loaded = await loadModel("smollm2-135m-instruct");
const spec = presets.logitLens({
  prompt: "The capital of France is",
  model: loaded.model.name,
  topK: 1,
});
console.log(explain(planSpec(spec, loaded.model)));

// Stops when it takes too long, and throws an error of the code "aborted" then.
const { cells } = await patchscope(spec, loaded, { signal: AbortSignal.timeout(600_000) });
const words = cells.map(({ next }) => next[0]?.piece);
const layer = words.findIndex((_, at) => words.slice(at).every((word) => word === words.at(-1)));
console.log(`from layer ${layer} on: ${JSON.stringify(words.at(-1))}`);

await loaded.dispose();
