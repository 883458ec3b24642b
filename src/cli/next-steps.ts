/** Under an inspection: commands that go on from it, ready to be copied. */
import { PRESETS, type PresetName } from "../spec/presets/presets.ts";
import { DEFAULT_MODEL } from "./model-options.ts";

export interface Inspection {
  /** Absent where token ids or vectors were given. */
  readonly text: string | undefined;
  /** The file of vectors that stood in its place, and which tensor and item of it. */
  readonly vectors?: string | undefined;
  readonly tensor?: string | undefined;
  readonly item?: number | undefined;
  readonly model: string;
  /** The model that read the states, where it is another one. */
  readonly explainer?: string | undefined;
  readonly preset: PresetName;
  readonly ask: string | undefined;
  /** The fitted mapping that the states went through. */
  readonly map?: string | undefined;
  /** As they were written; a map has not all. */
  readonly layers?: string | undefined;
  readonly targetLayer?: string | undefined;
  /** Further options of the preset, as they were written. */
  readonly more?: readonly string[];
  /** As `--at` was written; absent for the last token. */
  readonly at: string | undefined;
  /** Whether so many cells were read that they were held against the prompt alone. */
  readonly isEvidenceCut?: boolean;
}

interface Step {
  readonly what: string;
  readonly options: readonly string[];
  readonly isUseful: boolean;
}

/** What to try, and how: side by side where `width` columns are enough. */
export function nextSteps(inspection: Inspection, width: number): string {
  const { text, preset, ask, map, at, item } = inspection;
  // A map from another network leads to the caption only.
  const isCaption = preset === "caption";
  const here = at === undefined ? [] : ["--at", at];
  const through =
    map === undefined || inspection.explainer !== undefined
      ? []
      : ["--map", map, ...layerOptions(inspection)];
  const asking = ask === undefined ? [] : ["--ask", ask];
  const same = [...presetOption(preset), ...asking, ...through, ...(inspection.more ?? [])];
  const otherWord = text === undefined ? undefined : wordBeside(text, at);
  const steps: readonly Step[] = [
    {
      what: "hold all of it against unrelated states, too",
      options: [...here, ...same, ...layerOptions(inspection), "--evidence", "full"],
      isUseful: inspection.isEvidenceCut === true,
    },
    {
      what: "describe it in words",
      options: here,
      isUseful: preset !== "entity" && !isCaption,
    },
    {
      what: "ask it for one thing; x stands for it",
      options: [...here, "--ask", "The best thing about x is"],
      isUseful: preset !== "attribute" && !isCaption,
    },
    {
      what: "what each layer would say next",
      options: [...here, "--preset", "logit-lens"],
      isUseful: preset !== "logit-lens" && !isCaption,
    },
    {
      what: "another token",
      options: [...same, "--at", otherWord ?? ""],
      isUseful: otherWord !== undefined && takesPosition(preset),
    },
    {
      what: "another item",
      options: [...here, ...same, "--item", String((item ?? 0) + 1)],
      isUseful: item !== undefined,
    },
    {
      what: "keep all numbers",
      options: [...here, ...same, "--out", "result.json"],
      isUseful: true,
    },
  ];
  const useful = steps.filter(({ isUseful }) => isUseful);
  const longest = Math.max(...useful.map(({ what }) => what.length));
  const commands = useful.map(({ options }) => commandOf(inspection, options));
  const beside = useful.map(
    ({ what }, index) => `  ${what.padEnd(longest)}  ${commands[index] ?? ""}`,
  );
  const fits = beside.every((line) => line.length <= width);
  const below = useful.flatMap(({ what }, index) => [`  ${what}:`, `    ${commands[index] ?? ""}`]);
  return ["Next", ...(fits ? beside : below)].join("\n");
}

/** Whether a token can be chosen, or the preset says itself which states are read. */
function takesPosition(preset: PresetName): boolean {
  return PRESETS[preset].takes.includes("position");
}

/**
 * Another word of the text than the one that was looked at: the longest, which is likeliest to mean something.
 * Never the first one, whose state says little about it (an attention sink).
 */
function wordBeside(text: string, at: string | undefined): string | undefined {
  const words = text.trim().split(/\s+/u).slice(1);
  const others = at === undefined ? words.slice(0, -1) : words.filter((word) => !word.includes(at));
  return others
    .filter((word) => /^\p{L}+$/u.test(word))
    .reduce<string | undefined>(
      (best, word) => (best === undefined || word.length > best.length ? word : best),
      undefined,
    );
}

function layerOptions({ layers, targetLayer }: Inspection): readonly string[] {
  return [
    ...(layers === undefined ? [] : ["--layers", layers]),
    ...(targetLayer === undefined ? [] : ["--target-layer", targetLayer]),
  ];
}

function presetOption(preset: PresetName): readonly string[] {
  // These two follow from the other options.
  return preset === "entity" || preset === "attribute" ? [] : ["--preset", preset];
}

function commandOf(
  { text, vectors, tensor, item, model, explainer, map }: Inspection,
  options: readonly string[],
): string {
  const which = item === undefined || options.includes("--item") ? [] : ["--item", String(item)];
  const inFile = tensor === undefined ? [] : ["--tensor", tensor];
  const other =
    vectors === undefined ? ["--tokens", "…"] : ["--vectors", vectors, ...inFile, ...which];
  const prompt = text === undefined ? other : [text];
  const through = map === undefined ? [] : ["--map", map];
  const named = [
    ...(model === DEFAULT_MODEL ? [] : ["--model", model]),
    ...(explainer === undefined ? [] : ["--explainer", explainer, ...through]),
  ];
  return [
    "npx",
    "patchscopes",
    "inspect",
    ...[...prompt, ...named, ...options].map(shellQuoted),
  ].join(" ");
}

/** A word as a shell takes it whole. */
function shellQuoted(word: string): string {
  if (/^[\w./:@%+,=…-]+$/u.test(word)) return word;
  return /["$`\\!]/u.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : `"${word}"`;
}
