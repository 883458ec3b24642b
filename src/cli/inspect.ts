/** `patchscopes inspect TEXT`: what the hidden states of a text say, by one of the presets. */
import { Command, Option } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { explain } from "../plan/explain.ts";
import { wrap } from "../render/display-text.ts";
import { loadVectorFiles, planSpec } from "../run/run-spec.ts";
import { PRESETS, presetName } from "../spec/presets/presets.ts";
import { ASPECTS, LANGUAGES } from "../spec/presets/preset.ts";
import type { Aspect, Language } from "../spec/presets/preset.ts";
import type { PresetName } from "../spec/presets/presets.ts";
import { CONTROL_KINDS } from "../spec/spec.ts";
import type { CommandContext } from "./context.ts";
import { affordable, EVIDENCE_KINDS, FULL_EVIDENCE_CELLS } from "./evidence-option.ts";
import { parseControls } from "./controls.ts";
import { explainerMissing, optionWrong, presetOfOneModel } from "./errors.ts";
import {
  inspectionSpec,
  isEvidenceChosen,
  presetOf,
  requestOf,
  type InspectOptions,
} from "./inspect-request.ts";
import { chosenFormat, FORMAT_HELP, parseFormat } from "./formats.ts";
import type { Format } from "./formats.ts";
import {
  DEFAULT_MODEL,
  deviceOption,
  MODEL_HELP,
  precisionOption,
  memoryOption,
  threadsOption,
} from "./model-options.ts";
import { nextSteps } from "./next-steps.ts";
import {
  parseAmount,
  parseCount,
  parseFactors,
  parseLayers,
  parsePosition,
  parseTargetLayer,
  parseText,
  parseTokens,
  parseWhole,
} from "./references.ts";
import { explainAndShow, loadVectorsFile, runAndShow } from "./run-and-show.ts";
import type { ShowOptions } from "./run-and-show.ts";
import { softPromptOf } from "./soft-prompt.ts";

/** Commander breaks the lines of options itself, to this width where the terminal does not say its own. */
const HELP_WIDTH = 80;

const EXAMPLES = `
Presets:
${Object.values(PRESETS)
  .flatMap(({ name, summary }) =>
    wrap(`  ${name.padEnd(19)} ${summary}`, HELP_WIDTH, " ".repeat(22)),
  )
  .join("\n")}

Examples:
  patchscopes inspect "Barack Obama"
  patchscopes inspect "I spent the summer in Japan" \\
    --ask "The official currency of x"
  patchscopes inspect "I spent the summer in Japan" \\
    --ask "The official currency of x" \\
    --contrast "I spent the summer in {Italy,Peru,Egypt}"
  patchscopes inspect "Barack Obama" --controls unpatched,unrelated,text-only
  patchscopes inspect "The capital of France is" --preset logit-lens
  patchscopes inspect "Barack Obama" --explainer gemma-3-270m
  patchscopes inspect "The Eiffel Tower is located in the city of" \\
    --subject "Eiffel Tower"
  patchscopes inspect "The capital of France is" \\
    --corrupted "The capital of Italy is"
  patchscopes inspect "Paris is in France" --at Paris --out paris.csv`;

