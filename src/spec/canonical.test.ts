import { expect, test } from "vitest";
import { canonicalSpec, specHash } from "./canonical.ts";
import { parseSpec } from "./schema.ts";

const weights = { source: "sha256:ab" };
const minimal = {
  version: 1,
  source: { model: "m", prompt: "a" },
  target: { prompt: "b" },
};

const canonical = (input: unknown): string => canonicalSpec(parseSpec(input), weights);

test("A minimal spec's canonical form is what was asked for, and the weights for the model", () => {
  expect(canonical(minimal)).toBe(
    '{"source":{"model":"sha256:ab","prompt":"a"},"target":{"prompt":"b"},"version":1}',
  );
});

test("A site has one name in it, however it is spelled", () => {
  const spelled = { ...minimal, source: { ...minimal.source, site: "blocks.5.hook_mlp_out" } };
  const own = { ...minimal, source: { ...minimal.source, site: "mlp_out", layer: 5 } };
  expect(canonical(spelled)).toBe(canonical(own));
});

test("Whatever differs from a default is in it", () => {
  const input = {
    version: 1,
    name: "not this",
    source: {
      model: "m",
      tokens: [1, 2],
      position: [0, { find: "x", occurrence: 2, token: "first" }],
      layer: { from: 0, to: -1, step: 2 },
      site: "mlp_out",
    },
    target: {
      messages: [{ role: "user", content: "é" }],
      position: "same",
      layer: { together: [0, "embedding"] },
      site: "resid_pre",
    },
    read: { kind: "next-token", topK: 5, position: "same" },
    controls: [{ kind: "unrelated", prompts: ["c"] }],
    seed: 7,
  };
  expect(canonical(input)).toMatchInlineSnapshot(
    `"{"controls":[{"kind":"unrelated","prompts":["c"]}],"read":{"kind":"next-token","position":"same","topK":5},"seed":7,"source":{"layer":{"from":0,"step":2,"to":-1},"model":"sha256:ab","position":[0,{"find":"x","occurrence":2,"token":"first"}],"site":"mlp_out","tokens":[1,2]},"target":{"layer":{"together":[0,"embedding"]},"messages":[{"content":"é","role":"user"}],"position":"same","site":"resid_pre"},"version":1}"`,
  );
});

test.each([
  ["a control as an object", { controls: ["unpatched", { kind: "unrelated" }] }],
  ["the order of the controls", { controls: ["unrelated", "unpatched"] }],
  ["a list of one position", { source: { ...minimal.source, position: [-1] } }],
  ["the model's own name for the target", { target: { prompt: "b", model: "m" } }],
  ["an empty read", { read: {} }],
  ["a name", { name: "capital" }],
  ["a mode and a mapping that change nothing", { mapping: { kind: "identity" }, contrast: [] }],
])("The same thing spelled otherwise is the same: %s", (_, fields) => {
  expect(canonical({ ...minimal, ...fields })).toBe(canonical(minimal));
});

test("Mode, mapping and contrast set are part of what is asked; the order of the set is not", () => {
  const asked = {
    ...minimal,
    target: { ...minimal.target, mode: { interpolate: 0.5 } },
    mapping: { kind: "scale", factor: 2 },
    contrast: ["b", { prompt: "a", position: 0 }],
  };
  expect(canonical(asked)).toContain('"mapping":{"factor":2,"kind":"scale"}');
  expect(canonical(asked)).toContain('"mode":{"interpolate":0.5}');
  expect(canonical(asked)).toContain('"contrast":[{"position":0,"prompt":"a"},{"prompt":"b"}]');
  expect(canonical({ ...asked, contrast: asked.contrast.toReversed() })).toBe(canonical(asked));
});

test("Interventions are a set, and so are their positions and layers; contamination is part of what is asked", () => {
  const one = { kind: "attention-knockout", from: [2, 1, 2], to: [0], layers: "all" };
  const other = { kind: "attention-knockout", from: "all", to: 1, layers: [3, 2] };
  const asked = (interventions: unknown): string => canonical({ ...minimal, interventions });
  expect(asked([one, other])).toContain(
    '"interventions":[{"from":"all","kind":"attention-knockout","layers":[2,3],"to":1},{"from":[1,2],"kind":"attention-knockout","to":0}]',
  );
  expect(
    asked([
      { ...other, layers: [2, 3, 3] },
      { ...one, from: [1, 2] },
    ]),
  ).toBe(asked([one, other]));
  expect(asked([])).toBe(canonical(minimal));
  const target = { prompt: "b", contamination: "hide" };
  expect(canonical({ ...minimal, target })).toContain(
    '"target":{"contamination":"hide","prompt":"b"}',
  );
  expect(canonical({ ...minimal, target: { ...target, contamination: "keep" } })).toBe(
    canonical(minimal),
  );
});

test("Controls are part of what is asked, in any order and spelling", () => {
  const asked = { ...minimal, controls: ["unpatched", "text-only", "random", "mean"] };
  expect(canonical(asked)).toContain(
    '"controls":[{"kind":"mean"},{"kind":"random"},{"kind":"text-only"},{"kind":"unpatched"}]',
  );
  const spelled = asked.controls.map((kind) => ({ kind })).toReversed();
  expect(canonical({ ...minimal, controls: spelled })).toBe(canonical(asked));
  const own = { ...minimal, controls: [{ kind: "text-only", prompt: "cat" }] };
  expect(canonical(own)).toContain('"controls":[{"kind":"text-only","prompt":"cat"}]');
});

