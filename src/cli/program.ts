/** The command line as a whole: which commands there are, and how a call ends. */
import { readFileSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { askCommand } from "./ask.ts";
import { benchCommand } from "./bench.ts";
import { captureCommand } from "./capture.ts";
import type { CommandContext } from "./context.ts";
import { explainCommand } from "./explain.ts";
import { fitCommand } from "./fit.ts";
import { inspectCommand } from "./inspect.ts";
import { modelsCommand } from "./models.ts";
import { reportError } from "./report-error.ts";
import { reproduceCommand } from "./reproduce.ts";
import { runCommand } from "./run.ts";
import { schemaCommand } from "./schema.ts";

const EXAMPLES = `
Examples:
  patchscopes inspect "Barack Obama"
  patchscopes inspect "I spent the summer in Japan" \\
    --ask "The official currency of x"
  patchscopes run spec.yaml --out result.json
  patchscopes models

Exit status: 0 done, 1 failed, 2 the request was wrong, 130 stopped by Ctrl-C.`;

/** Runs one command line and gives the exit status. Never throws. */
export async function runCommandLine(
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  try {
    const program = programFor(context);
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return reportError(error, context.terminal, { debug: args.includes("--debug") });
  }
}

function programFor(context: CommandContext): CommandUnknownOpts {
  const program: CommandUnknownOpts = new Command("patchscopes")
    .description(
      "Turns a language model's hidden states into words, with evidence for what they say.",
    )
    .version(version(), "-V, --version", "print the version")
    .option("--debug", "print a stack trace with an error")
    .addHelpText("after", EXAMPLES);
  const commands = [
    inspectCommand(context),
    askCommand(context),
    runCommand(context),
    explainCommand(context),
    schemaCommand(context),
    captureCommand(context),
    fitCommand(context),
    modelsCommand(context),
    reproduceCommand(context),
    benchCommand(context),
  ];
  const nested = commands.flatMap((command) => command.commands);
  for (const command of [program, ...commands, ...nested]) {
    // Commander throws instead of exiting, and errors are printed in one place, in one form.
    command.exitOverride().configureOutput({
      writeOut: context.terminal.print,
      writeErr: () => undefined,
    });
  }
  for (const command of commands) program.addCommand(command);
  return program;
}

function version(): string {
  const manifest = new URL("../../package.json", import.meta.url);
  const { version: number } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return number;
}
