/** The schema of positions and layers: indices, lists, ranges, texts to find, and the words that stand for several. */
import * as z from "zod";
import { anyOf, unknownWord, type Complaint } from "./errors.ts";
import { choose, isRecord, record } from "./schema-parts.ts";
import type {
  FindPosition,
  FindSpan,
  LayerName,
  LayerRange,
  LayersTogether,
  LayerWindow,
  MarkedPosition,
  OffsetPosition,
  PositionRange,
  PositionsTogether,
  SinglePosition,
} from "./spec.ts";

// Bounds what a crafted spec can allocate; real lists have a few hundred entries.
const MAX_ENTRIES = 100_000;

// Adding 0 turns -0 into 0, which JSON would not keep apart.
const index = z.int().transform((value) => value + 0);

const count = z.int().min(1);
const ends = z.enum(["first", "last"]);

const occurrence = choose<FindPosition["occurrence"]>(
  "first, last or a number from 1 on",
  (value) => {
    if (typeof value === "number") return count;
    return typeof value === "string" ? ends : undefined;
  },
  [ends, count],
);

const find: z.ZodType<FindPosition> = record({
  find: z.string().min(1),
  occurrence: occurrence.default("first"),
  token: z.enum(["first", "last"]).default("last"),
});

const span: z.ZodType<FindSpan> = record({
  find: z.string().min(1),
  occurrence: occurrence.default("first"),
  token: z.literal("all"),
});

const offset: z.ZodType<OffsetPosition> = record({ offset: index });

const POSITION = ["a token index", "{find: text}", "{offset: n}"];
const LAYER = ["a layer index", "embedding"];

/** One token. */
export const singlePosition: z.ZodType<SinglePosition> = positionOr([]);

/** One token, or one of these words. */
export function positionOr<Word extends string>(
  words: readonly Word[],
): z.ZodType<SinglePosition | Word> {
  const expected = anyOf([...POSITION, ...words]);
  return choose<SinglePosition | Word>(
    expected,
    (value) => {
      if (typeof value === "number") return index;
      if (typeof value === "string") return word(value, expected, words);
      if (!isRecord(value)) return undefined;
      return "offset" in value ? offset : find;
    },
    [index, ...anyWord(words), find, offset],
  );
}

const positionList = z.array(singlePosition).min(1).max(MAX_ENTRIES);
const positionRange: z.ZodType<PositionRange> = record({
  from: singlePosition,
  to: singlePosition,
});

type Positions<Word> = SinglePosition | readonly SinglePosition[] | PositionRange | FindSpan | Word;

/** One token, a list or range of them, or one of these words. */
export function positionsOr<Word extends string>(
  words: readonly Word[],
): z.ZodType<Positions<Word>> {
  const one = positionOr(words);
  const expected = anyOf([...POSITION, "a list or {from, to} of them", ...words]);
  return choose<Positions<Word>>(
    expected,
    (value) => {
      if (Array.isArray(value)) return positionList;
      if (isRecord(value) && value["token"] === "all") return span;
      if (isRecord(value) && ("from" in value || "to" in value)) return positionRange;
      if (typeof value === "string") return word(value, expected, words);
      return typeof value === "boolean" || value === null ? undefined : one;
    },
    [one, positionList, positionRange, span],
  );
}

const all = z.enum(["all"]);

const slice: z.ZodType<PositionsTogether["together"]> = choose<PositionsTogether["together"]>(
  "a list of positions, {from, to} or all",
  (value) => {
    if (Array.isArray(value)) return positionList;
    if (isRecord(value)) return value["token"] === "all" ? span : positionRange;
    return typeof value === "string" ? all : undefined;
  },
  [positionList, positionRange, span, all],
);
const positionsTogether: z.ZodType<PositionsTogether> = record({ together: slice });

const positionsOrAll = positionsOr<"all">(["all"]);

/** Positions of a source: also several in one cell. */
export const sourcePositions: z.ZodType<Positions<"all"> | PositionsTogether> = choose<
  Positions<"all"> | PositionsTogether
>(
  "a token index, {find: text}, {offset: n}, a list or {from, to} of them, {together: list} or all",
  (value) => (isRecord(value) && "together" in value ? positionsTogether : positionsOrAll),
  [positionsOrAll, positionsTogether],
);

// A placeholder as often as a long prompt has tokens.
const MAX_TIMES = 100_000;

const marked: z.ZodType<MarkedPosition> = record({
  marker: z.string().min(1),
  as: z.string().min(1).default("x"),
  times: z.exactOptional(z.int().min(1).max(MAX_TIMES)),
});

const positionsOrSame = positionsOr<"all" | "same">(["all", "same"]);

/** Positions of a target: also marked ones. */
export const targetPositions: z.ZodType<Positions<"all" | "same"> | MarkedPosition> = choose<
  Positions<"all" | "same"> | MarkedPosition
>(
  "a token index, {find: text}, {offset: n}, {marker: text}, a list or {from, to} of them, all or same",
  (value) => (isRecord(value) && "marker" in value ? marked : positionsOrSame),
  [positionsOrSame, marked],
);

/** One layer, or one of these words. */
export function layerOr<Word extends string>(words: readonly Word[]): z.ZodType<LayerName | Word> {
  const known: readonly (Word | "embedding")[] = ["embedding", ...words];
  const expected = anyOf([...LAYER, ...words]);
  return choose<LayerName | Word>(
    expected,
    (value) => {
      if (typeof value === "number") return index;
      return typeof value === "string" ? word(value, expected, known) : undefined;
    },
    [index, ...anyWord(known)],
  );
}

const layerList = z.array(layerOr([])).min(1).max(MAX_ENTRIES);

/** Several layers of one cell. */
export const layersTogether: z.ZodType<LayersTogether> = record({ together: layerList });

/** A layer with those around it. */
export const layerWindow: z.ZodType<LayerWindow> = record({ window: z.int().min(1) });

const layerRange: z.ZodType<LayerRange> = record({
  from: index,
  to: index,
  step: z.int().min(1).default(1),
});

/** One layer, a list or range of them, or one of these words. */
export function layersOr<Word extends string>(
  words: readonly Word[],
): z.ZodType<LayerName | readonly LayerName[] | LayerRange | Word> {
  const one = layerOr(words);
  const expected = anyOf([...LAYER, "a list of them", "{from, to, step}", ...words]);
  return choose<LayerName | readonly LayerName[] | LayerRange | Word>(
    expected,
    (value) => {
      if (Array.isArray(value)) return layerList;
      if (isRecord(value)) return layerRange;
      return typeof value === "string" || typeof value === "number" ? one : undefined;
    },
    [one, layerList, layerRange],
  );
}

/** The schema of all words, where there are any. */
function anyWord(words: readonly string[]): readonly z.ZodType[] {
  return words.length === 0 ? [] : [z.enum(words)];
}

/** The schema of a known word, or what is wrong with an unknown one. */
function word<Word extends string>(
  value: string,
  expected: string,
  words: readonly Word[],
): z.ZodType<Word> | Complaint {
  const known: readonly string[] = words;
  return known.includes(value) ? z.enum(words) : unknownWord(expected, value, words);
}
