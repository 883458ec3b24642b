// Many specs in few passes: the same question about several sources. Needs the built package:
//
//   node examples/many.mjs
//
// Prints what the state of each country's name says of its capital. `patchscopes sweep` does this with files.
import { presets, runMany } from "patchscopes";
import { loadModel } from "patchscopes/node";

const loaded = await loadModel("smollm2-135m-instruct");
const countries = ["Japan", "France", "Peru", "Egypt"];

const specs = countries.map((country) =>
  presets.attribute({
    prompt: `I spent the summer in ${country}`,
    ask: "The government of x is in the city of",
    model: loaded.model.name,
    layer: 6,
    maxTokens: 4,
  }),
);

// Results come in the order of the specs, some at a time.
let index = 0;
for await (const { cells } of runMany(specs, loaded)) {
  const [{ text = "", evidence = 0 } = {}] = cells;
  console.log(`${countries[index++]}: ${JSON.stringify(text)}, ${evidence.toFixed(1)} nats`);
}

await loaded.dispose();
