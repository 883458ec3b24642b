/** What PyTorch says of one model's states in another (make_cross_model.py), and the affine map that its fixture says by a formula. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { z } from "zod";
import type { LoadedMapping } from "../../src/mapping/fitted-mapping.ts";
import { runSpec, type ReadyModel } from "../../src/run/run-spec.ts";
import { parseSpec } from "../../src/spec/schema.ts";
import { FIXTURES } from "./goldens.ts";

const ids = z.array(z.int());
const side = z.object({ model: z.string(), tokens: ids, prompt: z.string().optional() });
const place = z.object({ layer: z.int(), position: z.int() });
const cell = z.object({
  source: side,
  target: side,
  from: place,
  to: place,
  tokens: ids,
  logprobs: z.array(z.number()),
  next: z.array(z.tuple([z.int(), z.number()])),
});
export type CrossCell = z.output<typeof cell>;

export const CROSS_CELLS: { readonly tiny: CrossCell[]; readonly real: CrossCell[] } = z
  .object({ tiny: z.array(cell), real: z.array(cell) })
  .parse(JSON.parse(readFileSync(join(FIXTURES, "cross-model.json"), "utf8")));

/** The formula of make_cross_model.py. */
async function formulaMap(
  { from, to }: CrossCell,
  source: ReadyModel,
  target: ReadyModel,
): Promise<LoadedMapping> {
  const [width, out] = [source, target].map(({ model }) => model.architecture.hiddenSize);
  const [n, m] = [width ?? 0, out ?? 0];
  const weight = Float32Array.from({ length: n * m }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return 0.05 * Math.sin(0.37 * i * j + i + 2 * j);
  });
  const bias = Float32Array.from({ length: m }, (_, i) => Math.cos(3 * i));
  const recordOf = async ({ model }: ReadyModel): Promise<LoadedMapping["model"]> => {
    const { layers, hiddenSize } = model.architecture;
    return { name: model.name, weights: await model.weightsHash(), layers, hiddenSize };
  };
  return {
    kind: "affine",
    model: await recordOf(source),
    target: await recordOf(target),
    site: "resid_post",
    pairs: [{ source: from.layer, target: to.layer, map: { kind: "affine", weight, bias } }],
    file: "formula.safetensors",
    hash: "sha256:00",
  };
}

/** Runs a cell of the fixture and holds what is said to PyTorch's. */
export async function expectAsPyTorch(
  fixture: CrossCell,
  source: ReadyModel,
  target: ReadyModel,
  tolerance: number,
): Promise<void> {
  const { from, to, tokens, logprobs, next } = fixture;
  const promptOf = ({ prompt, tokens: own }: CrossCell["source"]): object =>
    prompt === undefined ? { tokens: own } : { prompt };
  const spec = parseSpec({
    version: 1,
    source: { model: source.model.name, ...promptOf(fixture.source), ...from },
    target: { model: target.model.name, ...promptOf(fixture.target), ...to },
    mapping: { file: "formula.safetensors" },
    read: { kind: "generate", maxTokens: tokens.length, ignoreEos: true },
    controls: [],
  });
  const mapping = await formulaMap(fixture, source, target);
  const result = await runSpec(spec, source, { target, mappings: async () => mapping });
  expect(result.source.tokens).toEqual(fixture.source.tokens);
  expect(result.target.tokens).toEqual(fixture.target.tokens);
  expect(result.models.map(({ name }) => name)).toEqual([source.model.name, target.model.name]);
  expect(result.warnings.filter(({ code }) => code !== "attention-sink")).toEqual([]);
  const [got] = result.cells;
  expect(got?.tokens).toEqual(tokens);
  const near = (a: number | undefined, b: number): void => {
    expect(Math.abs((a ?? NaN) - b)).toBeLessThan(tolerance);
  };
  logprobs.forEach((logprob, step) => {
    near(got?.logprobs?.[step], logprob);
  });
  const byToken = new Map(got?.next.map(({ token, logprob }) => [token, logprob]));
  for (const [token, logprob] of next.slice(0, 8)) near(byToken.get(token), logprob);
}
