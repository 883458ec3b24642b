/** `patchscopes run SPEC`: any spec file, with a result that other programs read. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CommandContext } from "./context.ts";
import { chosenFormat, FORMAT_HELP, parseFormat } from "./formats.ts";
import { deviceOption, memoryOption, precisionOption, threadsOption } from "./model-options.ts";
import { explainAndShow, runAndShow } from "./run-and-show.ts";
import { readSpecFile } from "./spec-file.ts";

const EXAMPLES = `
Examples:
  patchscopes run capital.yaml --out capital.json
  patchscopes run capital.yaml --format csv | head
  cat capital.json | patchscopes run - --explain`;

/** The command. */
export function runCommand(context: CommandContext): CommandUnknownOpts {
  return new Command("run")
    .summary("run a spec file")
    .description("Runs a spec file and writes its result: to standard output, or to --out.")
    .argument("<spec>", "a JSON or YAML file, or - for standard input")
    .option("-o, --out <file>", "write the result to this file")
    .option("-f, --format <form>", `${FORMAT_HELP} json)`, parseFormat)
    .option("--explain", "print what would be done, and do not run it")
    .addOption(precisionOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(memoryOption())
    .addHelpText("after", EXAMPLES)
    .action(async (path, options) => {
      const spec = await readSpecFile(path);
      if (options.explain === true) return explainAndShow(spec, options.out, context);
      return runAndShow(spec, { ...options, format: chosenFormat(options, "json") }, context);
    });
}
