/** Relations by differences of float32 states, on every engine, against torch.autograd in float64 (make_lre.py). */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { assert } from "../../src/errors.ts";
import { fitLre } from "../../src/run/fit-lre.ts";
import { expectClose } from "../support/closeness.ts";
import { readFloatArrays } from "../support/float-arrays.ts";
import { FIXTURES } from "../support/goldens.ts";
import { openGolden } from "../support/open-golden.ts";
import { ENGINES } from "./golden.ts";

const EXPECTED = readFloatArrays(join(FIXTURES, "lre.safetensors"));
/** `<checkpoint>.<source>.<target>` */
const RELATIONS = [...EXPECTED.keys()]
  .filter((key) => key.endsWith(".weight"))
  .map((key) => key.slice(0, -".weight".length));

function numbersOf(name: string): Float32Array {
  const data = EXPECTED.get(name)?.data;
  assert(data, `the fixture has ${name}`);
  return data;
}

test("There are relations to compare with", () => {
  expect(RELATIONS).toContain("gemma3.2.6");
});

describe.each(ENGINES)("On the $name engine", ({ create }) => {
  test.each(RELATIONS)("the relation %s is what autograd says", async (name) => {
    const [checkpoint = "", source, target] = name.split(".");
    const model = await openGolden(join(FIXTURES, "tiny", checkpoint));
    const engine = await create(model);
    const subjects = numbersOf(`${checkpoint}.subjects`);
    const tokens = numbersOf(`${checkpoint}.texts`);
    const length = tokens.length / subjects.length;
    try {
      const [pair] = await fitLre({
        engine,
        layers: [source === "-1" ? "embedding" : Number(source)],
        target: Number(target),
        texts: Array.from(subjects, (subject, text) => ({
          tokens: [...tokens.subarray(text * length, (text + 1) * length)],
          subject,
        })),
      });
      assert(pair?.map.kind === "affine", "a relation is an affine map");
      // What the step leaves of the curve; rounding is a tenth of it.
      expectClose(pair.map.weight, numbersOf(`${name}.weight`), 1e-3);
      expectClose(pair.map.bias, numbersOf(`${name}.bias`), 1e-3);
    } finally {
      await engine.dispose();
      await model.close();
    }
  });
});