/** The command. */
export function inspectCommand(context: CommandContext): CommandUnknownOpts {
  return new Command("inspect")
    .summary("say what can be decoded from the hidden states of a text")
    .description(
      "Decodes a token's hidden states, layer by layer, with the evidence for each read-out.",
    )
    .argument("[text]", "the text whose states are read")
    .option(
      "--tokens <ids>",
      "token ids in place of the text, for models without a tokenizer",
      parseTokens,
    )
    .option("-m, --model <model>", MODEL_HELP, DEFAULT_MODEL)
    .option("-p, --preset <name>", "one of those below (default: entity)", presetName)
    .option("--ask <sentence>", "ask for one thing; x in the sentence stands for the vector")
    .option("--vectors <file>", "vectors of a safetensors file in place of the text's states")
    .option("--tensor <name>", "of --vectors: the tensor, where the file has several")
    .option(
      "--item <n>",
      "of --vectors: which entry of the tensor's first axis (an image, a feature)",
      parseWhole("--item"),
    )
    .option(
      "--soft-prompt <file>",
      "a trained prompt in place of future-lens's: a safetensors file",
    )
    .option(
      "--factors <list>",
      "its lengths, relative to the state that it replaces, as in 0.5,1,2",
      parseFactors,
    )
    .option("--aspect <name>", `of an emotion: ${ASPECTS.join(", ")}`, parseAspect)
    .option("--language <name>", "of the preset's prompt: en or ko (default: en)", parseLanguage)
    .option(
      "--explainer <model>",
      "let this model read the states: through --map, or a map that is fitted first",
    )
    .option(
      "--map <file>",
      "a fitted mapping, for lenses and --explainer: patchscopes fit makes one",
    )
    .option(
      "--at <token>",
      "the token: a number (-1: the last), text that it holds, or offset:17, a character in it (default: -1)",
      parsePosition,
    )
    .option(
      "--layers <layers>",
      "all, embedding, 3, 0..10, 0..28:4 or 0,5,10 (default: all)",
      (text: string) => parseLayers(text),
    )
    .option("--target-layer <layers>", "same, or as --layers (default: same)", parseTargetLayer)
    .option("--subject <text>", "a part of the text, for causal-tracing: its tokens get noise")
    .option("--corrupted <text>", "the other prompt, for activation-patching")
    .option("--answer <token>", "the token to measure (default: what the model says next itself)")
    .option("--against <token>", "the token it is held against, for activation-patching")
    .option("--site <site>", "resid_post, attn_out, mlp_out or another site")
    .option("--window <n>", "how many layers at a time", parseCount("--window"))
    .option("--samples <n>", "draws of the noise (default: 5)", parseCount("--samples"))
    .addOption(new Option("--with <what>", "what ablated states become").choices(["zero", "mean"]))
    .option("--max-tokens <n>", "tokens to generate (default: 20)", parseCount("--max-tokens"))
    .option(
      "--stop <text>",
      "end a text where this comes, as in \\n or ,; may be repeated",
      (value: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        parseText(value, "--stop"),
      ],
    )
    .option(
      "--contrastive <amount>",
      "choose words against what the prompt alone would say, such as 1",
      (value: string) => parseAmount(value, "--contrastive"),
    )
    .option("--round-trip", "read each text back in: how near does it come to the state?")
    .option("--top-k <n>", "candidates for the next token (default: 10)", parseCount("--top-k"))
    .option(
      "--contrast <sentence>",
      "other sources of the same kind, as in {Italy,Peru}; with --vectors other items of the file, as in 3,5; may be repeated",
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option(
      "--controls <list>",
      `out of ${CONTROL_KINDS.join(", ")} (default: unpatched,unrelated)`,
      parseControls,
    )
    .option("--no-controls", "skip the controls, and evidence with them")
    .addOption(
      new Option(
        "--evidence <how>",
        `full: against unrelated states, too; unpatched: against the prompt alone; none (default: full, beyond ${FULL_EVIDENCE_CELLS} cells unpatched)`,
      ).choices(EVIDENCE_KINDS),
    )
    .option("-f, --format <form>", `${FORMAT_HELP} table)`, parseFormat)
    .option("-o, --out <file>", "write the result to this file")
    .option("--explain", "print what would be done, and do not run it")
    .addOption(precisionOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(memoryOption())
    .addHelpText("after", EXAMPLES)
    .action(async (text, options) => {
      const reader = options.explainer === options.model ? undefined : options.explainer;
      const soft = await softPromptOf(options.softPrompt);
      if (reader !== undefined)
        return inspectAcross(text, { ...options, soft, explainer: reader }, context);
      if (options.preset === "cross-model-entity") throw explainerMissing(options.model);
      const { mappedLayers } = await import("./map-layers.ts");
      const own = { ...options, ...(await mappedLayers(presetOf(options), options)), soft };
      const spec = inspectionSpec(text, own);
      if (options.explain === true) return explainAndShow(spec, options.out, context);
      const request = requestOf(text, { ...own, explainer: undefined });
      let isCut = false;
      return runAndShow(
        spec,
        {
          ...options,
          format: chosenFormat(options, "table"),
          after: () => nextSteps({ ...request, isEvidenceCut: isCut }, context.terminal.width),
          prepare: async (models) => {
            const ready = isEvidenceChosen(options) ? spec : await affordable(spec, models);
            isCut = ready !== spec;
            return { spec: ready };
          },
        },
        context,
      );
    });
}

type ShownOptions = InspectOptions &
  Omit<ShowOptions, "format"> & {
    readonly format?: Format | undefined;
    readonly explain?: boolean | undefined;
  };

/** What presets are with another reader and a map beside them. */
const THROUGH_MAP: Readonly<Partial<Record<PresetName, PresetName>>> = {
  "tuned-lens": "logit-lens",
  "cross-model-entity": "entity",
};

/** The same with another model as the reader. */
async function inspectAcross(
  text: string | undefined,
  options: ShownOptions & { readonly explainer: string },
  context: CommandContext,
): Promise<void> {
  // Loaded where there is another reader: fitting a map on the spot is much of the program.
  const { completed, mapLine, readBy, withMap } = await import("./explainer.ts");
  const { map: _, preset, ...others } = options;
  if (preset === "lre" || preset === "linear-shortcut") throw presetOfOneModel(preset);
  const mapped = preset && (THROUGH_MAP[preset] ?? preset);
  const own = { ...others, ...(mapped && { preset: mapped }) };
  const draft = readBy(inspectionSpec(text, own), options.explainer);
  if (options.explain === true) {
    return explainAndShow(draft, options.out, context, async (source, target = source) => {
      const spec = await completed(draft, options, { source, target });
      const vectors = await loadVectorFiles(spec, loadVectorsFile);
      return `${explain(planSpec(spec, source, { target, vectors }))}\n${await mapLine(spec)}`;
    });
  }
  const request = requestOf(text, { ...own, map: options.map });
  return runAndShow(
    draft,
    {
      ...options,
      format: chosenFormat(options, "table"),
      after: () => nextSteps(request, context.terminal.width),
      prepare: async ({ loaded, target = loaded }, progress) => {
        const ready = await withMap(draft, options, { loaded, target, context, progress });
        if (isEvidenceChosen(options)) return ready;
        return { ...ready, spec: await affordable(ready.spec, { loaded, target }) };
      },
    },
    context,
  );
}

function parseAspect(value: string): Aspect {
  return parseWord("--aspect", value, ASPECTS);
}

function parseLanguage(value: string): Language {
  return parseWord("--language", value, LANGUAGES);
}

function parseWord<Word extends string>(
  option: string,
  value: string,
  words: readonly Word[],
): Word {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  throw optionWrong({ option, expected: words.join(" or "), got: value });
}
