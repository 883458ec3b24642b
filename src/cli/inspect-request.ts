/** What the options of `inspect` ask for: a preset, its spec, and what is to be tried next. */
import type { Aspect, Language, SoftPrompt } from "../spec/presets/preset.ts";
import { PRESETS, presetSpec } from "../spec/presets/presets.ts";
import type { PresetName, PresetOptions } from "../spec/presets/presets.ts";
import type {
  ContrastSpec,
  ControlSpec,
  LayerRef,
  PatchscopeSpec,
  PositionRef,
  TargetSpec,
} from "../spec/spec.ts";
import { parseContrast } from "./contrast.ts";
import { evidenceAndControls, optionsConflict } from "./errors.ts";
import { EVIDENCE, type EVIDENCE_KINDS } from "./evidence-option.ts";
import type { Inspection } from "./next-steps.ts";
import { layersText, positionText } from "./references.ts";

/** As the command line gives them, with what files hold. */
export interface InspectOptions {
  readonly model: string;
  readonly tokens?: readonly number[] | undefined;
  readonly preset?: PresetName | undefined;
  readonly ask?: string | undefined;
  readonly map?: string | undefined;
  readonly explainer?: string | undefined;
  readonly vectors?: string | undefined;
  readonly tensor?: string | undefined;
  readonly item?: number | undefined;
  readonly factors?: readonly number[] | undefined;
  readonly aspect?: Aspect | undefined;
  readonly language?: Language | undefined;
  readonly at?: PositionRef | undefined;
  readonly layers?: LayerRef | undefined;
  readonly targetLayer?: TargetSpec["layer"] | undefined;
  readonly maxTokens?: number | undefined;
  readonly stop?: readonly string[] | undefined;
  readonly contrastive?: number | undefined;
  readonly roundTrip?: boolean | undefined;
  readonly topK?: number | undefined;
  /** False after `--no-controls`. */
  readonly controls?: readonly ControlSpec[] | boolean | undefined;
  readonly evidence?: (typeof EVIDENCE_KINDS)[number] | undefined;
  readonly contrast?: readonly string[] | undefined;
  readonly subject?: string | undefined;
  readonly corrupted?: string | undefined;
  readonly answer?: string | undefined;
  readonly against?: string | undefined;
  readonly site?: string | undefined;
  readonly window?: number | undefined;
  readonly samples?: number | undefined;
  readonly with?: string | undefined;
  readonly softPrompt?: string | undefined;
  /** What the file holds. */
  readonly soft?: SoftPrompt | undefined;
}

/** What was inspected, for the commands that go on from it. */
export function requestOf(text: string | undefined, options: InspectOptions): Inspection {
  const { model, explainer, ask, map, at, layers, targetLayer, vectors, tensor, item } = options;
  return {
    text,
    vectors,
    tensor,
    item,
    model,
    explainer,
    preset: presetOf(options),
    ask,
    map,
    layers: layers === undefined ? undefined : layersText(layers),
    targetLayer: targetLayer === undefined ? undefined : layersText(targetLayer),
    more: MORE.flatMap(([name, option]) => {
      const value = options[name];
      return value === undefined ? [] : [option, value];
    }),
    at: at === undefined ? undefined : positionText(at),
  };
}

/** Options of presets that go on to the next command. */
const MORE = [
  ["subject", "--subject"],
  ["corrupted", "--corrupted"],
  ["answer", "--answer"],
  ["against", "--against"],
  ["softPrompt", "--soft-prompt"],
] as const;

/** The preset that is named, or that the other options make sense with. */
export function presetOf(options: InspectOptions): PresetName {
  const { preset, ask, map, subject, corrupted, explainer, softPrompt } = options;
  if (preset !== undefined) return preset;
  if (subject !== undefined) return "causal-tracing";
  if (corrupted !== undefined) return "activation-patching";
  if (softPrompt !== undefined) return "future-lens";
  if (ask !== undefined) return "attribute";
  return map === undefined || explainer !== undefined ? "entity" : "tuned-lens";
}

/** The spec that the options stand for. Throws `usage` or `spec-invalid`. */
export function inspectionSpec(text: string | undefined, options: InspectOptions): PatchscopeSpec {
  const { model, tokens, ask, map, at, layers, targetLayer, maxTokens, topK } = options;
  const preset = presetOf(options);
  const given: PresetOptions = defined({
    ask,
    map,
    factors: options.factors,
    aspect: options.aspect,
    language: options.language,
    position: at,
    layer: layers,
    targetLayer,
    maxTokens,
    stop: options.stop,
    contrastive: options.contrastive,
    roundTrip: options.roundTrip,
    topK,
    controls: controlsOf(options),
    contrast: options.contrast?.flatMap((value) => contrastOf(value, text, options)),
    subject: options.subject,
    corrupted: options.corrupted,
    answer: options.answer,
    against: options.against,
    site: options.site,
    window: options.window,
    samples: options.samples,
    softPrompt: options.soft,
    with: options.with === "zero" || options.with === "mean" ? options.with : undefined,
  });
  const { vectors, tensor, item } = options;
  const ofFile = item === undefined ? "tensor" : "item";
  if (options[ofFile] !== undefined && vectors === undefined) {
    throw optionsConflict(
      `There is --${ofFile} and no --vectors.`,
      "--tensor names a tensor of the file, --item one entry of its first axis.",
    );
  }
  const sources = [
    ...(text === undefined ? [] : [{ what: "a text", source: { prompt: text } }]),
    ...(tokens === undefined ? [] : [{ what: "--tokens", source: { tokens } }]),
    ...(vectors === undefined
      ? []
      : [{ what: "--vectors", source: { file: vectors, ...defined({ tensor, item }) } }]),
  ];
  const [only, other] = sources;
  if (only !== undefined && other === undefined) {
    return presetSpec(preset, { ...only.source, model, ...given });
  }
  throw optionsConflict(
    only === undefined
      ? "There is nothing to inspect."
      : `There is ${only.what} and ${other?.what ?? ""}.`,
    'Give a text, as in: patchscopes inspect "Barack Obama"; or --tokens or --vectors in its place.',
  );
}

/** Texts; or, of a file's vectors, other items or positions by their numbers. */
function contrastOf(
  value: string,
  text: string | undefined,
  { vectors, item }: InspectOptions,
): readonly ContrastSpec[] {
  if (vectors === undefined || !/^\d+(?:,\d+)*$/u.test(value)) return parseContrast(value, text);
  return value
    .split(",")
    .map(Number)
    .map((at) => (item === undefined ? { position: at } : { item: at }));
}

/** Whether somebody said what texts are held against. */
export function isEvidenceChosen({ controls, evidence }: InspectOptions): boolean {
  return controls !== undefined && controls !== true ? true : evidence !== undefined;
}

function controlsOf(options: InspectOptions): readonly ControlSpec[] | undefined {
  const { controls, evidence } = options;
  if (evidence !== undefined) {
    if (controls !== undefined && controls !== true) throw evidenceAndControls();
    return EVIDENCE[evidence];
  }
  if (typeof controls === "object") return controls;
  // Lenses have none to leave out.
  const hasControls = PRESETS[presetOf(options)].takes.includes("controls");
  return controls !== false || !hasControls ? undefined : [];
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Leaves out what was not given. */
function defined<T extends object>(options: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
