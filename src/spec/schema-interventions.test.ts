import { describe, expect, test } from "vitest";
import { issueLines } from "../../tests/support/issues.ts";
import { canonicalSpec } from "./canonical.ts";
import { parseSpec } from "./schema.ts";

const minimal = {
  version: 1,
  source: { model: "m", prompt: "a" },
  target: { prompt: "same" },
  read: { kind: "next-token" },
};
const noise = { kind: "noise", positions: 0 };
const ablation = { kind: "ablation", positions: "all" };
const knockout = { kind: "attention-knockout", from: -1, to: 0 };

const withAll = (...interventions: unknown[]): object => ({ ...minimal, interventions });
const canonical = (input: object): string =>
  canonicalSpec(parseSpec(input), { source: "sha256:ab" });

const issuesOf = (input: unknown): string[] => issueLines(() => parseSpec(input));

describe("Interventions", () => {
  test("have defaults", () => {
    expect(parseSpec(withAll(noise, ablation)).interventions).toEqual([
      { ...noise, scale: 3, samples: 1 },
      { ...ablation, layers: "all", site: "resid_post", with: "zero" },
    ]);
  });

  test("are the same whatever their order, and with defaults written out", () => {
    expect(canonical(withAll(noise, ablation))).toBe(
      canonical(withAll({ ...ablation, with: "zero" }, { ...noise, scale: 3 })),
    );
    expect(canonical(withAll({ ...ablation, positions: [2, 1] }))).toBe(
      canonical(withAll({ ...ablation, positions: [1, 2, 2] })),
    );
    expect(canonical(withAll(ablation))).not.toBe(
      canonical(withAll({ ...ablation, with: "mean" })),
    );
  });

  test("that are swept are cells, so their order is kept", () => {
    const swept = (positions: readonly number[]): string =>
      canonical(withAll({ ...ablation, positions, sweep: { positions: 1 } }));
    expect(swept([2, 1])).not.toBe(swept([1, 2]));
  });

  test("of a soft prompt are told apart by what the file holds, and by the order of positions", () => {
    const soft = { kind: "soft-prompt", file: "a/s.safetensors", positions: [0, 1] };
    expect(parseSpec(withAll(soft)).interventions).toEqual([soft]);
    const held = (fields: object, hash: string): string => {
      const spec = parseSpec(withAll({ ...soft, ...fields }));
      const file = "file" in fields ? "b.safetensors" : soft.file;
      return canonicalSpec(spec, { source: "sha256:ab", vectors: new Map([[file, hash]]) });
    };
    const one = held({}, "sha256:01");
    expect(held({ file: "b.safetensors" }, "sha256:01")).toBe(one);
    expect(held({}, "sha256:02")).not.toBe(one);
    expect(held({ tensor: "t" }, "sha256:01")).not.toBe(one);
    expect(held({ positions: [1, 0] }, "sha256:01")).not.toBe(one);
    expect(issuesOf(withAll({ kind: "soft-prompt", positions: 0 }))).toEqual([
      "interventions.0.file: missing: expected a text",
    ]);
  });

  test("may be all that there is: an empty list of patches writes nothing", () => {
    expect(parseSpec({ ...withAll(ablation), patches: [] }).patches).toEqual([]);
  });

  test("may be of all tokens of a text", () => {
    const positions = { find: "Eiffel Tower", token: "all" };
    expect(parseSpec(withAll({ ...noise, positions })).interventions[0]).toMatchObject({
      positions: { find: "Eiffel Tower", occurrence: "first", token: "all" },
    });
  });

  test.each([
    ["interventions.0.kind", withAll({ kind: "noize" }), 'got "noize"'],
    ["interventions.0.positions", withAll({ kind: "noise" }), "missing"],
    ["interventions.0.scale", withAll({ ...noise, scale: 0 }), "a number above 0"],
    ["interventions.0.scale", withAll({ ...noise, scale: "3" }), "a number above 0"],
    ["interventions.0.samples", withAll({ ...noise, samples: 0 }), "at least 1"],
    ["interventions.0.samples", withAll({ ...noise, samples: 101 }), "at most 100"],
    ["interventions.0.layers", withAll({ ...noise, layers: 1 }), "unknown key"],
    ["interventions.0.sweep", withAll({ ...noise, sweep: { positions: 1 } }), "unknown key"],
    ["interventions.1", withAll(noise, noise), "there is noise already"],
    ["interventions.0.positions", withAll({ kind: "ablation" }), "missing"],
    ["interventions.0.site", withAll({ ...ablation, site: "resid_mid" }), "resid_post, attn_out"],
    ["interventions.0.with", withAll({ ...ablation, with: "one" }), "zero or mean"],
    ["interventions.0.layers", withAll({ ...ablation, layers: "embedding" }), "no layer's"],
    ["interventions.0.sweep", withAll({ ...ablation, sweep: {} }), "{positions, layers: a number}"],
    ["interventions.0.sweep.to", withAll({ ...ablation, sweep: { to: 1 } }), "unknown key"],
    ["interventions.0.sweep.layers", withAll({ ...knockout, sweep: { layers: 0 } }), "at least 1"],
    [
      "interventions.1.sweep",
      withAll({ ...knockout, sweep: { to: 1 } }, { ...ablation, sweep: { layers: 1 } }),
      "another intervention is swept already",
    ],
    [
      "interventions.0.samples",
      { ...withAll({ ...noise, samples: 2 }), read: { kind: "generate" } },
      "generated texts have no mean",
    ],
    [
      "target.layer.window",
      { ...minimal, target: { prompt: "same", layer: { window: 0 } } },
      "at least 1",
    ],
  ])("say what is wrong with %s: %j", (path, input, message) => {
    const issues = issuesOf(input);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(`${path}: `);
    expect(issues[0]).toContain(message);
  });
});
