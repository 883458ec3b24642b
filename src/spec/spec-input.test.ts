/** The type of specs in code, held to the schema: it has the same fields, and lets the same of them be left out. */
import { expect, test } from "vitest";
import * as z from "zod";
import { parseSpec, safeParseSpec, specJsonSchema } from "./schema.ts";
import type { ReadInput, SpecInput } from "./spec-input.ts";
import type { PatchscopeSpec } from "./spec.ts";

/** For each field whether it is needed; the compiler wants all of them, and the truth. */
type Needs<T> = {
  readonly [Key in Exclude<keyof T, Prompt>]-?: object extends Pick<T, Key> ? false : true;
};
type Prompt = "prompt" | "tokens" | "messages" | "file" | "tensor" | "item";

const spec: Needs<SpecInput> = {
  version: false,
  name: false,
  source: true,
  sources: false,
  mapping: false,
  target: true,
  patches: false,
  interventions: false,
  metrics: false,
  read: false,
  controls: false,
  contrast: false,
  compat: false,
  seed: false,
};
const source: Needs<SpecInput["source"]> = {
  model: false,
  position: false,
  layer: false,
  site: false,
};
const target: Needs<SpecInput["target"]> = {
  model: false,
  position: false,
  layer: false,
  site: false,
  mode: false,
  contamination: false,
};
const nextToken: Needs<Extract<ReadInput, { kind: "next-token" }>> = {
  kind: true,
  topK: false,
  position: false,
};
const generate: Needs<Exclude<ReadInput, { kind: "next-token" | "propagation" | "neighbours" }>> = {
  kind: false,
  maxTokens: false,
  topK: false,
  ignoreEos: false,
  stop: false,
  roundTrip: false,
  decoding: false,
};

interface ObjectSchema {
  readonly properties: Readonly<Record<string, ObjectSchema>>;
  readonly required?: readonly string[] | undefined;
  readonly anyOf?: readonly ObjectSchema[] | undefined;
  readonly const?: unknown;
}
const objectSchema: z.ZodType<ObjectSchema> = z.lazy(() =>
  z.object({
    properties: z.record(z.string(), objectSchema).default({}),
    required: z.array(z.string()).optional(),
    anyOf: z.array(objectSchema).optional(),
    const: z.unknown().optional(),
  }),
);

function needsOf(schema: ObjectSchema | undefined): object {
  const fields = Object.keys(schema?.properties ?? {}).filter(
    (key) => !["prompt", "tokens", "messages", "file", "tensor", "item", "$schema"].includes(key),
  );
  return Object.fromEntries(fields.map((key) => [key, schema?.required?.includes(key) ?? false]));
}

test("Its fields are the schema's; only the version and the model's name may be left out beside", () => {
  const root = objectSchema.parse(specJsonSchema());
  const reads = root.properties["read"]?.anyOf;
  const readOf = (kind: string): ObjectSchema | undefined =>
    reads?.find(({ properties }) => properties["kind"]?.const === kind);
  expect(needsOf(root)).toEqual({ ...spec, version: true });
  expect(needsOf(root.properties["source"])).toEqual({ ...source, model: true });
  expect(needsOf(root.properties["target"])).toEqual(target);
  expect(needsOf(readOf("next-token"))).toEqual(nextToken);
  expect(needsOf(readOf("generate"))).toEqual(generate);
});

test("Short forms are specs for the compiler and for the schema, and so is a whole spec", () => {
  const short: SpecInput = {
    source: { prompt: "a b", position: [{ find: "b" }, -1], layer: { from: 0, to: 3 } },
    mapping: { kind: "normalise" },
    target: { prompt: "x", layer: { together: [1, "embedding"] }, mode: { interpolate: 0.5 } },
    interventions: [
      { kind: "attention-knockout", from: -1, to: { find: "x", token: "first" } },
      { kind: "noise", positions: { find: "x", token: "all" } },
      { kind: "ablation", positions: "all", sweep: { layers: 2 } },
      { kind: "soft-prompt", file: "soft.safetensors", positions: "all" },
    ],
    metrics: [{ kind: "rank", of: " x" }, { kind: "kl", from: "source" }, { kind: "entropy" }],
    read: { maxTokens: 3, decoding: { topK: 5 } },
    controls: ["unpatched", { kind: "unrelated", prompts: ["c"] }],
    contrast: ["c", { prompt: "d" }],
    compat: { kind: "pair", padding: { target: 2 } },
  };
  const whole: PatchscopeSpec = parseSpec({
    version: 1,
    ...short,
    source: { model: "m", ...short.source },
  });
  const again: SpecInput = whole;
  expect(parseSpec(again)).toEqual(whole);
  const patched: SpecInput = {
    source: { tokens: [1] },
    target: { prompt: "same" },
    patches: [{ source: { layer: 3 }, target: {} }],
    read: { kind: "next-token" },
  };
  const windows: SpecInput = {
    source: { prompt: "a", position: { find: "a", token: "all" } },
    target: { prompt: "same", position: "same", layer: { window: 3 } },
  };
  const earlier: SpecInput = { ...windows, target: { prompt: "same", layer: "earlier" } };
  const unwritten: SpecInput = { source: { prompt: "a" }, target: { prompt: "b" }, patches: [] };
  for (const written of [windows, earlier, unwritten]) {
    const source = { model: "m", ...written.source };
    expect(safeParseSpec({ version: 1, ...written, source })).toMatchObject({ success: true });
  }
  expect(() =>
    parseSpec({ version: 1, ...patched, source: { model: "m", tokens: [1] } }),
  ).not.toThrow();
});

test("What a spec cannot do without is missed by the compiler", () => {
  // @ts-expect-error a source has a prompt
  const withoutPrompt: SpecInput = { source: { layer: 3 }, target: { prompt: "x" } };
  // @ts-expect-error a scale has a factor
  const withoutFactor: SpecInput["mapping"] = { kind: "scale" };
  // @ts-expect-error noise has positions
  const withoutPositions: SpecInput["interventions"] = [{ kind: "noise" }];
  // @ts-expect-error a soft prompt is in a file
  const withoutFile: SpecInput["interventions"] = [{ kind: "soft-prompt", positions: 0 }];
  // @ts-expect-error a metric of a token names it
  const withoutToken: SpecInput["metrics"] = [{ kind: "rank" }];
  // @ts-expect-error there is no such field
  const unknownField: SpecInput = { source: { prompt: "a" }, target: { prompt: "x" }, more: 1 };
  const refused = [withoutPrompt, withoutFactor, withoutPositions, withoutToken, unknownField];
  expect([...refused, withoutFile]).toHaveLength(6);
});
