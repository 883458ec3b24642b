import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PatchscopesError } from "../errors.ts";
import { parseSpec, safeParseSpec } from "./schema.ts";

const minimal = {
  version: 1,
  source: { model: "m", prompt: "The capital of France is" },
  target: { prompt: "x" },
};

/** The issues of a spec, one line each. */
function issuesOf(input: unknown): string[] {
  const parsed = safeParseSpec(input);
  if (parsed.success) return [];
  return parsed.issues.map(
    ({ code, path, message, hint }) =>
      `${code} ${path.join(".")}: ${message}${hint === undefined ? "" : ` [${hint}]`}`,
  );
}

const withSource = (fields: object): object => ({
  ...minimal,
  source: { ...minimal.source, ...fields },
});
const withTarget = (fields: object): object => ({
  ...minimal,
  target: { ...minimal.target, ...fields },
});

const knockoutWith = (fields: object): object => ({
  ...minimal,
  interventions: [{ kind: "attention-knockout", from: -1, to: 0, ...fields }],
});

describe("Defaults", () => {
  test("A minimal spec gets all of them", () => {
    expect(parseSpec(minimal)).toEqual({
      version: 1,
      source: {
        model: "m",
        prompt: "The capital of France is",
        position: -1,
        layer: "all",
        site: "resid_post",
      },
      sources: {},
      mapping: { kind: "identity" },
      target: {
        model: "same",
        prompt: "x",
        position: -1,
        layer: "same",
        site: "resid_post",
        mode: "replace",
        contamination: "keep",
      },
      interventions: [],
      read: { kind: "generate", maxTokens: 20, topK: 10, ignoreEos: false },
      metrics: [],
      controls: [{ kind: "unpatched" }, { kind: "unrelated" }],
      contrast: [],
      seed: 0,
    });
  });

  test("Reading the next token is at the last one, ten candidates deep", () => {
    expect(parseSpec({ ...minimal, read: { kind: "next-token" } }).read).toEqual({
      kind: "next-token",
      topK: 10,
      position: -1,
    });
  });

  test("An intervention is in all layers unless it says which", () => {
    const knockout = { kind: "attention-knockout", from: -1, to: { find: "France" } };
    const spec = parseSpec({ ...minimal, interventions: [knockout] });
    const to = { find: "France", occurrence: "first", token: "last" };
    expect(spec.interventions).toEqual([{ ...knockout, to, layers: "all" }]);
  });

  test("Short forms are written out", () => {
    const spec = parseSpec({
      ...minimal,
      source: { ...minimal.source, position: { find: "France" }, layer: { from: 0, to: 3 } },
      controls: ["unrelated", { kind: "unpatched" }],
    });
    expect(spec.source.position).toEqual({ find: "France", occurrence: "first", token: "last" });
    expect(spec.source.layer).toEqual({ from: 0, to: 3, step: 1 });
    expect(spec.controls).toEqual([{ kind: "unrelated" }, { kind: "unpatched" }]);
  });

  test("Minus zero is zero", () => {
    const { source } = parseSpec(withSource({ position: -0, layer: [-0] }));
    expect(source.position).toBe(0);
    expect(source.layer).toEqual([0]);
  });
});

