/** `patchscopes fit`: learns a mapping from texts, says how good it is, and keeps it as a file. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { FittedMapping } from "../mapping/fitted-mapping.ts";
import { writeMapping } from "../mapping/mapping-file.ts";
import { fitTable } from "../render/fit-table.ts";
import { DEFAULT_RIDGE } from "../run/solve-sums.ts";
import type { CommandContext } from "./context.ts";
import { optionsConflict } from "./errors.ts";
import {
  acrossOptions,
  checkKindOptions,
  FIT_KINDS,
  parseBeta,
  parseKind,
  parseLayer,
  parseRidge,
  parseSite,
} from "./fit-options.ts";
import { fittedAcross, pairsAcross, sampleText } from "./fit-across.ts";
import { removePart } from "./fit-part.ts";
import { fittedWithin, type FitOptions } from "./fit-within.ts";
import { checkRelationOptions, fittedRelation } from "./fit-lre.ts";
import { checkVectorOptions, fittedVectors } from "./fit-vectors.ts";
import {
  DEFAULT_MODEL,
  deviceOption,
  MODEL_HELP,
  precisionOption,
  threadsOption,
  withLoadedModel,
} from "./model-options.ts";
import { openOutput } from "./output.ts";
import { progressOn } from "./progress.ts";
import { parseCount, parseLayers, parseWhole } from "./references.ts";
import { loadVectorsFile } from "./run-and-show.ts";
import { readTexts } from "./text-file.ts";

const EXAMPLES = `
A map takes the states of one layer to those of another, and is fitted by least squares on texts. What
counts is what the model says behind mapped states it has not seen; a table says so for every layer,
beside the states as they are.

Examples:
  patchscopes fit --sample 200 --out map.safetensors
  patchscopes fit --texts corpus.txt --layers 0..10 --kind procrustes --out turned.safetensors
  patchscopes fit --sample 200 --to-model gemma-3-270m --layers 4,8,12 --to-layers 3 \\
    --out across.safetensors
  patchscopes inspect "The capital of France is" --preset tuned-lens --map map.safetensors
  patchscopes fit --vectors images.safetensors --texts captions.txt --out map.safetensors
  patchscopes fit --kind lre --texts capitals.txt --layers 12 --out capital.safetensors
    with lines such as: The capital city of {France} is`;

const DEFAULT_MAX_TOKENS = 20_000;
/** The command. */
export function fitCommand(context: CommandContext): CommandUnknownOpts {
  return new Command("fit")
    .summary("learn a mapping between layers")
    .description("Learns maps from the states of some layers to those of another one.")
    .option("-m, --model <model>", MODEL_HELP, DEFAULT_MODEL)
    .option("--texts <file>", "texts, separated by blank lines, or one a line where there are none")
    .option("--vectors <file>", "map these vectors to the states of --texts, one text for each")
    .option("--tensor <name>", "of --vectors: the tensor, where the file has several")
    .option("--sample <n>", "texts that the model writes itself", parseCount("--sample"))
    .option(
      "--layers <layers>",
      "embedding, 3, 0..10, 0..28:4 or 0,5,10 (default: all below the target)",
      (text: string) => parseLayers(text),
    )
    .option("--to <layer>", "the layer that is mapped to (default: -1)", parseLayer)
    .option("--to-model <model>", "map to the states of this model")
    .option(
      "--to-layers <layers>",
      "with --to-model: its layers, from each of --layers to each (default: the same depth); with --vectors: the model's (default: a sixth of its depth)",
      (text: string) => parseLayers(text, "--to-layers"),
    )
    .option("--kind <kind>", FIT_KINDS.join(", "), parseKind, "affine")
    .option("--rank <n>", "of low-rank maps (default: 64)", parseCount("--rank"))
    .option(
      "--hidden <n>",
      "numbers of an MLP's hidden layer (default: 256)",
      parseCount("--hidden"),
    )
    .option("--beta <number>", "what lre multiplies derivatives by (default: 1)", parseBeta)
    .option(
      "--examples <n>",
      "texts that lre learns from; others measure it (default: 8)",
      parseCount("--examples"),
    )
    .option(
      "--ridge <number>",
      `pulls maps towards zero; auto chooses (default: ${DEFAULT_RIDGE}, with --vectors auto)`,
      parseRidge,
    )
    .option(
      "--site <site>",
      "where in a block states are read and mapped to",
      parseSite,
      "resid_post",
    )
    .option("--ahead <n>", "map to the state this many tokens later", parseWhole("--ahead"), 0)
    .option(
      "--max-tokens <n>",
      "tokens of the texts that are used",
      parseCount("--max-tokens"),
      DEFAULT_MAX_TOKENS,
    )
    .option("--seed <n>", "for writing texts and holding some out", parseWhole("--seed"), 0)
    .requiredOption("-o, --out <file>", "the safetensors file to write")
    .addOption(precisionOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addHelpText("after", EXAMPLES)
    .action((options) => {
      const { ridge = options.vectors === undefined ? DEFAULT_RIDGE : "auto" } = options;
      return fit({ ...options, ridge }, context);
    });
}

async function fit(options: FitOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  checkKindOptions(options);
  if (options.vectors !== undefined) checkVectorOptions(options);
  else if (options.kind === "lre") checkRelationOptions(options);
  const texts = await textsOf(options);
  const vectors =
    options.vectors === undefined
      ? undefined
      : await loadVectorsFile(options.vectors, options.tensor);
  checkSides(options);
  if (options.toModel !== undefined) acrossOptions(options);
  const output = await openOutput(options.out, terminal);
  const progress = progressOn(terminal);
  try {
    const common = { options, context, progress };
    const mapping = await withLoadedModel({ name: options.model, ...common }, async (loaded) =>
      vectors !== undefined
        ? fittedVectors({ loaded, vectors, texts: texts ?? [], output: output.path, ...common })
        : options.kind === "lre"
          ? fittedRelation({ loaded, texts: texts ?? [], output: output.path, ...common })
          : options.toModel === undefined
            ? fittedWithin({ loaded, texts, output: output.path, ...common }, options.kind)
            : withLoadedModel({ name: options.toModel, ...common }, async (target) =>
                fittedAcross(
                  { loaded, target, output: output.path, context, progress },
                  {
                    ...acrossOptions(options),
                    texts,
                    sample: options.sample ?? 0,
                    data: options.texts ?? sampleText(options.sample ?? 0),
                    pairs: pairsAcross(options, loaded.model, target.model),
                  },
                ),
              ),
    );
    progress.clear();
    await output.write(writeMapping(mapping));
    if (output.path !== undefined) await removePart(output.path);
    const table = tableOf(mapping);
    // The file itself is on standard output then.
    if (output.path === undefined) terminal.note(`${table}\n`);
    else terminal.print(`${table}\n\n${nextStep(options, mapping)}\n`);
  } finally {
    progress.clear();
  }
}

/** The user's texts; none where the model is to write them. */
async function textsOf({ texts, sample }: FitOptions): Promise<readonly string[] | undefined> {
  if (texts !== undefined && sample === undefined) return readTexts(texts);
  if (texts === undefined && sample !== undefined) return undefined;
  throw optionsConflict(
    texts === undefined ? "There are no texts to fit on." : "There are both --texts and --sample.",
    "Give one of --texts FILE and --sample 200, with which the model writes them itself.",
  );
}

/** What is for one model, and what for two. */
function checkSides({ to, toModel, toLayers, vectors }: FitOptions): void {
  if (to !== undefined && toModel !== undefined) {
    throw optionsConflict(
      "There are both --to and --to-model.",
      "With --to-model the target's layers are --to-layers, as in --to-layers 3,6.",
    );
  }
  if (toLayers !== undefined && toModel === undefined && vectors === undefined) {
    throw optionsConflict(
      "There is --to-layers and no --to-model.",
      "Say which model's layers they are; within one model --to names the layer.",
    );
  }
}

function tableOf({ model, target, anySource, kind, pairs, fit }: FittedMapping): string {
  return fitTable(pairs, {
    model: model.name,
    targetModel: target?.name,
    isOfVectors: anySource,
    kind: fit?.method ?? kind,
    target: Number(pairs[0]?.target),
    states: fit?.states ?? 0,
    heldOutStates: fit?.heldOutStates ?? 0,
    data: fit?.data ?? "",
  });
}

/** What to read with the maps; those of another site are for specs. */
function nextStep(
  options: FitOptions,
  { pairs, site, model: of, anySource }: FittedMapping,
): string {
  const { model, toModel, out, kind } = options;
  const named = model === DEFAULT_MODEL ? "" : ` --model ${model}`;
  if (kind === "lre") {
    const layers = pairs.map(({ source }) => source).join(",");
    return `Next\n  npx patchscopes inspect "I spent the summer in Peru"${named} --preset lre --map ${out} --layers ${layers}`;
  }
  if (anySource === true) {
    return `Next\n  npx patchscopes inspect --vectors new.safetensors --item 0${named} --preset caption --map ${out}`;
  }
  if (toModel !== undefined) {
    return `Next\n  npx patchscopes inspect "Barack Obama"${named} --explainer ${toModel} --map ${out}`;
  }
  if (site !== "resid_post") {
    return `Next\n  a spec with site: ${site} on both sides and mapping: { file: ${out} }`;
  }
  const isLens = pairs.every(({ target }) => target === of.layers - 1);
  const preset = isLens ? "tuned-lens" : "linear-shortcut";
  return `Next\n  npx patchscopes inspect "The capital of France is"${named} --preset ${preset} --map ${out}`;
}
