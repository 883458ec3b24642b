/** `patchscopes models verify`: what a precision costs, against float32 on fixed sentences. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { renderFidelity } from "../render/fidelity-table.ts";
import { verifyPrecision } from "../run/verify-precision.ts";
import type { CommandContext } from "./context.ts";
import { parseTableOrJson } from "./formats.ts";
import {
  DEFAULT_MODEL,
  findOptions,
  MODEL_HELP,
  precisionOption,
  threadsOption,
} from "./model-options.ts";
import type { ModelOptions } from "./model-options.ts";
import { progressOn } from "./progress.ts";

const NOTES = `
Some sentences, English and Korean, run in float32 and then in the other
precision. Compared are the most probable next tokens, their distributions, the
states after each block, and the texts that follow.

Example:
  patchscopes models verify smollm2-135m-instruct --precision quantized`;

/** The command. */
export function verifyCommand(context: CommandContext): CommandUnknownOpts {
  return (
    new Command("verify")
      .summary("compare a precision with float32")
      .description("Measures how far a precision is from float32.")
      .argument("[model]", MODEL_HELP, DEFAULT_MODEL)
      .addOption(precisionOption("quantized"))
      .addOption(threadsOption())
      .option("-f, --format <form>", "table or json", parseTableOrJson, "table")
      .addHelpText("after", NOTES)
      // "models" has a --format too, and takes the value wherever it stands.
      .action((model, _, command) => verify(model, command.optsWithGlobals(), context))
  );
}

interface VerifyOptions extends Pick<ModelOptions, "precision" | "threads"> {
  readonly format: "table" | "json";
}

async function verify(
  name: string,
  { precision, threads, format }: VerifyOptions,
  context: CommandContext,
): Promise<void> {
  const { createOnnxEngine, findAndOpenModel } = await import("../node.ts");
  const progress = progressOn(context.terminal);
  try {
    const model = await findAndOpenModel(name, findOptions(context, progress));
    try {
      const report = await verifyPrecision({
        model,
        precision,
        open: (kind) => {
          const label = `Loading the model in ${kind}`;
          progress.show({ label, done: 0, total: undefined, unit: "count" });
          return createOnnxEngine(model, {
            precision: kind,
            signal: context.signal,
            ...(threads === undefined ? {} : { threads }),
          });
        },
        signal: context.signal,
        onProgress: ({ precision: kind, done, total }) =>
          progress.show({ label: `Running in ${kind}`, done, total, unit: "count" }),
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
