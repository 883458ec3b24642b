/** The files of examples/, and the specs that documents print: all can be run with the model that they name. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { planSpec } from "../../src/run/run-spec.ts";
import { parseSpecText } from "../../src/spec/parse-text.ts";
import { describeRealModel, REAL_MODEL, useOpenedModel } from "../support/real-model.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const EXAMPLES = join(ROOT, "examples");
const specs = readdirSync(EXAMPLES).filter((name) => name.endsWith(".yaml"));

test.each(specs)("%s is a valid spec and says how to run itself", (name) => {
  const text = readFileSync(join(EXAMPLES, name), "utf8");
  expect(parseSpecText(text).source.model).toBe(REAL_MODEL);
  expect(text).toContain(`npx patchscopes run examples/${name} `);
});

test.each(["README.md", "README.ko.md", "docs/spec.md"])("the specs in %s are valid", (name) => {
  const text = readFileSync(join(ROOT, name), "utf8");
  const printed = [...text.matchAll(/^```yaml\n(version: 1\n.*?)^```$/gms)];
  expect(printed.length).toBeGreaterThan(0);
  for (const [, spec] of printed) expect(() => parseSpecText(spec ?? "")).not.toThrow();
});

await describeRealModel("examples with the real model", () => {
  const model = useOpenedModel();

  test.each(specs)("%s has layers, positions and texts that exist", (name) => {
    const spec = parseSpecText(readFileSync(join(EXAMPLES, name), "utf8"));
    const plan = planSpec(spec, model());
    expect(plan.cells.length).toBeGreaterThan(0);
    expect(plan.warnings).toEqual([]);
  });

  test("library.mjs decodes the capital from a state of its country", async () => {
    const script = join(EXAMPLES, "library.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [script]);
    expect(stdout).toMatch(/^layer 0: " Tokyo.*: depends on the vector$/m);
    expect(stdout).toMatch(/^without it: " x\./m);
  });
});
