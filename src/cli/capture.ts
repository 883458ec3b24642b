/** `patchscopes capture`: the activations of a prompt as a safetensors file. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Architecture } from "../engine/architecture.ts";
import { specInvalid } from "../errors.ts";
import type { SpecIssue } from "../errors.ts";
import type { Model } from "../models/model.ts";
import { writeSafetensors } from "../models/weights/safetensors-writer.ts";
import type { LoadedModel } from "../node.ts";
import { encodePrompt } from "../plan/encode-prompt.ts";
import { resolveLayers } from "../plan/resolve.ts";
import { captureStates } from "../run/capture.ts";
import type { CaptureRequest } from "../run/capture.ts";
import { parseSiteName, siteNameHint } from "../site-names.ts";
import type { NamedSite } from "../site-names.ts";
import { isSite, READ_SITES, SITES } from "../site.ts";
import type { LayerName, LayerRef, Prompt } from "../spec/spec.ts";
import type { CommandContext } from "./context.ts";
import { optionsConflict, optionWrong } from "./errors.ts";
import {
  DEFAULT_MODEL,
  deviceOption,
  MODEL_HELP,
  precisionOption,
  threadsOption,
  withLoadedModel,
} from "./model-options.ts";
import type { ModelOptions } from "./model-options.ts";
import { openOutput } from "./output.ts";
import { progressOn } from "./progress.ts";
import { parseLayers, parseTokens } from "./references.ts";

const EXAMPLES = `
The file holds three tensors: the states, under the name of the site; logits
[positions, vocab]; and tokens [positions].

Sites:
  ${SITES.join(", ")}
              [layers, positions, hidden]
  q, k, v, z  [layers, positions, heads, head size]
  pattern     attention, [layers, heads, queries, keys]
Names such as blocks.5.attn.hook_z, layers_output[5] and hidden_states[6] are
known too.

Examples:
  patchscopes capture --prompt "The capital of France is" --out paris.safetensors
  patchscopes capture --prompt "The capital of France is" --layers 0..10 \\
    --site pattern --out attention.safetensors`;

/** The command. */
export function captureCommand(context: CommandContext): CommandUnknownOpts {
  return new Command("capture")
    .summary("save the activations of a prompt")
    .description("Runs a prompt once and saves its hidden states and logits as safetensors.")
    .option("-m, --model <model>", MODEL_HELP, DEFAULT_MODEL)
    .option("--prompt <text>", "the prompt")
    .option("--tokens <ids>", "token ids in its place, such as 504,3575", parseTokens)
    .option("--site <site>", "what to save, see below (default: resid_post)", parseSite)
    .option(
      "--layers <layers>",
      "all, embedding, 3, 0..10, 0..28:4 or 0,5,10 (default: all)",
      (text: string) => parseLayers(text),
    )
    .requiredOption("-o, --out <file>", "the safetensors file to write")
    .addOption(precisionOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addHelpText("after", EXAMPLES)
    .action((options) => capture(options, context));
}

/** A site as it was spelled, and what that means. */
interface SiteOption extends NamedSite {
  readonly spelled: string;
}

function parseSite(value: string): SiteOption {
  const named = parseSiteName(value);
  if (named !== undefined) return { ...named, spelled: value };
  const expected = `${READ_SITES.slice(0, -1).join(", ")} or ${READ_SITES.at(-1) ?? ""}`;
  throw optionWrong({ option: "--site", expected, got: value, hint: siteNameHint(value) });
}

interface CaptureOptions extends ModelOptions {
  readonly model: string;
  readonly prompt?: string | undefined;
  readonly tokens?: readonly number[] | undefined;
  readonly site?: SiteOption | undefined;
  readonly layers?: LayerRef | undefined;
  readonly out: string;
}

async function capture(options: CaptureOptions, context: CommandContext): Promise<void> {
  const prompt = promptOf(options);
  const output = await openOutput(options.out, context.terminal);
  const progress = progressOn(context.terminal);
  try {
    const heads = options.site !== undefined && !isSite(options.site.site);
    const parts = { name: options.model, options: { ...options, heads }, context, progress };
    const file = await withLoadedModel(parts, async (loaded) => {
      progress.clear();
      const request = requestFor(loaded.model, prompt, options);
      if (isNormedElsewhere(request, loaded.engine.architecture)) {
        context.terminal.note(LAST_STATE_NOTE);
      }
      return captured(loaded, request, context.signal);
    });
    await output.write(file);
  } finally {
    progress.clear();
  }
}

const LAST_STATE_NOTE =
  "This is the last block's output before the final norm; Hugging Face's last hidden_states is after it.\n";

/** Whether Hugging Face has something else under the name that the site was spelled with. */
function isNormedElsewhere(
  { site, layers }: CaptureRequest,
  architecture: Pick<Architecture, "layers">,
): boolean {
  return site.startsWith("hidden_states") && layers?.at(-1) === architecture.layers - 1;
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
  const wanted = options.layers ?? options.site?.layer ?? "all";
  const layers = resolveLayers(wanted, { model, path: ["layers"], issues });
  if (issues.length > 0) throw specInvalid(issues);
  return {
    tokens,
    site: options.site?.spelled ?? "resid_post",
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
  const { site, layers, states, shape, logits } = await captureStates(engine, request, signal);
  const { vocabSize } = engine.architecture;
  const positions = request.tokens.length;
  const tensors = [
    { name: site, shape, data: states },
    { name: "logits", shape: [positions, vocabSize], data: logits },
    { name: "tokens", shape: [positions], data: Int32Array.from(request.tokens) },
  ];
  const { name, version, precision } = engine.info;
  // Safetensors metadata are texts; the layers are the first axis of the states.
  return writeSafetensors(tensors, {
    model: model.name,
    weights: await model.weightsHash(),
    site,
    layers: JSON.stringify(layers),
    precision,
    engine: `${name} ${version}`,
  });
}
