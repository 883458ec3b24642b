/**
 * tests/fixtures/smollm2.json, read and checked: what transformers says, tokenises and holds for the real model.
 * What each field means is said by make_smollm2.py beside it.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { SITES } from "../../src/site.ts";

const ids = z.array(z.number().int());
const spans = z.array(z.tuple([z.number().int(), z.number().int()]));
const layer = z.union([z.number().int(), z.literal("embedding")]);
const place = z.object({ position: z.number().int(), layer });
/** Ids of the most probable tokens with their log-probabilities, or logits. */
const top = z.array(z.tuple([z.number().int(), z.number()]));
const messages = z.array(z.object({ role: z.string(), content: z.string() }));
const prompt = z.object({ prompt: z.string(), tokens: ids, messages: messages.optional() });

const cell = z.object({
  /** Null where nothing is written. */
  source: prompt.nullable(),
  target: prompt,
  writes: z.array(z.object({ site: z.enum(SITES), source: place, target: place })),
  maxTokens: z.number().int(),
  ignoreEos: z.boolean(),
  tokens: ids,
  text: z.string(),
  logprobs: z.array(z.number()),
  next: top,
});

const evidence = z.object({
  /** Index into the cells. */
  cell: z.number().int(),
  tokens: ids,
  logprob: z.number(),
  unpatched: z.number(),
  unrelated: z.array(z.number()),
  evidence: z.number(),
});

const fixture = z.object({
  eos: z.number().int(),
  texts: z.array(
    z.object({
      text: z.string(),
      ids,
      pieces: z.array(z.string()),
      decoded: z.string(),
      utf16: spans,
    }),
  ),
  chat: z.array(z.object({ messages, addGenerationPrompt: z.boolean(), text: z.string(), ids })),
  cells: z.array(cell),
  controls: z.array(z.object({ prompt: z.string(), tokens: ids })),
  evidence: z.array(evidence),
  capture: z.object({
    prompt: z.string(),
    tokens: ids,
    states: z.array(
      z.object({
        site: z.union([z.enum(SITES), z.literal("embedding")]),
        layer,
        first: z.array(z.array(z.number())),
        norm: z.array(z.number()),
      }),
    ),
    top: z.array(top),
  }),
});

export type Fixture = Readonly<z.output<typeof fixture>>;
export type FixturePrompt = Readonly<z.output<typeof prompt>>;
export type FixtureCell = Readonly<z.output<typeof cell>>;
export type FixtureEvidence = Readonly<z.output<typeof evidence>>;

const FILE = new URL("../fixtures/smollm2.json", import.meta.url);
const file: unknown = JSON.parse(readFileSync(FILE, "utf8"));

/** The numbers that the library is held to. */
export const SMOLLM2: Fixture = fixture.parse(file);
