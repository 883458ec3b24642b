/**
 * What the spec's schema needs and zod does not have: objects whose unknown keys get a suggestion, unions
 * chosen by a value's shape (so that only the branch that was meant complains), and issues in our words.
 */
import * as z from "zod";
import type { SpecIssue } from "../errors.ts";
import { anyOf, missing, unknownKey, unknownWord, wrongValue, type Complaint } from "./errors.ts";
import { withForm } from "./json-form.ts";

export interface RecordOptions {
  /** Looks at the object as written, whatever its fields are; for what concerns several of them. */
  readonly check?: (value: Readonly<Record<string, unknown>>) => readonly Complaint[];
  /** What to do about an unknown key, where a near name says too little. */
  readonly keyHint?: (key: string) => string | undefined;
  /** What JSON Schema can say of what is checked. */
  readonly keywords?: Readonly<Record<string, unknown>>;
}

/** An object with these fields and no others. */
export function record<Shape extends z.ZodRawShape>(
  shape: Shape,
  options: RecordOptions = {},
): z.ZodType<z.output<z.ZodObject<Shape>>> {
  const fields = z.object(shape);
  const known = Object.keys(shape);
  const named = known.filter((key) => !key.startsWith("$")); // those are for editors
  const schema = z.unknown().transform((given, context): z.output<z.ZodObject<Shape>> => {
    if (!isRecord(given)) {
      return reject(context, given === undefined ? missing(OBJECT) : wrongValue(OBJECT, given));
    }
    // As JSON has it: what is undefined is not there.
    const value = Object.fromEntries(
      Object.entries(given).filter(([, field]) => field !== undefined),
    );
    for (const key of Object.keys(value)) {
      if (known.includes(key)) continue;
      report(context, unknownKey(key, named, options.keyHint?.(key)));
    }
    for (const complaint of options.check?.(value) ?? []) report(context, complaint);
    return forward(fields, value, context);
  });
  return withForm(schema, {
    alternatives: [z.strictObject(shape)],
    keywords: options.keywords,
  });
}

/**
 * A union: `pick` looks at the value's shape and names the schema for it, or what is wrong with it;
 * with neither, the value is not what was `expected`. `alternatives` are all schemas that it can name, for JSON Schema.
 */
export function choose<T>(
  expected: string,
  pick: (value: unknown) => z.ZodType<T> | Complaint | undefined,
  alternatives: readonly z.ZodType[],
): z.ZodType<T> {
  const schema = z.unknown().transform((value, context): T => {
    if (value === undefined) return reject(context, missing(expected));
    const picked = pick(value) ?? wrongValue(expected, value);
    return picked instanceof z.ZodType ? forward(picked, value, context) : reject(context, picked);
  });
  return withForm(schema, { alternatives, description: expected });
}

/** A union of records by their `kind`. */
export function byKind<T extends { readonly kind: string }>(
  kinds: Readonly<Record<T["kind"], z.ZodType<T>>>,
): z.ZodType<T> {
  const names = Object.keys(kinds);
  const schemas = new Map<unknown, z.ZodType<T>>(Object.entries(kinds));
  return choose<T>(
    `{kind: ${anyOf(names)}}`,
    (value) => {
      if (!isRecord(value)) return undefined;
      const { kind } = value;
      if (kind === undefined) return { ...missing(anyOf(names)), path: ["kind"] };
      return schemas.get(kind) ?? { ...unknownWord(anyOf(names), kind, names), path: ["kind"] };
    },
    [...schemas.values()],
  );
}

/** A finite number that zod's own `number` allows. */
export function numberWhere(
  expected: string,
  allowed: z.ZodType<number> = z.number(),
): z.ZodType<number> {
  const written = z.number().transform((number) => number + 0); // no -0, which JSON would not keep apart
  return choose<number>(
    expected,
    (value) => (allowed.safeParse(value).success ? written : undefined),
    [allowed],
  );
}

/** Whether a value is an object with named fields. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a schema found, as issues of a spec. */
export function issuesOf(error: z.ZodError): readonly SpecIssue[] {
  return error.issues.map((issue) => ({
    ...complaintOf(issue),
    path: issue.path.map((key) => (typeof key === "symbol" ? String(key) : key)),
  }));
}

const OBJECT = "an object";

type Context = z.core.$RefinementCtx;

/** Adds a complaint to the issues of the value at hand. */
export function report(
  context: Pick<z.core.ParsePayload, "value" | "issues">,
  complaint: Complaint,
): void {
  context.issues.push({
    code: "custom",
    path: [...(complaint.path ?? [])],
    message: complaint.message,
    params: { code: complaint.code, hint: complaint.hint },
    input: context.value,
  });
}

function reject(context: Context, complaint: Complaint): never {
  report(context, complaint);
  return z.NEVER;
}

/** Parses with another schema; its issues become those of the value at hand. */
function forward<T>(schema: z.ZodType<T>, value: unknown, context: Context): T {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  for (const issue of issuesOf(parsed.error)) report(context, issue);
  return z.NEVER;
}

/** An issue in our words; those that are ours already come back as they were. */
function complaintOf(issue: z.core.$ZodIssue): Complaint {
  switch (issue.code) {
    case "custom": {
      const code: unknown = issue.params?.["code"];
      const hint: unknown = issue.params?.["hint"];
      return {
        code: typeof code === "string" ? code : "wrong-value",
        message: issue.message,
        ...(typeof hint === "string" ? { hint } : {}),
      };
    }
    case "invalid_type": {
      const expected = TYPE_NAMES[issue.expected] ?? issue.expected;
      return issue.input === undefined ? missing(expected) : wrongValue(expected, issue.input);
    }
    case "too_small":
      return wrongValue(atLeast(issue.origin, Number(issue.minimum)), issue.input);
    case "too_big":
      return wrongValue(atMost(issue.origin, Number(issue.maximum)), issue.input);
    case "invalid_value": {
      const words = issue.values.map(String);
      const expected = anyOf(words);
      return issue.input === undefined
        ? missing(expected)
        : unknownWord(expected, issue.input, words);
    }
    default:
      return { code: "wrong-value", message: issue.message };
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a whole number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
};

function atLeast(origin: string, minimum: number): string {
  if (origin === "string") return "a text that is not empty";
  return origin === "array" ? "at least one entry" : `at least ${minimum}`;
}

function atMost(origin: string, maximum: number): string {
  return origin === "array" ? `at most ${maximum} entries` : `at most ${maximum}`;
}
