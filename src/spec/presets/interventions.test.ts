/** The presets that intervene in the prompt's own run. */
import { expect, test } from "vitest";
import { PatchscopesError } from "../../errors.ts";
import { presetSpec } from "./presets.ts";

const request = { prompt: "The Eiffel Tower is located in the city of", model: "m" };

test("Causal tracing puts noise on all of the subject, and each clean state back where it was", () => {
  const spec = presetSpec("causal-tracing", { ...request, subject: "Eiffel Tower" });
  expect(spec).toMatchObject({
    source: { position: "all", layer: "all", site: "resid_post" },
    target: { prompt: "same", position: "same", layer: "same" },
    interventions: [
      { kind: "noise", positions: { find: "Eiffel Tower", token: "all" }, scale: 3, samples: 5 },
    ],
    read: { kind: "next-token" },
    metrics: [{ kind: "probability", of: "source" }, { kind: "rank" }],
    controls: [{ kind: "unpatched" }],
  });
});

test("Of attention and MLP, causal tracing puts five layers back together, or as many as it is told", () => {
  const given = { ...request, subject: "Eiffel Tower", site: "mlp_out" };
  expect(presetSpec("causal-tracing", given).target).toMatchObject({
    layer: { window: 5 },
    site: "mlp_out",
  });
  expect(presetSpec("causal-tracing", { ...given, window: 10 }).target.layer).toEqual({
    window: 10,
  });
  expect(presetSpec("causal-tracing", { ...given, window: 1 }).target.layer).toBe("same");
});

test("Activation patching holds the two prompts' own answers against each other", () => {
  const given = { prompt: "The capital of France is", corrupted: "The capital of Italy is" };
  expect(presetSpec("activation-patching", { ...given, model: "m" })).toMatchObject({
    source: { prompt: given.prompt, position: "all" },
    target: { prompt: given.corrupted, position: "same", layer: "same" },
    metrics: [{ kind: "logit-difference", of: "source", against: "unpatched" }, {}],
  });
  const named = { ...given, model: "m", answer: " Paris", against: " Rome" };
  expect(presetSpec("activation-patching", named).metrics[0]).toEqual({
    kind: "logit-difference",
    of: { text: " Paris" },
    against: { text: " Rome" },
  });
});

test("Knockouts and ablations write nothing, and sweep tokens and layers", () => {
  expect(presetSpec("attention-knockout", { ...request, position: [1, 2] })).toMatchObject({
    patches: [],
    interventions: [
      {
        kind: "attention-knockout",
        from: -1,
        to: [1, 2],
        layers: "all",
        sweep: { to: 1, layers: 5 },
      },
    ],
  });
  expect(presetSpec("ablation", { ...request, layer: [0, 4], with: "zero" })).toMatchObject({
    patches: [],
    interventions: [
      {
        ...{ kind: "ablation", positions: "all", layers: [0, 4], site: "mlp_out", with: "zero" },
        sweep: { positions: 1, layers: 1 },
      },
    ],
  });
});

test("Back-patching goes from later layers into earlier ones of the same token", () => {
  expect(presetSpec("back-patching", request)).toMatchObject({
    source: { position: -1, layer: { from: 0, to: -1, step: 2 } },
    target: { prompt: "same", position: "same", layer: "earlier" },
    metrics: [{ kind: "kl", from: "unpatched" }, { kind: "same-token" }],
  });
  expect(presetSpec("back-patching", { ...request, answer: " Paris" }).metrics[0]).toMatchObject({
    kind: "probability",
  });
});

test.each([
  ["causal-tracing", "subject"],
  ["activation-patching", "corrupted"],
] as const)("%s says that it needs %s, and for example which", (name, option) => {
  try {
    presetSpec(name, request);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(PatchscopesError);
    expect(error).toMatchObject({ issues: [{ path: [option], code: "missing" }] });
  }
});
