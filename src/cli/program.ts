/** The command line as a whole: which commands there are, and how a call ends. */
import { readFileSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CommandContext } from "./context.ts";
import { reportError } from "./report-error.ts";

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
    const program = programOf(await commandsFor(args, context), context);
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return reportError(error, context.terminal, { debug: args.includes("--debug") });
  }
}

/** Loads a command, with all that it needs. */
type CommandLoader = (context: CommandContext) => Promise<CommandUnknownOpts>;

/** By name, in the order of the help. A command is loaded when it is called: most of the program belongs to one of them. */
const COMMANDS: ReadonlyMap<string, CommandLoader> = new Map<string, CommandLoader>([
  ["inspect", async (context) => (await import("./inspect.ts")).inspectCommand(context)],
  ["ask", async (context) => (await import("./ask.ts")).askCommand(context)],
  ["run", async (context) => (await import("./run.ts")).runCommand(context)],
  ["sweep", async (context) => (await import("./sweep.ts")).sweepCommand(context)],
  ["explain", async (context) => (await import("./explain.ts")).explainCommand(context)],
  ["schema", async (context) => (await import("./schema.ts")).schemaCommand(context)],
  ["capture", async (context) => (await import("./capture.ts")).captureCommand(context)],
  ["fit", async (context) => (await import("./fit.ts")).fitCommand(context)],
  ["models", async (context) => (await import("./models.ts")).modelsCommand(context)],
  ["reproduce", async (context) => (await import("./reproduce.ts")).reproduceCommand(context)],
  ["bench", async (context) => (await import("./bench.ts")).benchCommand(context)],
]);

/** The command that is called; all of them where none is, for the help and for what to say of an unknown one. */
async function commandsFor(
  args: readonly string[],
  context: CommandContext,
): Promise<readonly CommandUnknownOpts[]> {
  const called = COMMANDS.get(args.find((arg) => !arg.startsWith("-")) ?? "");
  const loaders = called === undefined ? [...COMMANDS.values()] : [called];
  return Promise.all(loaders.map((load) => load(context)));
}

function programOf(
  commands: readonly CommandUnknownOpts[],
  context: CommandContext,
): CommandUnknownOpts {
  const program: CommandUnknownOpts = new Command("patchscopes")
    .description(
      "Turns a language model's hidden states into words, with evidence for what they say.",
    )
    .version(version(), "-V, --version", "print the version")
    .option("--debug", "print a stack trace with an error")
    .addHelpText("after", EXAMPLES);
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