test("Padding that is none leaves the paper's code as it is", () => {
  const asked = (compat: unknown): string => canonical({ ...minimal, compat });
  expect(asked("pair")).toContain('"compat":"pair"');
  expect(asked({ kind: "pair" })).toBe(asked("pair"));
  expect(asked({ kind: "pair", padding: { source: 0 } })).toBe(asked("pair"));
  expect(asked({ kind: "pair", padding: { target: 2 } })).toContain(
    '"compat":{"kind":"pair","padding":{"target":2}}',
  );
});

test("A mapping's file stands in it by its content, not by its path", () => {
  const hashed = (file: string, mapping: string): string =>
    canonicalSpec(parseSpec({ ...minimal, mapping: { file } }), { ...weights, mapping });
  expect(hashed("a.safetensors", "sha256:cd")).toContain('"mapping":{"file":"sha256:cd"}');
  expect(hashed("a.safetensors", "sha256:cd")).toBe(hashed("b.safetensors", "sha256:cd"));
  expect(hashed("a.safetensors", "sha256:cd")).not.toBe(hashed("a.safetensors", "sha256:ef"));
});

test("A target prompt that equals the source's is the source's", () => {
  const tokens = [3, 1];
  const spelled = { version: 1, source: { model: "m", tokens }, target: { tokens } };
  expect(canonical(spelled)).toBe(canonical({ ...spelled, target: { prompt: "same" } }));
});

test("The first occurrence is the one that is looked for by default", () => {
  const at = (occurrence: unknown): string =>
    canonical({ ...minimal, target: { prompt: "x", position: { find: "x", occurrence } } });
  expect(at(1)).toBe(at(undefined));
  expect(at(2)).not.toBe(at(undefined));
});

test.each([
  ["the weights", minimal, { source: "sha256:cd" }],
  ["the prompt", { ...minimal, source: { model: "m", prompt: "a " } }, weights],
  ["no controls", { ...minimal, controls: [] }, weights],
  ["one token more", { ...minimal, read: { kind: "generate", maxTokens: 21 } }, weights],
  ["the seed", { ...minimal, seed: 1 }, weights],
])("Another run has another hash: %s", async (_, input, hashes) => {
  const hash = await specHash(parseSpec(minimal), weights);
  expect(await specHash(parseSpec(input), hashes)).not.toBe(hash);
});

test("The hash is SHA-256 of the canonical form", async () => {
  // printf '%s' '{"source":{"model":"sha256:ab","prompt":"a"},"target":{"prompt":"b"},"version":1}' | sha256sum
  expect(await specHash(parseSpec(minimal), weights)).toBe(
    "sha256:553dc0858872b0271e4e7572cb58c1f72555a02fe26b1c54b055f9db4bc2dae1",
  );
});

test("Another model of the target is part of a spec by its weights, and the same one is not", () => {
  const spec = parseSpec({
    version: 1,
    source: { model: "a", prompt: "Ann" },
    target: { model: "b", prompt: "Ann" },
  });
  const own = canonicalSpec(spec, { source: "sha256:01" });
  expect(canonicalSpec(spec, { source: "sha256:01", target: "sha256:01" })).toBe(own);
  expect(canonicalSpec(spec, { source: "sha256:01", target: "sha256:02" })).toBe(
    own.replace('"target":{', '"target":{"model":"sha256:02",'),
  );
});

test("The same tokens are not the same prompt in another model", () => {
  const sides = { tokens: [1, 2] };
  const specOf = (target: object): string =>
    canonicalSpec(
      parseSpec({
        version: 1,
        source: { model: "a", ...sides },
        target: { model: "b", ...target },
      }),
      { source: "sha256:01", target: "sha256:02" },
    );
  expect(specOf(sides)).not.toBe(specOf({ prompt: "same" }));
});

test("Stop strings are a set: their order and repetitions change nothing", () => {
  const reading = (read: unknown): string => canonical({ ...minimal, read });
  expect(reading({ stop: ["b", "a", "b"] })).toBe(reading({ stop: ["a", "b"] }));
  expect(reading({ stop: ["a"] })).toBe(reading({ stop: "a" }));
  expect(reading({ stop: "a" })).toContain('"read":{"stop":"a"}');
  expect(reading({ stop: "a" })).not.toBe(reading({ stop: "b" }));
});

test("A contrast alone is another thing than drawing from it", () => {
  const reading = (decoding: unknown): string => canonical({ ...minimal, read: { decoding } });
  expect(reading({ contrast: {} })).toContain('"read":{"decoding":{"contrast":{}}}');
  expect(reading({ contrast: {}, temperature: 1 })).not.toBe(reading({ contrast: {} }));
  expect(reading({ contrast: {}, topP: 1 })).toBe(reading({ contrast: {}, temperature: 1 }));
  expect(reading({ contrast: { amount: 2 } })).not.toBe(reading({ contrast: {} }));
});

test("A map is what its file holds, and its numbers count", () => {
  const asked = (mapping: unknown): string => canonical({ ...minimal, mapping });
  expect(asked({ kind: "affine", file: "a" })).toBe(asked({ file: "a" }));
  expect(asked({ kind: "scalar-affine", factor: 2 })).toContain(
    '"mapping":{"factor":2,"kind":"scalar-affine"}',
  );
});
