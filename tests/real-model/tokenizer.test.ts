/** The real model's tokenizer and chat template against those of transformers. */
import { expect, test } from "vitest";
import { assert } from "../../src/errors.ts";
import type { Tokenizer } from "../../src/models/model.ts";
import { describeRealModel, useOpenedModel } from "../support/real-model.ts";
import { SMOLLM2 } from "./smollm2-fixture.ts";

await describeRealModel("the tokenizer of SmolLM2", () => {
  const model = useOpenedModel();
  const tokenizer = (): Tokenizer => {
    const { tokenizer: own } = model();
    assert(own, "the real model has a tokenizer");
    return own;
  };

  test("adds no beginning of sequence, and ends a generation with <|im_end|>", () => {
    expect(tokenizer().bos).toBeUndefined();
    expect(model().endTokens).toContain(SMOLLM2.eos);
    expect(tokenizer().piece(SMOLLM2.eos)).toBe("<|im_end|>");
  });

  for (const { text, ids, pieces, decoded, utf16 } of SMOLLM2.texts) {
    test(`${JSON.stringify(text)} is cut and put together again as transformers does`, () => {
      const { tokens, offsets } = tokenizer().encode(text);
      expect(tokens).toEqual(ids);
      expect(offsets).toEqual(utf16);
      expect(tokens.map((token) => tokenizer().piece(token))).toEqual(pieces);
      expect(tokenizer().decode(tokens)).toBe(decoded);
    });
  }

  for (const { messages, addGenerationPrompt, text, ids } of SMOLLM2.chat) {
    const words = messages.map(({ content }) => content).join(" / ");
    const ending = addGenerationPrompt ? "" : " without a generation prompt";
    test(`messages become a prompt${ending}: ${JSON.stringify(words)}`, () => {
      if (addGenerationPrompt) expect(tokenizer().chat(messages)).toBe(text);
      expect(tokenizer().encode(text, { addBos: false }).tokens).toEqual(ids);
    });
  }
});
