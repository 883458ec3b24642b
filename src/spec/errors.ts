/**
 * What can be wrong with a spec as written, before any model is known. Each function makes one complaint;
 * `schema.ts` says where it applies.
 */
import type { SpecIssue } from "../errors.ts";
import { siteNameHint } from "../site-names.ts";
import { SITES, type ReadSite } from "../site.ts";
import { nearestName } from "./near-name.ts";

/** An issue whose path is relative to the value that is looked at. */
export type Complaint = Omit<SpecIssue, "path"> & { readonly path?: SpecIssue["path"] };

/** Something that has no default was left out. */
export function missing(expected: string, hint?: string): Complaint {
  return withHint({ code: "missing", message: `missing: expected ${expected}` }, hint);
}

/** A tensor's name, or the number of an item, where there is no file that it could be in. */
export function withoutFile(key: "tensor" | "item"): Complaint {
  const hint = {
    tensor: "tensor names one of the tensors of file.",
    item: "item is one entry of the first axis of a file's tensor.",
  }[key];
  return { code: "conflict", path: [key], message: "stands without a file", hint };
}

/** Sentences beside the vectors of the source's file. */
export function sentencesAndFile(): Complaint {
  return {
    code: "conflict",
    path: ["from"],
    message: "there are prompts, and from: file",
    hint: "Keep the prompts for the states of sentences, or from: file for the other vectors of the source's file.",
  };
}

/** A name in a mapping that no source has. */
export function sourceUnnamed(
  name: string,
  known: readonly string[],
  path: SpecIssue["path"],
): Complaint {
  const near = nearestName(name, known);
  const there = known.length === 0 ? "there are none" : `there are ${known.join(", ")}`;
  return {
    code: "source-unknown",
    path,
    message: `no source is called ${describe(name)}: ${there}`,
    hint:
      near === undefined
        ? "Name it under sources: {name: {prompt: …}}, or {name: {file: …}}."
        : `Did you mean "${near}"?`,
  };
}

/** A kind of mapping step that can be there once, and is there again. */
export function stepTwice(what: string, index: number): Complaint {
  return {
    code: "conflict",
    path: [index],
    message: `a second ${what}; one mapping has at most one`,
    hint: "Leave one of them out.",
  };
}

/** A value of a wrong type, or outside of what is allowed. */
export function wrongValue(expected: string, got: unknown, hint?: string): Complaint {
  return withHint(
    { code: "wrong-value", message: `expected ${expected}, got ${describe(got)}` },
    hint,
  );
}

/** A word that is none of the known ones. */
export function unknownWord(expected: string, got: unknown, words: readonly string[]): Complaint {
  const near = typeof got === "string" ? nearestName(got, words) : undefined;
  return wrongValue(expected, got, near === undefined ? undefined : `Did you mean "${near}"?`);
}

/** A key that version 1 does not have. */
export function unknownKey(key: string, known: readonly string[], hint?: string): Complaint {
  const near = nearestName(key, known);
  return {
    code: "unknown-key",
    path: [key],
    message: `unknown key, expected one of ${known.join(", ")}`,
    hint: hint ?? (near === undefined ? "Leave it out." : `Did you mean "${near}"?`),
  };
}

/** None or several of the ways to give a prompt, or vectors in its place. */
export function notOnePrompt(
  given: readonly string[],
  hint?: string,
  expected = "exactly one of prompt, tokens, messages",
): Complaint {
  return given.length === 0
    ? missing(expected, hint)
    : {
        code: "conflict",
        message: `expected ${expected}, got ${given.join(" and ")}`,
        hint: "Keep one of them.",
      };
}

/** A name that means no site in any spelling. */
export function unknownSite(got: string): Complaint {
  return withHint(unknownWord(anyOf(SITES), got, SITES), siteNameHint(got));
}

