/**
 * Specs with gaps: `{{field}}` in any of their texts stands for a field of a sample. Knows nothing of what a spec is;
 * `schema.ts` looks at what comes out.
 */
import { specInvalid, type SpecIssue } from "../errors.ts";
import { fieldMissing, fieldUnfit } from "./errors.ts";

/** The fields of one sample, by name. */
export type Sample = Readonly<Record<string, unknown>>;

const GAP = /\{\{\s*([^{}]*[^{}\s])\s*\}\}/gu;
// Specs are a few levels deep; what is deeper is none, and stays as it is for the schema to refuse.
const MAX_DEPTH = 100;
const ONE_GAP = new RegExp(`^${GAP.source}$`, "u");

/** The fields that a template's gaps name, each once, in their order. */
export function fieldsOf(template: unknown): readonly string[] {
  const found = new Set<string>();
  mapTexts(template, [], (text) => {
    for (const [, field = ""] of text.matchAll(GAP)) found.add(field);
    return text;
  });
  return [...found];
}

/**
 * A template with a sample's values in its gaps. A text that is nothing but one gap becomes the value with its type.
 * @throws `spec-invalid` with a gap's path for each field that the sample lacks, or that is no text within one
 */
export function filled(template: unknown, sample: Sample): unknown {
  // Each field once, where it is missed first.
  const issues = new Map<string, SpecIssue>();
  const data = mapTexts(template, [], (text, path) => {
    const value = (field: string): unknown => {
      const own = Object.hasOwn(sample, field) ? sample[field] : undefined;
      if ((own === undefined || own === null) && !issues.has(field)) {
        issues.set(field, { path, ...fieldMissing(field, Object.keys(sample)) });
      }
      return own;
    };
    const [, whole] = ONE_GAP.exec(text) ?? [];
    if (whole !== undefined) return value(whole);
    return text.replaceAll(GAP, (_, field: string) => {
      const own = value(field);
      if (typeof own === "object" && own !== null)
        issues.set(field, { path, ...fieldUnfit(field) });
      return String(own);
    });
  });
  if (issues.size > 0) throw specInvalid([...issues.values()]);
  return data;
}

/** The same data with every text in it replaced; keys stay. */
function mapTexts(
  data: unknown,
  path: SpecIssue["path"],
  replace: (text: string, path: SpecIssue["path"]) => unknown,
): unknown {
  if (typeof data === "string") return replace(data, path);
  if (path.length > MAX_DEPTH) return data;
  if (Array.isArray(data)) {
    return data.map((entry: unknown, index) => mapTexts(entry, [...path, index], replace));
  }
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]: [string, unknown]) => [
      key,
      mapTexts(value, [...path, key], replace),
    ]),
  );
}
