import { describe, expect, test } from "vitest";

import { BYTE_SYMBOLS } from "./byte-alphabet.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";

const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
const DIGITS = { type: "Digits", individual_digits: true };
const VOCAB = Object.fromEntries([...BYTE_SYMBOLS, "he", "Ġhe"].map((entry, id) => [entry, id]));
const MODEL = { type: "BPE", vocab: VOCAB, merges: ["h e", "Ġ he"] };

const TOKENIZER = {
  version: "1.0",
  added_tokens: [
    { id: 300, content: "<s>", special: true },
    { id: 301, content: "</s>", special: true },
  ],
  normalizer: null,
  pre_tokenizer: { type: "Sequence", pretokenizers: [DIGITS, { ...BYTE_LEVEL, use_regex: true }] },
  post_processor: null,
  decoder: BYTE_LEVEL,
  model: MODEL,
};

const CONFIG = {
  bos_token: "<s>",
  eos_token: { content: "</s>", special: true },
  chat_template: "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}",
};

/** A sequence of one sequence, so many times. */
function nested(depth: number): object {
  let part: object = BYTE_LEVEL;
  for (let i = 0; i < depth; i++) part = { type: "Sequence", pretokenizers: [part] };
  return part;
}

const read = (changes: object, config: unknown = CONFIG, template?: string) =>
  readTokenizerJson({
    file: "tokenizer.json",
    tokenizer: { ...TOKENIZER, ...changes },
    config,
    template,
  });

const beginning = (...single: readonly object[]) => ({
  post_processor: {
    type: "TemplateProcessing",
    single,
    special_tokens: { "<s>": { id: "<s>", ids: [300], tokens: ["<s>"] } },
  },
});
const BOS = { SpecialToken: { id: "<s>", type_id: 0 } };
const TEXT = { Sequence: { id: "A", type_id: 0 } };

