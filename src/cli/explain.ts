/** `patchscopes explain SPEC`: what running it would do, in passes and rows. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CommandContext } from "./context.ts";
import { explainAndShow } from "./run-and-show.ts";
import { readSpecFile } from "./spec-file.ts";

/** The command. */
export function explainCommand(context: CommandContext): CommandUnknownOpts {
  return new Command("explain")
    .summary("say what running a spec file would do")
    .description("Prints the passes, rows and shared work of a spec file, without running it.")
    .argument("<spec>", "a JSON or YAML file, or - for standard input")
    .option("-o, --out <file>", "write the text to this file")
    .addHelpText("after", "\nExample:\n  patchscopes explain capital.yaml")
    .action(async (path, options) =>
      explainAndShow(await readSpecFile(path), options.out, context),
    );
}
