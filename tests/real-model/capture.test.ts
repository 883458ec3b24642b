/** Hidden states and logits of the real model against those of transformers, at every site. */
import { expect, test } from "vitest";
import { captureStates } from "../../src/run/capture.ts";
import { SITES } from "../../src/site.ts";
import { describeRealModel, useLoadedModel } from "../support/real-model.ts";
import { SMOLLM2 } from "./smollm2-fixture.ts";

/** Of a state's largest component, of its norm, and of the largest logit. */
const TOLERANCE = 1e-4;

const { prompt, tokens, states, top } = SMOLLM2.capture;

await describeRealModel("hidden states of SmolLM2 in float32", () => {
  const loaded = useLoadedModel();

  test("the prompt's tokens are those of the fixture", () => {
    expect(loaded().model.tokenizer?.encode(prompt).tokens).toEqual(tokens);
  });

  test("the fixture has every site", () => {
    expect(new Set(states.map(({ site }) => site))).toEqual(new Set([...SITES, "embedding"]));
  });

  for (const { site, layer, first, norm } of states) {
    const name = site === "embedding" ? "the embedding" : `${site} of layer ${layer}`;
    test(`${name} is the same at every position`, async () => {
      const captured = await captureStates(loaded().engine, {
        tokens,
        site: site === "embedding" ? "resid_post" : site,
        layers: [layer],
      });
      const { hiddenSize } = loaded().engine.architecture;
      expect(captured.states).toHaveLength(tokens.length * hiddenSize);
      for (const [position, components] of first.entries()) {
        const start = position * hiddenSize;
        const state = captured.states.subarray(start, start + hiddenSize);
        const largest = Math.max(...state.map(Math.abs));
        for (const [index, component] of components.entries()) {
          expectClose(state[index], component, largest);
        }
        expectClose(Math.hypot(...state), norm[position] ?? NaN);
      }
    });
  }

  test("the most probable tokens and their logits are the same at every position", async () => {
    const { logits } = await captureStates(loaded().engine, {
      tokens,
      site: "resid_post",
      layers: [],
    });
    const { vocabSize } = loaded().engine.architecture;
    expect(logits).toHaveLength(tokens.length * vocabSize);
    for (const [position, expected] of top.entries()) {
      const own = logits.subarray(position * vocabSize, (position + 1) * vocabSize);
      const ranked = [...own.keys()].sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0));
      expect(ranked.slice(0, expected.length)).toEqual(expected.map(([token]) => token));
      const largest = Math.max(...own.map(Math.abs));
      for (const [token, logit] of expected) expectClose(own[token], logit, largest);
    }
  });
});

function expectClose(actual: number | undefined, expected: number, scale = expected): void {
  expect(Math.abs((actual ?? NaN) - expected) / Math.abs(scale)).toBeLessThan(TOLERANCE);
}