describe("tokenizer.json of byte-level BPE", () => {
  test("is read: merges, digits alone, special tokens", () => {
    const { tokens, offsets } = read({}).encode("he he12</s>");
    const one = BYTE_SYMBOLS.indexOf("1");
    expect(tokens).toEqual([256, 257, one, one + 1, 301]);
    expect(offsets).toEqual([
      [0, 2],
      [2, 5],
      [5, 6],
      [6, 7],
      [7, 11],
    ]);
  });

  test("merges may be written as pairs", () => {
    const pairs = {
      model: {
        ...MODEL,
        merges: [
          ["h", "e"],
          ["Ġ", "he"],
        ],
      },
    };
    expect(read(pairs).encode(" he").tokens).toEqual([257]);
  });

  test("ids that no token has are shown as nothing", () => {
    expect(read({})).toMatchObject({ vocabSize: 302, bos: undefined, endTokens: new Set([301]) });
    expect(read({}).piece(299)).toBe("");
  });

  test("BOS is what the post-processor puts in front", () => {
    expect(read(beginning(BOS, TEXT)).encode("he").tokens).toEqual([300, 256]);
    expect(read(beginning(TEXT)).encode("he").tokens).toEqual([256]);
    const { post_processor: template } = beginning(BOS, TEXT);
    const both = { type: "Sequence", processors: [BYTE_LEVEL, template] };
    expect(read({ post_processor: both }).bos).toBe(300);
  });

  test("the chat template comes from its own file, else from the configuration", () => {
    const messages = [{ role: "user", content: "hi" }];
    const named = {
      ...CONFIG,
      chat_template: [
        { name: "tool", template: "no" },
        { name: "default", template: "yes" },
      ],
    };
    expect(read({}).chat(messages)).toBe("<s>hi</s>");
    expect(read({}, named).chat(messages)).toBe("yes");
    expect(read({}, CONFIG, "{{ messages[0].role }}").chat(messages)).toBe("user");
    expect(() => read({}, {}).chat(messages)).toThrow("no chat template");
  });

  test.each<[string, object, string]>([
    ["another model", { model: { ...MODEL, type: "WordPiece" } }, "a model of type WordPiece"],
    ["byte fallback", { model: { ...MODEL, byte_fallback: true } }, "byte_fallback"],
    ["a normalizer", { normalizer: { type: "NFKC" } }, "a normalizer (NFKC)"],
    ["another decoder", { decoder: { type: "Metaspace" } }, "a decoder of type Metaspace"],
    [
      "another way of cutting",
      { pre_tokenizer: { type: "Split", pattern: { Regex: "x" } } },
      `{"type":"Split"`,
    ],
    [
      "a space in front",
      { pre_tokenizer: { ...BYTE_LEVEL, add_prefix_space: true } },
      `"add_prefix_space":true`,
    ],
    [
      "a sequence in a sequence without end",
      { pre_tokenizer: nested(20_000) },
      `its pre-tokenizer has {"type":"Sequence"`,
    ],
    ["no way of cutting", { pre_tokenizer: null }, "does not end with ByteLevel"],
    ["two tokens in front", beginning(BOS, BOS, TEXT), "more than one token"],
    ["a token behind", beginning(TEXT, BOS), "adds more than one token"],
    [
      "tokens that are words",
      { added_tokens: [{ id: 300, content: "<m>", single_word: true }] },
      "match words only",
    ],
  ])("%s is refused by name", (_, changes, message) => {
    expect(() => read(changes)).toThrow(
      expect.objectContaining({
        code: "model-unsupported",
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });

  test.each<[string, object, string]>([
    ["no vocabulary", { model: { type: "BPE", merges: [] } }, "model.vocab"],
    [
      "an id far beyond the others",
      { added_tokens: [{ id: 9_000_000, content: "x" }] },
      "an id of 9000000",
    ],
    ["a merge of three", { model: { ...MODEL, merges: [["a", "b", "c"]] } }, "model.merges"],
    ["a negative id", { model: { ...MODEL, vocab: { a: -1 } } }, "must give each token an id"],
  ])("%s cannot be", (_, changes, message) => {
    expect(() => read(changes)).toThrow(
      expect.objectContaining({
        code: "model-unreadable",
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });
});

describe("tokenizer.json of pieces", () => {
  const pieces = {
    normalizer: null,
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "first" },
    decoder: { type: "Metaspace", replacement: "▁" },
    model: { type: "BPE", vocab: { "▁": 0, a: 1, "▁a": 2 }, merges: ["▁ a"] },
  };

  test("an older file says with add_prefix_space whether a space is put in front", () => {
    const older = (add_prefix_space: boolean) => ({
      ...pieces,
      pre_tokenizer: { type: "Metaspace", replacement: "▁", add_prefix_space },
    });
    expect(read(older(true)).encode("a").tokens).toEqual([2]);
    expect(read(older(false)).encode("a").tokens).toEqual([1]);
  });

  test.each<[string, object, string]>([
    ["a decoder", { decoder: { type: "WordPiece" } }, "a decoder of type WordPiece"],
    ["a way of cutting", { pre_tokenizer: { type: "Whitespace" } }, `[{"type":"Whitespace"}]`],
    [
      "another space",
      { pre_tokenizer: { type: "Metaspace", replacement: "_" } },
      `"replacement":"_"`,
    ],
    ["a normalizer", { normalizer: { type: "Precompiled" } }, "a normalizer (Precompiled)"],
    [
      "a regular expression in a normalizer",
      { normalizer: { type: "Replace", pattern: { Regex: " {2,}" }, content: " " } },
      "a normalizer (Replace)",
    ],
  ])("%s that is not built is refused by name", (_, changes, message) => {
    expect(() => read({ ...pieces, ...changes })).toThrow(
      expect.objectContaining({
        code: "model-unsupported",
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });

  test("a Unigram piece without a score cannot be", () => {
    const model = { type: "Unigram", vocab: [["a"]] };
    expect(() => read({ ...pieces, model })).toThrow("model.vocab: must give each piece a score");
  });
});
