/** `patchscopes models verify`: what a precision costs, against float32 on fixed sentences. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { renderFidelity } from "../render/fidelity-table.ts";
import { verifyPrecision } from "../run/verify-precision.ts";
import type { Engine, Precision } from "../engine/engine.ts";
import type { CommandContext } from "./context.ts";
import { parseTableOrJson } from "./formats.ts";
import {
  checkPrecision,
  DEFAULT_MODEL,
  deviceOption,
  deviceOptions,
  findOptions,
  MODEL_HELP,
  precisionOption,
  threadsOption,
} from "./model-options.ts";
import type { ModelOptions } from "./model-options.ts";
import { progressOn } from "./progress.ts";

const NOTES = `
Some sentences, English and Korean, run in float32 on the CPU and then in the
other precision, or on the other device. Compared are the most probable next
tokens, their distributions, the states after each block, and the texts that
follow.

Examples:
  patchscopes models verify smollm2-135m-instruct --precision quantized
  patchscopes models verify --precision float32 --device webgpu`;

/** The command. */
export function verifyCommand(context: CommandContext): CommandUnknownOpts {
  return (
    new Command("verify")
      .summary("compare a precision or a device with float32 on the CPU")
      .description("Measures how far a precision or a device is from float32 on the CPU.")
      .argument("[model]", MODEL_HELP, DEFAULT_MODEL)
      .addOption(precisionOption("quantized"))
      .addOption(deviceOption())
      .addOption(threadsOption())
      .option("-f, --format <form>", "table or json", parseTableOrJson, "table")
      .addHelpText("after", NOTES)
      // "models" has a --format too, and takes the value wherever it stands.
      .action((model, _, command) => verify(model, command.optsWithGlobals(), context))
  );
}

interface VerifyOptions extends Pick<ModelOptions, "precision" | "device" | "threads"> {
  readonly format: "table" | "json";
}

async function verify(
  name: string,
  options: VerifyOptions,
  context: CommandContext,
): Promise<void> {
  checkPrecision(options);
  const { precision, threads, format } = options;
  const { createOnnxEngine, findAndOpenModel } = await import("../node.ts");
  const progress = progressOn(context.terminal);
  try {
    const model = await findAndOpenModel(name, findOptions(context, progress));
    try {
      const open = (kind: Precision, place: ModelOptions["device"]): Promise<Engine> => {
        const label = `Loading the model in ${kind}${placeText(place)}`;
        progress.show({ label, done: 0, total: undefined, unit: "count" });
        return createOnnxEngine(model, {
          precision: kind,
          signal: context.signal,
          ...deviceOptions({ device: place }, context, progress),
          ...(threads === undefined ? {} : { threads }),
        });
      };
      const report = await verifyPrecision({
        model,
        precision,
        open: (kind) => open(kind, options.device),
        openBaseline: () => open("float32", "cpu"),
        signal: context.signal,
        onProgress: ({ precision: kind, device, done, total }) =>
          progress.show({
            label: `Running in ${kind}${placeText(device)}`,
            done,
            total,
            unit: "count",
          }),
      });
      progress.clear();
      const json = JSON.stringify({ model: name, ...report }, null, 2);
      context.terminal.print(
        `${format === "json" ? json : renderFidelity(report, { model: name, unicode: context.terminal.unicode })}\n`,
      );
    } finally {
      await model.close();
    }
  } finally {
    progress.clear();
  }
}

/** The CPU goes without saying. */
function placeText(device: string): string {
  return device === "cpu" ? "" : ` on ${device}`;
}
