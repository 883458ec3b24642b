import { readFileSync } from "node:fs";
import { z } from "zod";
import { describe, expect, test } from "vitest";

import { openFile } from "../weights/byte-source-node.ts";
import { GgufMetadata, type GgufValue } from "../weights/gguf-metadata.ts";
import { openGguf } from "../weights/gguf.ts";
import { readGgufTokenizer } from "./gguf-tokenizer.ts";

const FOLDER = new URL("../../../tests/fixtures/tiny/llama-gguf/", import.meta.url);

const ids = z.array(z.number());
const truthSchema = z.object({
  texts: z.array(
    z.object({
      text: z.string(),
      ids,
      pieces: z.array(z.string()),
      decoded: z.string(),
      utf16: z.array(z.tuple([z.number(), z.number()])),
    }),
  ),
  chat: z.array(
    z.object({
      messages: z.array(z.object({ role: z.string(), content: z.string() })),
      text: z.string(),
      ids,
    }),
  ),
});
const json: unknown = JSON.parse(readFileSync(new URL("golden.json", FOLDER), "utf8"));
const truth = truthSchema.parse(json);

const file = await openGguf(await openFile(new URL("model.gguf", FOLDER).pathname));
const tokenizer = readGgufTokenizer(file.metadata);
await file.close();

describe("a file's tokenizer does what Hugging Face's does with the same vocabulary", () => {
  test.each(truth.texts)("$text", ({ text, ...expected }) => {
    const encoding = tokenizer?.encode(text);
    expect(encoding).toEqual({ tokens: expected.ids, offsets: expected.utf16 });
    expect(tokenizer?.decode(expected.ids)).toBe(expected.decoded);
    expect(expected.ids.map((id) => tokenizer?.piece(id))).toEqual(expected.pieces);
  });

  test.each(truth.chat)("messages: $text", ({ messages, text, ids: expected }) => {
    expect(tokenizer?.chat(messages)).toBe(text);
    expect(tokenizer?.encode(text).tokens).toEqual(expected);
  });

  test("it ends with the file's end token and begins with none", () => {
    expect(tokenizer).toMatchObject({ vocabSize: 359, bos: undefined, endTokens: new Set([2]) });
  });
});

const SMALL: Readonly<Record<string, GgufValue>> = {
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "smollm",
  "tokenizer.ggml.tokens": ["<s>", "</s>", "<eot>", "a", "b", "ab"],
  "tokenizer.ggml.token_type": Int32Array.of(3, 3, 4, 1, 1, 1),
  "tokenizer.ggml.merges": ["a b"],
  "tokenizer.ggml.bos_token_id": 0,
  "tokenizer.ggml.eos_token_id": 1,
  "tokenizer.ggml.eot_token_id": 2,
};

/** The same entries as pieces. */
const PIECES: Readonly<Record<string, GgufValue>> = {
  "tokenizer.ggml.model": "llama",
  "tokenizer.ggml.tokens": ["<s>", "<unk>", "▁", "a", "b", "ab"],
  "tokenizer.ggml.token_type": Int32Array.of(3, 2, 1, 1, 1, 1),
  "tokenizer.ggml.scores": Float32Array.of(0, 0, -3, -2, -2, -1),
};

const read = (changes: Readonly<Record<string, GgufValue>>) => {
  const { "tokenizer.ggml.merges": merges, ...rest } = SMALL;
  const isPieces = changes["tokenizer.ggml.model"] === "llama";
  const base = isPieces || merges === undefined ? rest : SMALL;
  return readGgufTokenizer(
    new GgufMetadata("m.gguf", new Map(Object.entries({ ...base, ...changes }))),
  );
};

describe("metadata", () => {
  test("a file without a vocabulary has no tokenizer", () => {
    expect(readGgufTokenizer(new GgufMetadata("m.gguf", new Map()))).toBeUndefined();
  });

  test("BOS is added where the file says so", () => {
    expect(read({})?.encode("ab").tokens).toEqual([5]);
    expect(read({ "tokenizer.ggml.add_bos_token": true })?.encode("ab").tokens).toEqual([0, 5]);
  });

  test("generation ends at the end of text and at the end of a turn", () => {
    expect(read({})?.endTokens).toEqual(new Set([1, 2]));
  });

  test("the chat template sees the beginning and end tokens", () => {
    const template = { "tokenizer.chat_template": "{{ bos_token }}-{{ eos_token }}" };
    expect(read(template)?.chat([])).toBe("<s>-</s>");
  });

  test("BOS is the default of Llama's vocabularies, and the file may say otherwise", () => {
    const llama3 = { "tokenizer.ggml.pre": "llama-bpe" };
    expect(read(llama3)?.bos).toBe(0);
    expect(read({ ...llama3, "tokenizer.ggml.add_bos_token": false })?.bos).toBeUndefined();
    expect(read(PIECES)?.bos).toBe(0);
    expect(read({ ...PIECES, "tokenizer.ggml.add_bos_token": false })?.bos).toBeUndefined();
  });

  test("pieces are joined by their scores, with a space in front unless the file says otherwise", () => {
    expect(read(PIECES)?.encode("ab").tokens).toEqual([0, 2, 5]);
    const bare = { ...PIECES, "tokenizer.ggml.add_space_prefix": false };
    expect(read(bare)?.encode("ab").tokens).toEqual([0, 5]);
    expect(read(bare)?.encode("c").tokens).toEqual([0]);
    expect(read({ ...bare, "tokenizer.ggml.unknown_token_id": 1 })?.encode("c").tokens).toEqual([
      0, 1,
    ]);
  });

  test.each<[Record<string, GgufValue>, string]>([
    [{ "tokenizer.ggml.model": "t5" }, `its tokenizer is "t5"`],
    [{ "tokenizer.ggml.pre": "tekken" }, `its pre-tokenizer is "tekken"`],
    [{ "tokenizer.ggml.pre": "constructor" }, `its pre-tokenizer is "constructor"`],
    [{ "tokenizer.ggml.add_eos_token": true }, "ends every text with a token"],
  ])("what is not built is refused by name: %j", (changes, message) => {
    expect(() => read(changes)).toThrow(
      expect.objectContaining({
        code: "model-unsupported",
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });

  test.each<[Record<string, GgufValue>, string]>([
    [
      { "tokenizer.ggml.eos_token_id": 6 },
      `"tokenizer.ggml.eos_token_id" is 6, and it has 6 tokens`,
    ],
    [{ "tokenizer.ggml.token_type": Int32Array.of(1) }, "6 tokens and 1 token types"],
    [{ ...PIECES, "tokenizer.ggml.scores": Float32Array.of(1) }, "6 tokens and 1 scores"],
    [{ "tokenizer.ggml.merges": 3 }, `"tokenizer.ggml.merges" should be a list of texts`],
  ])("what cannot be is refused by name: %j", (changes, message) => {
    expect(() => read(changes)).toThrow(
      expect.objectContaining({
        code: "model-unreadable",
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });
});
