/** What holds of every spec: it survives being written and read again, and its hash is that of what it asks for. */
import Ajv from "ajv";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { SpecIssue } from "../errors.ts";
import { SITES } from "../site.ts";
import { canonicalSpec } from "./canonical.ts";
import { parseSpecText } from "./parse-text.ts";
import { parseSpec, safeParseSpec, specJsonSchema } from "./schema.ts";
import { ABLATED_SITES, CONTROL_KINDS } from "./spec.ts";

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const text = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" });
const index = fc.integer({ min: -40, max: 40 });
const prompt = fc.oneof(
  fc.record({ prompt: text }),
  fc.record({ tokens: fc.array(fc.nat({ max: 50_000 }), { minLength: 1, maxLength: 5 }) }),
  fc.record({
    messages: fc.array(fc.record({ role: text, content: text }), { minLength: 1, maxLength: 3 }),
  }),
);
const find = fc.record(
  {
    find: text,
    occurrence: fc.oneof(fc.constantFrom("first", "last"), fc.integer({ min: 1, max: 9 })),
    token: fc.constantFrom("first", "last"),
  },
  { requiredKeys: ["find"] },
);
const position = fc.oneof(index, find, fc.record({ offset: index }));
const positionList = fc.array(position, { minLength: 1, maxLength: 4 });
const positionRange = fc.record({ from: position, to: position });
const span = fc.record(
  { find: text, occurrence: fc.constantFrom("first", 2), token: fc.constant("all") },
  { requiredKeys: ["find", "token"] },
);
const positions = fc.oneof(position, span, positionList, positionRange, fc.constant("all"));
const slice = fc.record({
  together: fc.oneof(positionList, positionRange, span, fc.constant("all")),
});
const marked = fc.record(
  { marker: text, as: text, times: fc.integer({ min: 1, max: 9 }) },
  { requiredKeys: ["marker"] },
);
const layer = fc.oneof(index, fc.constant("embedding"));
const layerList = fc.array(layer, { minLength: 1, maxLength: 4 });
const layers = fc.oneof(
  layer,
  layerList,
  fc.record(
    { from: index, to: index, step: fc.integer({ min: 1, max: 5 }) },
    { requiredKeys: ["from", "to"] },
  ),
  fc.constant("all"),
);
const site = fc.constantFrom(...SITES);
const file = fc.record({ file: text, tensor: text, item: fc.nat(9) }, { requiredKeys: ["file"] });
const names = fc.oneof(
  fc.constant("a"),
  fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 3 }),
);
const number = fc.integer({ min: -9, max: 9 });
const step = fc.oneof(
  fc.constantFrom<object>(
    { kind: "identity" },
    { kind: "normalise" },
    { kind: "scale", factor: 2 },
  ),
  fc.record({ kind: fc.constantFrom("mean", "difference"), with: names }),
  fc.record(
    { kind: fc.constant("projection"), onto: names, remove: fc.boolean() },
    { requiredKeys: ["kind", "onto"] },
  ),
  fc.record({ kind: fc.constant("interpolation"), with: fc.constant("b"), amount: number }),
);
const axis = fc.record({
  kind: fc.constant("scale"),
  factor: fc.array(number, { minLength: 1, maxLength: 3 }),
});
const mapping = fc.oneof(
  step,
  axis,
  fc.record({ file: text }),
  fc
    .tuple(fc.array(step, { maxLength: 3 }), fc.array(axis, { maxLength: 1 }))
    .map(([steps, axes]) => [...steps, ...axes]),
);
const topK = optional(fc.integer({ min: 1, max: 1000 }));
const read = fc.oneof(
  fc.record({
    kind: fc.constant("next-token"),
    topK,
    position: optional(fc.oneof(position, fc.constant("same"))),
  }),
  fc.record({
    kind: optional(fc.constant("generate")),
    maxTokens: optional(fc.integer({ min: 1, max: 4096 })),
    topK,
    ignoreEos: optional(fc.boolean()),
    stop: optional(fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 }))),
  }),
);
const namedSource = fc
  .tuple(
    fc.oneof(prompt, file),
    fc.record({ position: optional(position), layer: optional(layer) }),
  )
  .map(([from, place]) => ({ ...from, ...place }));