/** A site of which nothing can be written. */
export function readOnlySite(site: ReadSite): Complaint {
  const complaint = wrongValue(
    anyOf(SITES),
    site,
    `Read it with patchscopes capture --site ${site}.`,
  );
  return { ...complaint, message: `${complaint.message}, which can only be read` };
}

/** A layer beside a site whose spelling names another one. */
export function otherLayer(site: string, layer: number | "embedding" | undefined): Complaint {
  return {
    code: "conflict",
    path: ["layer"],
    message: `another one than the site ${describe(site)} names, ${layer}`,
    hint: "Leave the layer out, or write the site's name without one.",
  };
}

/** Positions or layers beside `patches`, which takes their place. */
export function patchesAndAxis(path: SpecIssue["path"]): Complaint {
  return {
    code: "conflict",
    path,
    message: "stands beside patches, which say the positions and layers themselves",
    hint: "Leave out either patches or the positions and layers of source and target.",
  };
}

/** Noise twice: which draws are whose would depend on their order. */
export function noiseTwice(index: number): Complaint {
  return {
    code: "conflict",
    path: [index],
    message: "there is noise already",
    hint: "Put all positions into one intervention of the kind noise.",
  };
}

/** Two sweeps: a cell would be a point of both. */
export function sweptTwice(index: number): Complaint {
  return {
    code: "conflict",
    path: [index, "sweep"],
    message: "another intervention is swept already",
    hint: "Sweep one of them, and run a spec for each.",
  };
}

/** Several samples of noise where tokens are generated: texts have no mean. */
export function samplesGenerate(path: SpecIssue["path"]): Complaint {
  return {
    code: "conflict",
    path,
    message: "generated texts have no mean over samples",
    hint: "Use samples: 1, or read: {kind: next-token}.",
  };
}

/** The embedding named among the layers of an intervention. */
export function embeddingAttention(path: SpecIssue["path"]): Complaint {
  return {
    code: "embedding-site",
    path,
    message: "the embedding is no layer's: it is what block 0 reads",
    hint: "Name layers from 0 on.",
  };
}

/** The same control twice. */
export function controlTwice(kind: string, index: number): Complaint {
  return {
    code: "conflict",
    path: [index],
    message: `the control ${kind} is there twice`,
    hint: "Leave one of them out.",
  };
}

/** The same metric twice. */
export function metricTwice(name: string): Complaint {
  return {
    code: "conflict",
    message: `the metric ${name} is there twice`,
    hint: "Leave one of them out.",
  };
}

/** Alternatives as a message lists them: `a, b or c`. */
export function anyOf(alternatives: readonly string[]): string {
  const last = alternatives.at(-1) ?? "";
  const others = alternatives.slice(0, -1).join(", ");
  return others === "" ? last : `${others} or ${last}`;
}

