/** The schema of what is read, a next token or a generated text, and of what it is held against: controls, a contrast set. */
import * as z from "zod";
import { anyOf, controlTwice, sentencesAndFile, unknownWord } from "./errors.ts";
import { choose, isRecord, numberWhere, record } from "./schema-parts.ts";
import { positionOr, singlePosition } from "./schema-places.ts";
import { CONTROL_KINDS } from "./spec.ts";
import type { ContrastSpec, ControlSpec, DecodingSpec, ReadSpec } from "./spec.ts";

// The longest generation: as much as people still read. Bounds a run's time.
const MAX_NEW_TOKENS = 4096;
// The most candidates for a next token: more than anybody looks at. Bounds a result's size.
const MAX_TOP_K = 1000;
// Each control or contrast sentence is scored in every cell; evidence needs 8 to 16.
const MAX_CONTROL_PROMPTS = 256;

// More ways to end a text than anybody needs. Every text is looked through for each of them, step by step.
const MAX_STOPS = 16;

const topK = z.int().min(1).max(MAX_TOP_K).default(10);
const aboveNought = numberWhere("a number above 0", z.number().gt(0));
const share = numberWhere("a number above 0 and up to 1", z.number().gt(0).max(1));
const priorContrast = record({
  against: z.literal("unpatched").default("unpatched"),
  amount: aboveNought.default(1),
  plausibility: share.default(0.1),
});
const drawing = record({
  temperature: aboveNought.default(1),
  topP: share.default(1),
  topK: z.exactOptional(z.int().min(1)),
  contrast: z.exactOptional(priorContrast),
});
const contrastAlone = record({ contrast: priorContrast });
// A contrast alone takes the best token in place of drawing one.
const decoding = choose<DecodingSpec>(
  "an object",
  (value) => {
    if (!isRecord(value)) return undefined;
    const keys = Object.keys(value).filter((key) => value[key] !== undefined);
    return keys.length === 1 && keys[0] === "contrast" ? contrastAlone : drawing;
  },
  [contrastAlone, drawing],
);

const oneStop = z.string().min(1);
const stops = z.array(oneStop).min(1).max(MAX_STOPS);
const stop = choose<readonly string[]>(
  "a text or a list of texts",
  (value) => {
    if (typeof value === "string") return oneStop.transform((text) => [text]);
    return Array.isArray(value) ? stops : undefined;
  },
  [oneStop, stops],
);

const GENERATING = ["maxTokens", "ignoreEos", "stop", "roundTrip", "decoding"];

const keyHint = (key: string): string | undefined => {
  if (GENERATING.includes(key)) return `${key} goes with kind: generate.`;
  return key === "position" ? "position goes with kind: next-token." : undefined;
};

const nextToken = record(
  { kind: z.literal("next-token"), topK, position: positionOr(["same"]).default(-1) },
  { keyHint },
);

const neighbours = record(
  { kind: z.literal("neighbours"), topK, of: z.enum(["input", "output"]).default("input") },
  { keyHint },
);

const propagation = record({ kind: z.literal("propagation"), topK }, { keyHint });

const generate = record(
  {
    kind: z.literal("generate").default("generate"),
    maxTokens: z.int().min(1).max(MAX_NEW_TOKENS).default(20),
    topK,
    ignoreEos: z.boolean().default(false),
    stop: z.exactOptional(stop),
    roundTrip: z.exactOptional(z.boolean()),
    decoding: z.exactOptional(decoding),
  },
  { keyHint },
);

const READ_KINDS = ["generate", "next-token", "propagation", "neighbours"];

/** What is read. */
export const read: z.ZodType<ReadSpec> = choose<ReadSpec>(
  `{kind: ${anyOf(READ_KINDS)}}`,
  (value) => {
    if (!isRecord(value)) return undefined;
    const kind = value["kind"];
    if (kind === "next-token") return nextToken;
    if (kind === "propagation") return propagation;
    if (kind === "neighbours") return neighbours;
    if (kind === "generate" || kind === undefined) return generate;
    return { ...unknownWord(anyOf(READ_KINDS), kind, READ_KINDS), path: ["kind"] };
  },
  [generate, nextToken, propagation, neighbours],
);

const unrelated = record(
  {
    kind: z.literal("unrelated"),
    prompts: z.exactOptional(z.array(z.string().min(1)).min(1).max(MAX_CONTROL_PROMPTS)),
    from: z.exactOptional(z.literal("file")),
  },
  {
    check: ({ prompts, from }) =>
      prompts !== undefined && from !== undefined ? [sentencesAndFile()] : [],
  },
);

const textOnly = record({
  kind: z.literal("text-only"),
  prompt: z.exactOptional(z.string().min(1)),
});

const otherControl = record({ kind: z.enum(CONTROL_KINDS).exclude(["unrelated", "text-only"]) });

const control = choose<ControlSpec>(
  `${CONTROL_KINDS.join(", ")}, {kind: unrelated, prompts: list}, {kind: unrelated, from: file} or {kind: text-only, prompt: text}`,
  (value) => {
    const named = isRecord(value) ? value["kind"] : value;
    const kind = CONTROL_KINDS.find((known) => known === named);
    if (kind === undefined) return unknownWord(anyOf(CONTROL_KINDS), named, CONTROL_KINDS);
    if (!isRecord(value)) return z.unknown().transform(() => ({ kind }));
    if (kind === "unrelated") return unrelated;
    return kind === "text-only" ? textOnly : otherControl;
  },
  [z.enum(CONTROL_KINDS), unrelated, textOnly, otherControl],
);

const controlList = z.array(control);

/** The controls, none of them twice. */
export const controls: z.ZodType<readonly ControlSpec[]> = choose<readonly ControlSpec[]>(
  "a list of controls",
  (value) => {
    if (!Array.isArray(value)) return undefined;
    const kinds = value.map((entry: unknown) => (isRecord(entry) ? entry["kind"] : entry));
    const again = kinds.findIndex((kind, index) => kinds.indexOf(kind) < index);
    const kind = kinds[again];
    return typeof kind === "string" ? controlTwice(kind, again) : controlList;
  },
  [controlList],
);

const contrastText = z
  .string()
  .min(1)
  .transform((prompt) => ({ prompt, position: -1 }));
const contrastAt = record({
  prompt: z.string().min(1),
  position: singlePosition.default(-1),
});

const otherItem = record({ item: z.int().min(0) });
const otherPosition = record({ position: z.int().min(0) });

const contrastEntry = choose<ContrastSpec>(
  "a text, {prompt, position} or, of the source's file, {item} or {position}",
  (value) => {
    if (typeof value === "string") return contrastText;
    if (!isRecord(value)) return undefined;
    if ("prompt" in value) return contrastAt;
    if ("item" in value) return otherItem;
    return typeof value["position"] === "number" ? otherPosition : contrastAt;
  },
  [contrastText, contrastAt, otherItem, otherPosition],
);

const contrastList = z.array(contrastEntry).max(MAX_CONTROL_PROMPTS);

/** Other sources of the same kind. */
export const contrast: z.ZodType<readonly ContrastSpec[]> = choose<readonly ContrastSpec[]>(
  "a list of prompts",
  (value) => (Array.isArray(value) ? contrastList : undefined),
  [contrastList],
);
