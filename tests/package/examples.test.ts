/** The files of examples/, and the specs and programs that documents print: all can be run with the model that they name. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readSamples } from "../../src/cli/read-samples.ts";
import { sweepRequest } from "../../src/cli/sweep-request.ts";
import { planSpec } from "../../src/run/run-spec.ts";
import { parseSpecText, readSpecText } from "../../src/spec/parse-text.ts";
import { specJsonSchema } from "../../src/spec/schema.ts";
import { describeRealModel, REAL_MODEL, useOpenedModel } from "../support/real-model.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const EXAMPLES = join(ROOT, "examples");
const specs = readdirSync(EXAMPLES).filter((name) => name.endsWith(".yaml"));

test.each(specs)("%s is a valid spec and says how to run itself", (name) => {
  const text = readFileSync(join(EXAMPLES, name), "utf8");
  expect(parseSpecText(text).source.model).toBe(REAL_MODEL);
  expect(text).toContain(`npx patchscopes run examples/${name} `);
});

test.each(["README.md", "README.ko.md", "docs/spec.md", "docs/library.md"])(
  "the specs in %s are valid",
  (name) => {
    const text = readFileSync(join(ROOT, name), "utf8");
    const printed = [...text.matchAll(/^```yaml\n(?:#.*\n)?(version: 1\n.*?)^```$/gms)];
    expect(printed.length).toBeGreaterThan(0);
    for (const [, spec] of printed) expect(() => parseSpecText(spec ?? "")).not.toThrow();
  },
);

await describeRealModel("examples with the real model", () => {
  const model = useOpenedModel();

  test.each(specs)("%s has layers, positions and texts that exist", (name) => {
    const spec = parseSpecText(readFileSync(join(EXAMPLES, name), "utf8"));
    const plan = planSpec(spec, model());
    expect(plan.cells.length).toBeGreaterThan(0);
    expect(plan.warnings).toEqual([]);
  });

  test("library.mjs decodes the capital from a state of its country", async () => {
    expect(await outputOf("library.mjs")).toMatch(/^layer 0: " Tokyo.*: depends on the vector$/m);
  });

  test("presets.mjs says its plan and where the logit lens knows the capital", async () => {
    const output = await outputOf("presets.mjs");
    expect(output).toMatch(/^30 cells in a model of 30 layers/);
    expect(output).toMatch(/^from layer \d+ on: " Paris"$/m);
  });

  test("many.mjs decodes several capitals, in the order of their countries", async () => {
    const output = await outputOf("many.mjs");
    expect(output).toMatch(/^Japan: " Tokyo.*\nFrance: " Paris.*\nPeru: .*\nEgypt: .*\n$/);
  });

  test("the samples of sweep/ fit their spec", async () => {
    const folder = join(EXAMPLES, "sweep");
    const { samples, path, isText } = await readSamples(join(folder, "capitals.csv"));
    const text = readFileSync(join(folder, "capitals.yaml"), "utf8");
    expect(text).toContain("npx patchscopes sweep examples/sweep/capitals.yaml --samples ");
    const template = { ...readSpecText(text), path: "capitals.yaml" };
    const answer = { answer: "{{capital}}", isTable: true };
    const request = await sweepRequest(template, { samples, path, isText }, answer);
    expect(request.samples).toHaveLength(30);
    for (const { spec } of request.samples) expect(planSpec(spec, model()).warnings).toEqual([]);
  });

  test("the code in docs/library.md runs as it is printed", async () => {
    const text = readFileSync(join(ROOT, "docs", "library.md"), "utf8");
    const [first = "", second = "", third = "", fourth = ""] = [
      ...text.matchAll(/^```js\n(.*?)^```$/gms),
    ].map(([, code]) => code ?? "");
    const dispose = "await loaded.dispose();\n";
    expect(first).toContain(dispose);
    const program = [
      first.replace(dispose, "").replace('layer: "all"', "layer: [0, 6]"),
      `{\n${second}}`,
      `{\n${third}}`,
      `{\n${fourth}console.log(result.cells.length);\n}`,
      dispose,
    ].join("\n");
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: ROOT,
    });
    expect(stdout.trimEnd().endsWith("30")).toBe(true);
  });
});

const run = promisify(execFile);

async function outputOf(script: string): Promise<string> {
  const { stdout } = await run(process.execPath, [join(EXAMPLES, script)]);
  return stdout;
}

test("the JSON Schema is in the package, as the schema has it", () => {
  const path = fileURLToPath(import.meta.resolve("patchscopes/spec.schema.json"));
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(specJsonSchema());
});
