import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Tokenizer } from "../model.ts";
import { BYTE_SYMBOLS } from "./byte-alphabet.ts";
import { makeByteLevelTokenizer, type ByteLevelVocabulary } from "./byte-level-tokenizer.ts";

/** All bytes, a few merges, and two special tokens behind them. */
const MERGES = ["h e", "l l", "he ll", "hell o", "Ġ hello", "ì Ī", "ìĪ ¨"];
const ENTRIES = [...BYTE_SYMBOLS, ...MERGES.map((merge) => merge.replace(" ", "")), "<s>", "<end>"];
const BOS = ENTRIES.length - 2;

function tokenizer(changes: Partial<ByteLevelVocabulary> = {}): Tokenizer {
  return makeByteLevelTokenizer({
    entries: ENTRIES,
    specials: [BOS, BOS + 1],
    merges: MERGES,
    takesWholeWords: false,
    normalizers: [],
    steps: ["digits", "gpt2-words"],
    bos: undefined,
    endTokens: new Set([BOS + 1]),
    chatTemplate: undefined,
    ...changes,
  });
}

const pieces = (text: string): readonly string[] =>
  tokenizer()
    .encode(text)
    .tokens.map((token) => tokenizer().piece(token));

/** The text with U+FFFD for halves of characters. */
function wellFormed(text: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}

describe("encoding", () => {
  test("joins bytes by the merges, spaces with the word behind them", () => {
    expect(pieces("hello hello help")).toEqual(["hello", " hello", " ", "he", "l", "p"]);
  });

  test("offsets are UTF-16 indices; a token of part of a character spans the character", () => {
    const { tokens, offsets } = tokenizer().encode("a😀b");
    expect(tokens).toHaveLength(6);
    expect(offsets).toEqual([
      [0, 1],
      [1, 3],
      [1, 3],
      [1, 3],
      [1, 3],
      [3, 4],
    ]);
  });

  test("a token of several bytes spans all characters that they touch", () => {
    const { offsets } = tokenizer().encode("숨 hello");
    expect(offsets).toEqual([
      [0, 1],
      [1, 7],
    ]);
  });

  test("special tokens in the text are parsed as such", () => {
    const { tokens, offsets } = tokenizer().encode("he<end><s>");
    expect(tokens.slice(1)).toEqual([BOS + 1, BOS]);
    expect(offsets).toEqual([
      [0, 2],
      [2, 7],
      [7, 10],
    ]);
  });

  test("a tokenizer that begins texts with a token does so unless told otherwise", () => {
    const beginning = tokenizer({ bos: BOS });
    expect(beginning.encode("he")).toEqual({
      tokens: [BOS, 256],
      offsets: [
        [0, 0],
        [0, 2],
      ],
    });
    expect(beginning.encode("", {}).tokens).toEqual([BOS]);
    expect(beginning.encode("he", { addBos: false }).tokens).toEqual([256]);
  });

  test("a byte without a token is dropped, and its neighbours may still be merged", () => {
    const entries = ENTRIES.map((entry) => (entry === "z" ? "" : entry));
    const { tokens, offsets } = tokenizer({ entries }).encode("hze");
    expect(tokens).toEqual([256]);
    expect(offsets).toEqual([[0, 3]]);
  });

  test("whatever the text, decoding gives it back, and offsets cover it in order", () => {
    const one = tokenizer();
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const { tokens, offsets } = one.encode(text);
        expect(one.decode(tokens)).toBe(wellFormed(text));
        expect(offsets).toHaveLength(tokens.length);
        let end = 0;
        for (const [from, to] of offsets) {
          expect(from).toBeLessThanOrEqual(end); // starts where the last one ended, or inside its character
          expect(to).toBeGreaterThanOrEqual(end);
          end = to;
        }
        expect(end).toBe(text.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe("decoding", () => {
  test("shows special tokens, and half a character as U+FFFD", () => {
    const { tokens } = tokenizer().encode("😀");
    expect(tokenizer().decode([BOS, ...tokens.slice(0, 2), BOS + 1])).toBe("<s>\ufffd<end>");
    expect(tokenizer().decode(tokens)).toBe("😀");
  });

  test("keeps a leading space and a byte-order mark", () => {
    const { tokens } = tokenizer().encode("\ufeff hello");
    expect(tokenizer().decode(tokens)).toBe("\ufeff hello");
  });

  test("shows a token beyond the vocabulary by its number", () => {
    expect(tokenizer().piece(99_999)).toBe("<99999>");
  });
});

describe("chat", () => {
  const template = {
    source:
      "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}bot:{% endif %}",
    bosToken: "<s>",
    eosToken: "<end>",
  };

  test("renders messages with the generation prompt", () => {
    const messages = [{ role: "user", content: "hello" }];
    expect(tokenizer({ chatTemplate: template }).chat(messages)).toBe("<s>user:hello<end>bot:");
  });

  test("without a template the messages are refused", () => {
    expect(() => tokenizer().chat([])).toThrow(
      expect.objectContaining({
        code: "spec-invalid",
        message: expect.stringContaining("no chat template") as unknown,
      }),
    );
  });

  test.each(["{{ raise_exception('roles must alternate') }}", "{% for %}", "{{ messages[0"])(
    "a template that fails says why: %s",
    (source) => {
      const failing = tokenizer({ chatTemplate: { ...template, source } });
      expect(() => failing.chat([])).toThrow(
        expect.objectContaining({
          code: "spec-invalid",
          message: expect.stringContaining("does not take these messages") as unknown,
        }),
      );
    },
  );
});
