import { readFileSync } from "node:fs";
import fc from "fast-check";
import { z } from "zod";
import { describe, expect, test } from "vitest";

import type { Tokenizer } from "../model.ts";
import { GgufMetadata, type GgufValue } from "../weights/gguf-metadata.ts";
import { readGgufTokenizer } from "./gguf-tokenizer.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";

const offset = z.tuple([z.number(), z.number()]);
const encodings = z.array(z.tuple([z.array(z.number()), z.array(offset)]));
const value = z.union([z.string(), z.array(z.string()), z.array(z.number())]);
const fixtureSchema = z.object({
  texts: z.array(z.string()),
  json: z.array(z.object({ name: z.string(), tokenizer: z.unknown(), encodings })),
  gguf: z.array(z.object({ name: z.string(), metadata: z.record(z.string(), value), encodings })),
});
const fixturePath = new URL("../../../tests/fixtures/tokenizers.json", import.meta.url);
const json: unknown = JSON.parse(readFileSync(fixturePath, "utf8"));
const fixture = fixtureSchema.parse(json);

type Encodings = z.infer<typeof encodings>;

/** By vocabulary, where spans are ours: of all that a character was composed of, of one character and no more. */
const SPANS: Readonly<Record<string, "reach further" | "lie within">> = {
  qwen2: "reach further",
  "gpt-neox": "reach further",
  "unigram-bytes": "lie within",
};

function expectEncodings(
  name: string,
  tokenizer: Tokenizer | undefined,
  expected: Encodings,
): void {
  for (const [i, [tokens, offsets]] of expected.entries()) {
    const text = fixture.texts[i] ?? "";
    const made = tokenizer?.encode(text, { addBos: false });
    expect({ text, tokens: made?.tokens }).toEqual({ text, tokens });
    const spans = SPANS[name];
    if (spans === undefined || (spans === "reach further" && text === text.normalize("NFC"))) {
      expect({ text, offsets: made?.offsets }).toEqual({ text, offsets });
      continue;
    }
    for (const [at, [start, end]] of (made?.offsets ?? []).entries()) {
      const [from, to] = offsets[at] ?? [];
      if (spans === "reach further") {
        expect(start).toBe(from);
        expect(end).toBeGreaterThanOrEqual(to ?? Infinity);
      } else {
        expect(start).toBeGreaterThanOrEqual(from ?? Infinity);
        expect(end).toBeLessThanOrEqual(to ?? -1);
      }
    }
  }
}

describe("a tokenizer.json gives the tokens and offsets that Hugging Face's package gives", () => {
  test.each(fixture.json)("$name", ({ name, tokenizer, encodings: expected }) => {
    expectEncodings(name, readJsonTokenizer(tokenizer), expected);
  });
});

function readJsonTokenizer(tokenizer: unknown): Tokenizer {
  return readTokenizerJson({
    file: "tokenizer.json",
    tokenizer,
    config: undefined,
    template: undefined,
  });
}

describe("a GGUF vocabulary gives the tokens and offsets that transformers gives", () => {
  test.each(fixture.gguf)("$name", ({ name, metadata, encodings: expected }) => {
    const values = Object.entries(metadata).map(([key, one]) => [key, toGguf(one)] as const);
    expectEncodings(name, readGgufTokenizer(new GgufMetadata("m.gguf", new Map(values))), expected);
  });

  function toGguf(one: z.infer<typeof value>): GgufValue {
    if (typeof one === "string") return one;
    const numbers = z.array(z.number()).safeParse(one).data;
    return numbers === undefined ? z.array(z.string()).parse(one) : Float64Array.from(numbers);
  }
});

describe("whatever the text", () => {
  const named = (name: string): Tokenizer =>
    readJsonTokenizer(fixture.json.find((one) => one.name === name)?.tokenizer);
  const wellFormed = (text: string): string =>
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));
  const anyText = fc.string({
    unit: fc.constantFrom(...Array.from("the ▁1\n'sé\u0301숨ᄉ😀\ud800")),
  });

  test.each(["llama3", "qwen2", "gemma", "llama2", "unigram-bytes"])(
    "%s: offsets cover it in order",
    (name) => {
      const tokenizer = named(name);
      fc.assert(
        fc.property(anyText, (text) => {
          const { tokens, offsets } = tokenizer.encode(text, { addBos: false });
          expect(offsets).toHaveLength(tokens.length);
          let end = 0;
          for (const [from, to] of offsets) {
            expect(from).toBeLessThanOrEqual(end);
            expect(to).toBeGreaterThanOrEqual(end);
            end = to;
          }
          expect(end).toBe(text.length);
        }),
      );
    },
  );

  test.each<[string, (text: string) => string]>([
    ["llama3", (text) => text],
    ["qwen2", (text) => text.normalize("NFC")],
    ["gemma", (text) => text.replaceAll("▁", " ")],
    ["llama2", (text) => (text === "" ? "" : ` ${text.replaceAll("▁", " ")}`)],
  ])("%s: decoding gives it back as it was spelled", (name, spelled) => {
    const tokenizer = named(name);
    fc.assert(
      fc.property(anyText, (text) => {
        const { tokens } = tokenizer.encode(text, { addBos: false });
        expect(tokenizer.decode(tokens)).toBe(wellFormed(spelled(text)));
      }),
    );
  });
});

describe("special tokens", () => {
  const tokenizer = readJsonTokenizer(fixture.json.find((one) => one.name === "phi3")?.tokenizer);

  test("may take the white space around them along", () => {
    const { offsets } = tokenizer.encode("a <|end|>\n b", { addBos: false });
    expect(offsets).toContainEqual([1, 11]);
  });

  test("BOS goes in front unless told otherwise", () => {
    expect(tokenizer.encode("").tokens).toEqual([tokenizer.bos]);
    expect(tokenizer.encode("", { addBos: false }).tokens).toEqual([]);
  });
});