describe("What is accepted", () => {
  test.each([
    [3],
    [-2],
    [[0, -1, { find: "x", occurrence: 2, token: "first" }]],
    ["all"],
    [{ find: "x", occurrence: "last" }],
  ])("Source position %j", (position) => {
    expect(issuesOf(withSource({ position }))).toEqual([]);
  });

  test.each([[0], [-1], ["all"], ["embedding"], [["embedding", 0, -1, 0]], [{ from: -4, to: -1 }]])(
    "Layers %j",
    (layer) => {
      expect(issuesOf(withSource({ layer }))).toEqual([]);
      expect(issuesOf(withTarget({ layer }))).toEqual([]);
    },
  );

  test("Layers written together, and the words same", () => {
    expect(issuesOf(withTarget({ layer: { together: [3, "embedding"] } }))).toEqual([]);
    expect(issuesOf(withTarget({ layer: "same", position: "same", prompt: "same" }))).toEqual([]);
  });

  test("Token ids and messages in place of a text", () => {
    const messages = [{ role: "user", content: "Hello" }];
    const spec = parseSpec({
      ...minimal,
      source: { model: "m", tokens: [504, 3575] },
      target: { messages },
    });
    expect(spec.source).toHaveProperty("tokens", [504, 3575]);
    expect(spec.source).not.toHaveProperty("prompt");
    expect(spec.target).toHaveProperty("messages", messages);
  });

  test("The source's model, named again, is the same model", () => {
    expect(parseSpec(withTarget({ model: "m" })).target.model).toBe("same");
    expect(parseSpec(withTarget({ model: "other" })).target.model).toBe("other");
  });

  test("Several vectors in one cell; their target layer is the source's unless said otherwise", () => {
    const spec = parseSpec({
      ...minimal,
      patches: [
        { source: { layer: 3 }, target: {} },
        { source: { position: 1, layer: 0 }, target: { position: { find: "x" }, layer: -1 } },
      ],
    });
    expect(spec.patches).toEqual([
      { source: { position: -1, layer: 3 }, target: { position: -1, layer: 3 } },
      {
        source: { position: 1, layer: 0 },
        target: { position: { find: "x", occurrence: "first", token: "last" }, layer: -1 },
      },
    ]);
    expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  test("No controls, and controls with sentences of one's own", () => {
    expect(parseSpec({ ...minimal, controls: [] }).controls).toEqual([]);
    const controls = [{ kind: "unrelated", prompts: ["She put the spoon on the table"] }];
    expect(parseSpec({ ...minimal, controls }).controls).toEqual(controls);
  });

  test("Further controls, by name or as objects", () => {
    const controls = ["mean", { kind: "random" }, "text-only"];
    expect(parseSpec({ ...minimal, controls }).controls).toEqual([
      { kind: "mean" },
      { kind: "random" },
      { kind: "text-only" },
    ]);
  });
});

describe("Sites", () => {
  test("Names of other programs are understood, and one of them is kept", () => {
    const names = ["resid_pre", "hook_resid_pre", "layers_input"];
    const sites = names.map((site) => parseSpec(withSource({ site })).source.site);
    expect(sites).toEqual(names.map(() => "resid_pre"));
    expect(parseSpec(withTarget({ site: "mlps_output" })).target.site).toBe("mlp_out");
  });

  test("A name with a layer in it sets the layer, which may be written too", () => {
    for (const layer of [undefined, 5, [5]]) {
      const { source } = parseSpec(withSource({ site: "blocks.5.hook_resid_post", layer }));
      expect([source.site, [source.layer].flat()]).toEqual(["resid_post", [5]]);
    }
    expect(parseSpec(withTarget({ site: "layers_output[-2]" })).target.layer).toBe(-2);
    expect(parseSpec(withSource({ site: "hidden_states[6]" })).source.layer).toBe(5);
    expect(parseSpec(withSource({ site: "hidden_states[0]" })).source.layer).toBe("embedding");
  });

  test("Another layer, a site that can only be read, and hidden_states without an index are refused", () => {
    const input = {
      ...minimal,
      source: { ...minimal.source, site: "blocks.5.hook_in", layer: "all" },
      target: { ...minimal.target, site: "blocks.5.attn.hook_z", layer: "same" },
    };
    expect([...issuesOf(input), ...issuesOf(withTarget({ site: "hidden_states" }))])
      .toMatchInlineSnapshot(`
      [
        "conflict source.layer: another one than the site "blocks.5.hook_in" names, 5 [Leave the layer out, or write the site's name without one.]",
        "conflict target.layer: another one than the site "blocks.5.attn.hook_z" names, 5 [Leave the layer out, or write the site's name without one.]",
        "wrong-value target.site: expected resid_pre, resid_mid, resid_post, attn_out or mlp_out, got "z", which can only be read [Read it with patchscopes capture --site z.]",
        "wrong-value target.site: expected resid_pre, resid_mid, resid_post, attn_out or mlp_out, got "hidden_states" [hidden_states[l + 1] is resid_post of layer l: write it with its index.]",
      ]
    `);
  });

  test("A layer in a name stands beside patches as a layer does", () => {
    const patches = [{ source: { layer: 1 }, target: { layer: 2 } }];
    const input = { ...withSource({ site: "resid_post.1" }), patches };
    expect(issuesOf(input)).toEqual([
      expect.stringMatching(/^conflict source\.layer: stands beside/u),
    ]);
    expect(issuesOf({ ...withSource({ site: "hook_resid_post" }), patches })).toEqual([]);
  });
});

describe("What is refused", () => {
  test("All issues come at once, each with its path, what was expected and what to do", () => {
    const input = {
      version: 2,
      nmae: "a",
      source: { model: "m", prompt: "a", tokens: [-1], layer: "al", position: 1.5 },
      target: { positon: -1, layer: { from: 0 }, site: "residpost" },
      read: { kind: "generate", maxTokens: 0, position: -1 },
      controls: ["unpatched", "unrelatd"],
      seed: "1",
    };
    expect(issuesOf(input)).toMatchInlineSnapshot(`
      [
        "unknown-key nmae: unknown key, expected one of version, name, source, sources, mapping, target, patches, interventions, read, metrics, controls, contrast, compat, seed [Did you mean "name"?]",
        "wrong-value version: expected 1, got 2 [Specs of version 1 are the ones this program reads.]",
        "conflict source: expected exactly one of prompt, tokens, messages, file, got prompt and tokens [Keep one of them.]",
        "wrong-value source.tokens.0: expected at least 0, got -1",
        "wrong-value source.position: expected a whole number, got 1.5",
        "wrong-value source.layer: expected a layer index, embedding or all, got "al" [Did you mean "all"?]",
        "unknown-key target.positon: unknown key, expected one of model, prompt, tokens, messages, position, layer, site, mode, contamination [Did you mean "position"?]",
        "missing target: missing: expected exactly one of prompt, tokens, messages [Write prompt: same for the source's prompt.]",
        "missing target.layer.to: missing: expected a whole number",
        "wrong-value target.site: expected resid_pre, resid_mid, resid_post, attn_out or mlp_out, got "residpost" [Did you mean "resid_post"?]",
        "unknown-key read.position: unknown key, expected one of kind, maxTokens, topK, ignoreEos, stop, roundTrip, decoding [position goes with kind: next-token.]",
        "wrong-value read.maxTokens: expected at least 1, got 0",
        "wrong-value controls.1: expected unpatched, unrelated, mean, random or text-only, got "unrelatd" [Did you mean "unrelated"?]",
        "wrong-value seed: expected a whole number, got "1"",
      ]
    `);
  });

  test("The error that is thrown holds the same issues and ends with status 2", () => {
    expect.assertions(3);
    try {
      parseSpec({ version: 1 });
    } catch (error) {
      expect(error).toBeInstanceOf(PatchscopesError);
      if (!(error instanceof PatchscopesError)) return;
      expect(error.exitStatus).toBe(2);
      expect(error.issues.map(({ path }) => path)).toEqual([["source"], ["target"]]);
    }
  });

  test("What is undefined is not there, as in JSON", () => {
    const bare = {
      ...minimal,
      name: undefined,
      patches: undefined,
      contrast: undefined,
      sources: undefined,
      source: { ...minimal.source, tokens: undefined, layer: undefined },
    };
    expect(parseSpec(bare)).toEqual(parseSpec(minimal));
    expect(issuesOf({ ...minimal, target: undefined })).toEqual([
      "missing target: missing: expected an object",
    ]);
  });

  test("A spec is an object", () => {
    expect(issuesOf(undefined)).toEqual(["missing : missing: expected an object"]);
    expect(issuesOf([minimal])).toEqual(["wrong-value : expected an object, got a list"]);
    expect(issuesOf("a")).toEqual(['wrong-value : expected an object, got "a"']);
  });

  test.each([
    ["target.mode", withTarget({ mode: "ad" }), 'got "ad" [Did you mean "add"?]'],
    ["target.mode.interpolate", withTarget({ mode: { interpolate: "half" } }), 'got "half"'],
    ["target.mode.interpolate", withTarget({ mode: { interpolate: Infinity } }), "got Infinity"],
    ["target.mode.interpolate", withTarget({ mode: {} }), "missing: expected a number"],
    ["mapping.factor", { ...minimal, mapping: { kind: "scale" } }, "missing: expected a number"],
    ["mapping.norm", { ...minimal, mapping: { kind: "normalise", norm: 0 } }, "a number above 0"],
    ["mapping.kind", { ...minimal, mapping: { kind: "scal" } }, 'Did you mean "scale"?'],
    ["controls.0", { ...minimal, controls: ["text_only"] }, 'Did you mean "text-only"?'],
    ["controls.0", { ...minimal, controls: [3] }, "mean, random or text-only, got 3"],
    [
      "controls.0.prompts",
      { ...minimal, controls: [{ kind: "mean", prompts: ["a"] }] },
      "unknown key, expected one of kind",
    ],
    ["contrast.0", { ...minimal, contrast: [3] }, "expected a text, {prompt, position} or, of"],
    ["contrast.0.prompt", { ...minimal, contrast: [{}] }, "missing"],
    ["contrast.0.item", { ...minimal, contrast: [{ item: -1 }] }, "at least 0"],
    [
      "controls.0.from",
      { ...minimal, controls: [{ kind: "unrelated", from: "file", prompts: ["a"] }] },
      "there are prompts, and from: file",
    ],
    [
      "read.decoding.temperature",
      { ...minimal, read: { decoding: { temperature: 0 } } },
      "expected a number above 0, got 0",
    ],
    ["read.decoding.topP", { ...minimal, read: { decoding: { topP: 1.5 } } }, "up to 1, got 1.5"],
    ["read.decoding.topK", { ...minimal, read: { decoding: { topK: 0 } } }, "at least 1"],
    [
      "read.decoding",
      { ...minimal, read: { kind: "next-token", decoding: {} } },
      "decoding goes with kind: generate.",
    ],
    ["decoding", { ...minimal, decoding: {} }, "decoding goes under read."],
    ["contrast", { ...minimal, contrast: "a" }, 'expected a list of prompts, got "a"'],
    [
      "target.contamination",
      withTarget({ contamination: "hidden" }),
      'expected keep, hide or overwrite, got "hidden"',
    ],
    [
      "interventions",
      { ...minimal, interventions: {} },
      "expected a list of interventions, got an object",
    ],
    [
      "interventions.0",
      { ...minimal, interventions: ["attention-knockout"] },
      "expected {kind: attention-knockout, noise, ablation or soft-prompt}, got",
    ],
    [
      "interventions.0.kind",
      knockoutWith({ kind: "attention-knokout" }),
      'Did you mean "attention-knockout"?',
    ],
    [
      "interventions.0.kind",
      knockoutWith({ kind: undefined }),
      "missing: expected attention-knockout, noise, ablation or soft-prompt",
    ],
    [
      "interventions.0.from",
      knockoutWith({ from: undefined }),
      "missing: expected a token index, {find: text}, {offset: n}, a list or {from, to} of them or all",
    ],
    [
      "interventions.0.to",
      knockoutWith({ to: "last" }),
      'a list or {from, to} of them or all, got "last"',
    ],
    [
      "interventions.0.layers",
      knockoutWith({ layers: [0, "embedding"] }),
      "the embedding is no layer's: it is what block 0 reads [Name layers from 0 on.]",
    ],
    ["interventions.0.layer", knockoutWith({ layer: 3 }), 'Did you mean "layers"?'],
  ])("A wrong %s says what was expected", (path, spec, words) => {
    const issues = issuesOf(spec);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(` ${path}: `);
    expect(issues[0]).toContain(words);
  });

  test("None or several prompts on a side", () => {
    expect(issuesOf({ ...minimal, target: {} })).toEqual([
      "missing target: missing: expected exactly one of prompt, tokens, messages [Write prompt: same for the source's prompt.]",
    ]);
    expect(
      issuesOf(withSource({ tokens: [1], messages: [{ role: "user", content: "a" }] })),
    ).toEqual([
      "conflict source: expected exactly one of prompt, tokens, messages, file, got prompt and tokens and messages [Keep one of them.]",
    ]);
  });

  test("Positions or layers beside patches", () => {
    const patches = [{ source: { layer: 1 }, target: {} }];
    const input = { ...minimal, source: { ...minimal.source, layer: [1] }, patches };
    expect(issuesOf(input)).toEqual([
      expect.stringMatching(/^conflict source\.layer: stands beside patches/),
    ]);
    expect(issuesOf({ ...withTarget({ position: 0, layer: "all" }), patches })).toHaveLength(2);
  });

  test("Empty lists, the same control twice, keys of the other kind of read", () => {
    expect(issuesOf(withSource({ layer: [] }))).toEqual([
      "wrong-value source.layer: expected at least one entry, got an empty list",
    ]);
    expect(issuesOf({ ...minimal, controls: ["unpatched", { kind: "unpatched" }] })).toEqual([
      "conflict controls.1: the control unpatched is there twice [Leave one of them out.]",
    ]);
    expect(issuesOf({ ...minimal, read: { kind: "next-token", maxTokens: 5 } })).toEqual([
      "unknown-key read.maxTokens: unknown key, expected one of kind, topK, position [maxTokens goes with kind: generate.]",
    ]);
  });

  test("Whatever the data is, it is a spec or a list of issues", () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (input, field) => {
        for (const data of [
          input,
          { ...minimal, source: field, target: input },
          withSource({ layer: field, position: input }),
          withTarget({ layer: field, position: input }),
          { ...minimal, read: field, controls: input, mapping: field, patches: input },
          { ...minimal, interventions: input },
          knockoutWith({ from: input, to: field, layers: input }),
        ]) {
          const parsed = safeParseSpec(data);
          expect(parsed.success || parsed.issues.length > 0).toBe(true);
        }
      }),
    );
  });
});