const unrelated = fc.record(
  { kind: fc.constant("unrelated"), prompts: fc.array(text, { minLength: 1, maxLength: 3 }) },
  { requiredKeys: ["kind"] },
);
const controls = fc.uniqueArray(fc.oneof(fc.constantFrom(...CONTROL_KINDS), unrelated), {
  selector: (control) => (typeof control === "string" ? control : control.kind),
});

const blocks = fc.oneof(index, fc.array(index, { minLength: 1, maxLength: 4 }), fc.constant("all"));
const width = fc.integer({ min: 1, max: 5 });
const knockout = {
  kind: fc.constant("attention-knockout"),
  from: positions,
  to: positions,
  layers: optional(blocks),
};
const ablation = {
  kind: fc.constant("ablation"),
  positions,
  layers: optional(blocks),
  site: optional(fc.constantFrom(...ABLATED_SITES)),
  with: optional(fc.constantFrom("zero", "mean")),
};
const noise = fc.record({
  kind: fc.constant("noise"),
  positions,
  scale: optional(fc.double({ min: 0.1, max: 10, noNaN: true })),
  samples: optional(fc.constant(1)),
});
const swept = fc.oneof(
  fc.record({
    ...knockout,
    sweep: fc.oneof(fc.record({ from: width, to: width }), fc.record({ layers: width })),
  }),
  fc.record({
    ...ablation,
    sweep: fc.oneof(fc.record({ positions: width, layers: width }), fc.record({ layers: width })),
  }),
);
const softPrompt = fc.record({
  kind: fc.constant("soft-prompt"),
  file: text,
  tensor: optional(text),
  positions,
});
/** One of them at most is noise, and one at most is swept. */
const interventions = fc
  .tuple(
    fc.array(fc.oneof(fc.record(knockout), fc.record(ablation), softPrompt), { maxLength: 2 }),
    optional(noise),
    optional(swept),
  )
  .map(([whole, ...others]) => [...whole, ...others].filter((each) => each !== undefined));

const reference = fc.constantFrom("source", "unpatched");
const token = fc.oneof(reference, fc.nat({ max: 50_000 }), text, fc.record({ text }));
const metric = fc.oneof(
  fc.record({ kind: fc.constantFrom("probability", "logprob", "rank"), of: token }),
  fc.record({ kind: fc.constant("logit-difference"), of: token, against: token }),
  fc.record({ kind: fc.constant("entropy") }),
  fc.record({ kind: fc.constant("kl"), from: reference }),
  fc.record({ kind: fc.constant("same-token"), as: reference }),
);
/** A text is the same token in either form. */
const metrics = fc.uniqueArray(metric, {
  maxLength: 4,
  selector: (each) => JSON.stringify(each).replaceAll(/\{"text":("(?:[^"\\]|\\.)*")\}/gu, "$1"),
});

/** Specs as people write them: short forms, and fields left out. */
const padding = fc.record({ source: fc.nat(9), target: fc.nat(9) });

const written = fc
  .tuple(
    fc.oneof(prompt, file),
    fc.oneof(prompt, fc.constant({ prompt: "same" })),
    fc.record({
      position: optional(fc.oneof(positions, slice)),
      layer: optional(fc.oneof(layers, fc.record({ together: layerList }))),
      site: optional(site),
    }),
    fc.record({
      model: optional(fc.constantFrom("same", "m")),
      position: optional(fc.oneof(positions, marked, fc.constant("same"))),
      layer: optional(
        fc.oneof(
          layers,
          fc.constantFrom("same", "earlier"),
          fc.record({ together: layerList }),
          fc.record({ window: width }),
        ),
      ),
      site: optional(site),
      mode: optional(fc.constant("replace")),
      contamination: optional(fc.constantFrom("keep", "hide", "overwrite")),
    }),
    fc.record({
      name: optional(text),
      sources: fc.record({ a: namedSource, b: namedSource }),
      mapping: optional(mapping),
      read: optional(read),
      controls: optional(controls),
      interventions: optional(interventions),
      metrics: optional(metrics),
      compat: optional(
        fc.oneof(fc.constant("pair"), fc.record({ kind: fc.constant("pair"), padding })),
      ),
      seed: optional(fc.integer()),
    }),
  )
  .map(([sourcePrompt, targetPrompt, source, target, rest]) =>
    withoutUndefined({
      version: 1,
      source: { model: "m", ...sourcePrompt, ...source },
      target: { ...targetPrompt, ...target },
      ...rest,
    }),
  );

function withoutUndefined(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** The same data with every object's keys in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, reversed(field)]),
  );
}

