/** The schema of where vectors come from: prompts, files of vectors, and the named sources that mappings use. */
import * as z from "zod";
import { notOnePrompt, sourceUnnamed, withoutFile, wrongValue, type Complaint } from "./errors.ts";
import { choose, isRecord, record } from "./schema-parts.ts";
import { layerOr, singlePosition } from "./schema-places.ts";
import type { NamedSource, Prompt, VectorFile } from "./spec.ts";

// Bounds what a crafted spec can allocate: the longest contexts there are.
const MAX_PROMPT_TOKENS = 1_000_000;
const MAX_MESSAGES = 10_000;
// Each is a prompt that is run once.
const MAX_SOURCES = 1000;

const text = z.string().min(1);

/** The three ways to give a prompt. */
export const promptFields: {
  readonly prompt: z.ZodOptional<z.ZodType<string>>;
  readonly tokens: z.ZodOptional<z.ZodType<readonly number[]>>;
  readonly messages: z.ZodOptional<
    z.ZodType<readonly { readonly role: string; readonly content: string }[]>
  >;
} = {
  prompt: z.string().optional(),
  tokens: z.array(z.int().min(0)).min(1).max(MAX_PROMPT_TOKENS).optional(),
  messages: z
    .array(record({ role: text, content: z.string() }))
    .min(1)
    .max(MAX_MESSAGES)
    .optional(),
};

/** Vectors in a prompt's place. */
export const fileFields: {
  readonly file: z.ZodOptional<z.ZodType<string>>;
  readonly tensor: z.ZodOptional<z.ZodType<string>>;
  readonly item: z.ZodOptional<z.ZodType<number>>;
} = { file: text.optional(), tensor: text.optional(), item: z.int().min(0).optional() };

type Keywords = Readonly<Record<string, unknown>>;

/** For JSON Schema: that there is one prompt. */
export const PROMPT_KEYWORDS: Keywords = oneOf(Object.keys(promptFields));

/** For JSON Schema: that there is one prompt, or one file. */
export const PROMPT_OR_FILE_KEYWORDS: Keywords = oneOf([...Object.keys(promptFields), "file"]);

function oneOf(fields: readonly string[]): Keywords {
  return { oneOf: fields.map((field) => ({ required: [field] })) };
}

type Written = Readonly<Record<string, unknown>>;

/** A check that there is one prompt. */
export function onePrompt(hint?: string): (value: Written) => Complaint[] {
  return (value) => {
    const given = Object.keys(promptFields).filter((key) => value[key] !== undefined);
    return given.length === 1 ? [] : [notOnePrompt(given, hint)];
  };
}

/** A check that there is one prompt, or one file. */
export function onePromptOrFile(value: Written): Complaint[] {
  const given = [...Object.keys(promptFields), "file"].filter((key) => value[key] !== undefined);
  const expected = "exactly one of prompt, tokens, messages, file";
  return [
    ...(given.length === 1 ? [] : [notOnePrompt(given, undefined, expected)]),
    ...(value["file"] === undefined
      ? (["tensor", "item"] as const).flatMap((key) =>
          value[key] === undefined ? [] : [withoutFile(key)],
        )
      : []),
  ];
}

interface PromptFields {
  readonly prompt?: string | undefined;
  readonly tokens?: readonly number[] | undefined;
  readonly messages?: readonly { readonly role: string; readonly content: string }[] | undefined;
}

/** The prompt among checked fields. */
export function promptOf(fields: PromptFields): Prompt {
  if (fields.tokens !== undefined) return { tokens: fields.tokens };
  if (fields.messages !== undefined) return { messages: fields.messages };
  return { prompt: fields.prompt ?? "" };
}

/** The prompt or file among checked fields. */
export function promptOrFileOf(
  fields: PromptFields & {
    readonly file?: string | undefined;
    readonly tensor?: string | undefined;
    readonly item?: number | undefined;
  },
): Prompt | VectorFile {
  const { file, tensor, item } = fields;
  if (file === undefined) return promptOf(fields);
  return { file, ...(tensor !== undefined && { tensor }), ...(item !== undefined && { item }) };
}

const namedSource: z.ZodType<NamedSource> = record(
  {
    ...promptFields,
    ...fileFields,
    position: singlePosition.default(-1),
    layer: layerOr(["same"]).default("same"),
  },
  { check: onePromptOrFile, keywords: PROMPT_OR_FILE_KEYWORDS },
).transform(({ position, layer, ...fields }) => ({ ...promptOrFileOf(fields), position, layer }));

const byName = z.record(text, namedSource);

/** Sources by name. */
export const namedSources: z.ZodType<Readonly<Record<string, NamedSource>>> = choose<
  Readonly<Record<string, NamedSource>>
>(
  "an object of named sources",
  (value) => {
    if (!isRecord(value)) return undefined;
    const names = Object.keys(value);
    if (names.length > MAX_SOURCES) {
      return wrongValue(`at most ${MAX_SOURCES} sources`, names.length);
    }
    return byName;
  },
  [byName],
);

/** Names in the mapping of a written spec that its sources do not have. */
export function unnamedSources(spec: Written): readonly Complaint[] {
  const { mapping, sources } = spec;
  const known = isRecord(sources) ? Object.keys(sources) : [];
  const isMany = Array.isArray(mapping);
  const steps: readonly unknown[] = isMany ? mapping : [mapping];
  return steps.flatMap((step, index) => {
    if (!isRecord(step)) return [];
    return ["with", "onto"].flatMap((field) => {
      const names: readonly unknown[] = [step[field]].flat();
      const path = ["mapping", ...(isMany ? [index] : []), field];
      return names.flatMap((name) =>
        typeof name === "string" && !known.includes(name) ? [sourceUnnamed(name, known, path)] : [],
      );
    });
  });
}
