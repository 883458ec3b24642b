/**
 * The spec's schema as JSON Schema. zod cannot look into our own objects and unions, which are functions to it; so each
 * of them says here of which of zod's own forms it takes values, and the rest is zod's.
 */
import * as z from "zod";

/** What zod's own types say of a schema that is a function. */
interface Form {
  /** Every value that the schema takes is one of some of these. */
  readonly alternatives: readonly z.ZodType[];
  /** For people. */
  readonly description?: string | undefined;
  /** What JSON Schema can say beside that. */
  readonly keywords?: Readonly<Record<string, unknown>> | undefined;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

const forms = new WeakMap<object, Form>();

/** The same schema, with its form. */
export function withForm<Schema extends z.ZodType>(schema: Schema, form: Form): Schema {
  forms.set(schema, form);
  return schema;
}

/** What JSON Schema has for values that a schema takes; draft 7, which editors know best. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const { "~standard": _, ...json } = z.toJSONSchema(schema, {
    target: "draft-07",
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const form = forms.get(zodSchema);
      if (form !== undefined) Object.assign(jsonSchema, formOf(form));
      const { def } = zodSchema._zod;
      if (def.type === "default") jsonSchema.default = def.defaultValue;
      // zod's bounds of every whole number are JavaScript's, not ours.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return json;
}

function formOf({ alternatives, description, keywords }: Form): JsonSchema {
  const parts = alternatives.map((alternative) => {
    const { $schema: _, ...json } = jsonSchemaOf(alternative);
    return json;
  });
  const [only] = parts;
  return {
    ...(description === undefined ? {} : { description }),
    ...(only !== undefined && parts.length === 1 ? only : { anyOf: parts }),
    ...keywords,
  };
}