const weights = { source: "sha256:00" };

test("A spec that is written out and read again is the same spec", () => {
  fc.assert(
    fc.property(written, (input) => {
      const spec = parseSpec(input);
      expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
      expect(parseSpecText(JSON.stringify(spec, null, 2))).toEqual(spec);
    }),
  );
});

test("Neither the order of keys nor writing out defaults changes the canonical form", () => {
  fc.assert(
    fc.property(written, (input) => {
      const spec = parseSpec(input);
      const canonical = canonicalSpec(spec, weights);
      expect(canonicalSpec(parseSpec(reversed(input)), weights)).toBe(canonical);
      expect(canonicalSpec(parseSpec(reversed(spec)), weights)).toBe(canonical);
    }),
  );
});

test("The canonical form, read as a spec, is its own canonical form", () => {
  fc.assert(
    fc.property(written, (input) => {
      const canonical = canonicalSpec(parseSpec(input), weights);
      expect(canonicalSpec(parseSpecText(canonical), weights)).toBe(canonical);
    }),
  );
});

const isInJsonSchema = new Ajv().compile(specJsonSchema());

test("The JSON Schema takes every spec, as it is written and as it is written out", () => {
  fc.assert(
    fc.property(written, (input) => {
      expect(isInJsonSchema(input), JSON.stringify(isInJsonSchema.errors)).toBe(true);
      const whole: unknown = JSON.parse(JSON.stringify(parseSpec(input)));
      expect(isInJsonSchema(whole), JSON.stringify(isInJsonSchema.errors)).toBe(true);
    }),
  );
});

/** What one field alone does not show, and the many spellings of a site. */
function isBeyondJsonSchema({ code, path }: SpecIssue): boolean {
  return ["conflict", "embedding-site", "source-unknown"].includes(code) || path.at(-1) === "site";
}

test("The JSON Schema refuses what the program refuses, but for what several fields say together", () => {
  let refused = 0;
  fc.assert(
    fc.property(written, fc.nat(), junk, (input, place, value) => {
      const changed = withChange(input, place, value);
      const parsed = safeParseSpec(changed);
      if (isInJsonSchema(changed)) {
        if (parsed.success) return;
        expect(parsed.issues.filter((issue) => !isBeyondJsonSchema(issue))).toEqual([]);
      } else {
        refused++;
        expect(parsed.success, JSON.stringify(isInJsonSchema.errors)).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
  expect(refused).toBeGreaterThan(100);
});

const junk = fc.constantFrom<unknown>(
  ...[
    null,
    true,
    "",
    "some word",
    "all",
    -1,
    0.5,
    1e9,
    [],
    [null],
    {},
    { kind: "word" },
    undefined,
  ],
);

/** The data with another value in one place, or with one field more. */
function withChange(input: unknown, place: number, value: unknown): unknown {
  const changed = withoutUndefined(input);
  const objects: object[] = [];
  const collect = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    objects.push(part);
    Object.values(part).forEach(collect);
  };
  collect(changed);
  const object = objects[place % objects.length];
  if (object === undefined) return value;
  const keys = [...Object.keys(object), ...(Array.isArray(object) ? [] : ["more"])];
  const key = keys[Math.floor(place / objects.length) % keys.length] ?? 0;
  Object.assign(object, { [key]: value });
  return withoutUndefined(changed);
}