/** A value as a message shows it. */
function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") {
    const text = JSON.stringify(value);
    return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…"` : text;
  }
  if (value === null || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

// Enough to recognise a text by.
const MAX_SHOWN = 60;

function withHint(complaint: Complaint, hint: string | undefined): Complaint {
  return hint === undefined ? complaint : { ...complaint, hint };
}

/** A text that is neither YAML nor JSON. */
export function syntaxWrong(facts: {
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}): SpecIssue {
  return {
    code: "syntax",
    path: [],
    message: `line ${facts.line}, column ${facts.column}: not YAML or JSON: ${facts.reason}`,
    hint: "A text with a colon, a quote or a line break in it goes between double quotes.",
  };
}

/** YAML aliases that name nothing, or unfold to more than a spec can be. */
export function aliasesWrong(reason: string): SpecIssue {
  return {
    code: "syntax",
    path: [],
    message: `cannot unfold the aliases: ${reason}`,
    hint: "Write the values out.",
  };
}

/** A preset that there is not. */
export function presetUnknown(name: string, known: readonly string[]): SpecIssue {
  const near = nearestName(name, known);
  return {
    code: "preset-unknown",
    path: [],
    message: `there is no preset ${describe(name)}; there are ${known.join(", ")}`,
    ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
  };
}

/** A name that is none of a question. */
export function questionUnknown(name: string, known: readonly string[]): SpecIssue {
  const near = nearestName(name, known);
  return {
    code: "question-unknown",
    path: [],
    message: `there is no question ${describe(name)}; there are ${known.join(", ")}`,
    hint:
      near === undefined
        ? "Ask in your own words: --wording with an x in the place of the vector."
        : `Did you mean "${near}"?`,
  };
}

/** An option that a preset cannot do without. */
export function missingField(
  preset: { readonly name: string; readonly askHint?: string; readonly mapHint?: string },
  option: string,
): SpecIssue {
  const hints: Readonly<Record<string, string | undefined>> = {
    ask: preset.askHint,
    map: preset.mapHint,
  };
  const own = hints[option];
  return {
    code: "missing",
    path: [option],
    message: `missing: the preset ${preset.name} needs it`,
    hint: own ?? OPTION_HINTS[option] ?? "See the preset's example.",
  };
}

/** An option that a preset has no use for; never ignored. */
export function unusedField(
  preset: { readonly name: string; readonly takes: readonly string[] },
  option: string,
): SpecIssue {
  return {
    code: "unknown-key",
    path: [option],
    message: `the preset ${preset.name} has no use for it; it takes ${preset.takes.join(", ")}`,
    hint: "Leave it out, or write a spec file.",
  };
}

/** A gap in a template whose field a sample does not have. */
export function fieldMissing(field: string, known: readonly string[]): Complaint {
  const near = nearestName(field, known);
  const there = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
  return {
    code: "field-missing",
    message: `the sample has no field ${describe(field)}: ${there}`,
    hint:
      near === undefined
        ? "Every {{field}} of the spec stands for a field of the sample."
        : `Did you mean "${near}"?`,
  };
}

/** A list or an object where a gap is only a part of a text. */
export function fieldUnfit(field: string): Complaint {
  return {
    code: "field-unfit",
    message: `the sample's field ${describe(field)} is no text or number, and stands within a text`,
    hint: "A list or an object takes the place of a whole text: write nothing beside the {{field}}.",
  };
}

/** A question without a place for the vector, or with several. */
export function askWithout(ask: string, count: number): SpecIssue {
  const found = count === 0 ? "none" : `${count} of them`;
  return {
    code: "placeholder",
    path: ["ask"],
    message: `expected one x that stands as a word of its own, got ${found} in ${describe(ask)}`,
    hint: ASK_HINT,
  };
}

const ASK_HINT =
  'Write a text in which a lower-case x stands for the vector, e.g. "The official currency of x".';

/** A second hop that the question does not begin with. */
export function askElsewhere(ask: string, question: string, hint: string): SpecIssue {
  return {
    code: "ask-elsewhere",
    path: ["ask"],
    message: `expected the beginning of the question ${describe(question)}, with the first hop behind it, got ${describe(ask)}`,
    hint,
  };
}

/** A source that a preset takes apart, and that is no text. */
export function sourceNoText(preset: string): SpecIssue {
  return {
    code: "missing",
    path: ["source", "prompt"],
    message: `missing: the preset ${preset} takes a text apart`,
    hint: "Give the source as a text.",
  };
}

/** How to give an option that a preset cannot do without. */
const OPTION_HINTS: Readonly<Record<string, string>> = {
  ask: ASK_HINT,
  subject: 'Name the part of the text that the fact is about, e.g. "Space Needle".',
  corrupted:
    'Give the same sentence about something else, of as many tokens, e.g. "The capital of Italy is".',
  map: "Give the file of a fitted mapping; patchscopes fit --sample 200 --out map.safetensors makes one, across models with --to-model.",
  explainer: "Name the model that reads the states, e.g. gemma-3-270m.",
};
