/** `patchscopes capture`: the activations of a prompt as a safetensors file. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { specInvalid } from "../errors.ts";
import type { SpecIssue } from "../errors.ts";
import type { Model } from "../models/model.ts";
import { writeSafetensors } from "../models/weights/safetensors-writer.ts";
import type { LoadedModel } from "../node.ts";
import { encodePrompt } from "../plan/encode-prompt.ts";
import { resolveLayers } from "../plan/resolve.ts";
import { captureStates } from "../run/capture.ts";
import type { CaptureRequest } from "../run/capture.ts";
import { SITES } from "../site.ts";
import type { Site } from "../site.ts";
import type { LayerName, LayerRef, Prompt } from "../spec/spec.ts";
import type { CommandContext } from "./context.ts";
import { optionsConflict, optionWrong } from "./errors.ts";
import {
  DEFAULT_MODEL,
  DEVICE_HELP,
  MODEL_HELP,
  parseDevice,
  parsePrecision,
  PRECISION_HELP,
  THREADS_HELP,
  withLoadedModel,
} from "./model-options.ts";
import type { ModelOptions } from "./model-options.ts";
import { openOutput } from "./output.ts";
import { progressOn } from "./progress.ts";
import { parseCount, parseLayers, parseTokens } from "./references.ts";

const EXAMPLES = `
The file holds the tensors resid_post (or the site's name) [layers, positions, hidden],
logits [positions, vocab] and tokens [positions].

Example:
  patchscopes capture --prompt "The capital of France is" --layers 0..10 --out france.safetensors`;

/** The command. */
export function captureCommand(context: CommandContext): CommandUnknownOpts {
  return new Command("capture")
    .summary("save the activations of a prompt")
    .description("Runs a prompt once and saves its hidden states and logits as safetensors.")
    .option("-m, --model <model>", MODEL_HELP, DEFAULT_MODEL)
    .option("--prompt <text>", "the prompt")
    .option("--tokens <ids>", "token ids in its place, such as 504,3575", parseTokens)
    .option("--site <site>", `${SITES.join(", ")} (default: resid_post)`, parseSite)
    .option(
      "--layers <layers>",
      "all, embedding, 3, 0..10 or 0,5,10 (default: all)",
      (text: string) => parseLayers(text),
    )
    .requiredOption("-o, --out <file>", "the safetensors file to write")
    .option("--precision <kind>", PRECISION_HELP, parsePrecision, "float32")
    .option("--device <name>", DEVICE_HELP, parseDevice, "cpu")
    .option("--threads <n>", THREADS_HELP, parseCount("--threads"))
    .addHelpText("after", EXAMPLES)
    .action((options) => capture(options, context));
}

function parseSite(value: string): Site {
  const site = SITES.find((each) => each === value);
  if (site !== undefined) return site;
  throw optionWrong({ option: "--site", expected: SITES.join(" or "), got: value });
}

interface CaptureOptions extends ModelOptions {
  readonly model: string;
  readonly prompt?: string | undefined;
  readonly tokens?: readonly number[] | undefined;
  readonly site?: Site | undefined;
  readonly layers?: LayerRef | undefined;
  readonly out: string;
}

async function capture(options: CaptureOptions, context: CommandContext): Promise<void> {
  const prompt = promptOf(options);
  const output = await openOutput(options.out, context.terminal);
  const progress = progressOn(context.terminal);
  try {
    const parts = { name: options.model, options, context, progress };
    const file = await withLoadedModel(parts, async (loaded) => {
      progress.clear();
      const request = requestFor(loaded.model, prompt, options);
      return captured(loaded, request, context.signal);
    });
    await output.write(file);
  } finally {
    progress.clear();
  }
}

function promptOf({ prompt, tokens }: CaptureOptions): Prompt {
  if (prompt !== undefined && tokens === undefined) return { prompt };
  if (prompt === undefined && tokens !== undefined) return { tokens };
  throw optionsConflict(
    prompt === undefined ? "There is no prompt." : "There are both --prompt and --tokens.",
    "Give one of --prompt TEXT and --tokens 1,2,3.",
  );
}

/** Tokens and layers of this model. Throws `spec-invalid` with all that is wrong. */
function requestFor(model: Model, prompt: Prompt, options: CaptureOptions): CaptureRequest {
  const issues: SpecIssue[] = [];
  const { tokens } = encodePrompt(prompt, model, { path: ["prompt"], issues });
  const layers = resolveLayers(options.layers ?? "all", { model, path: ["layers"], issues });
  if (issues.length > 0) throw specInvalid(issues);
  return {
    tokens,
    site: options.site ?? "resid_post",
    layers: [...new Set(layers)].sort((a, b) => depth(a) - depth(b)),
  };
}

function depth(layer: LayerName): number {
  return layer === "embedding" ? -1 : layer;
}

async function captured(
  { engine, model }: LoadedModel,
  request: CaptureRequest,
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const { states, logits } = await captureStates(engine, request, signal);
  const { hiddenSize, vocabSize } = engine.architecture;
  const positions = request.tokens.length;
  const tensors = [
    { name: request.site, shape: [request.layers.length, positions, hiddenSize], data: states },
    { name: "logits", shape: [positions, vocabSize], data: logits },
    { name: "tokens", shape: [positions], data: Int32Array.from(request.tokens) },
  ];
  const { name, version, precision } = engine.info;
  // Safetensors metadata are texts; the layers are the first axis of the states.
  return writeSafetensors(tensors, {
    model: model.name,
    weights: await model.weightsHash(),
    site: request.site,
    layers: JSON.stringify(request.layers),
    precision,
    engine: `${name} ${version}`,
  });
}
