/** `patchscopes models`: what can be named, and what of it is on this machine. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { ListedModel } from "../models/find.ts";
import type { CommandContext } from "./context.ts";
import { optionWrong } from "./errors.ts";

const OTHERS =
  "Besides: OWNER/NAME on the Hugging Face Hub, a folder in its layout, or a .gguf file; families: the README's table.";

/** The command. */
export function modelsCommand({ terminal, signal }: CommandContext): CommandUnknownOpts {
  return new Command("models")
    .summary("list the models that have a name")
    .description(
      "Lists the models that can be named, their sizes and licences, and which are here.",
    )
    .option("-f, --format <form>", "table or json", parseListFormat, "table")
    .addHelpText("after", `\n${OTHERS}`)
    .action(async ({ format }) => {
      const { listModels } = await import("../node.ts");
      const models = await listModels({ signal });
      const text = format === "json" ? asJson(models) : asTable(models);
      terminal.print(`${text}\n`);
    });
}

function parseListFormat(value: string): "table" | "json" {
  if (value === "table" || value === "json") return value;
  throw optionWrong({ option: "--format", expected: "table or json", got: value });
}

function asJson(models: readonly ListedModel[]): string {
  const listed = models.map(({ entry, cached }) => ({
    name: entry.name,
    description: entry.description,
    licence: entry.licence,
    parameters: entry.parameters,
    bytes: entry.file.bytes,
    cached: cached !== undefined,
    path: cached?.path ?? null,
    hub: `${entry.hub.repo}/${entry.hub.file}`,
  }));
  return JSON.stringify(listed, null, 2);
}

function asTable(models: readonly ListedModel[]): string {
  const blocks = models.map(({ entry, cached }) => {
    const size = `${(entry.file.bytes / 1e6).toFixed(0)} MB`;
    const where = cached === undefined ? "not here yet: downloaded on first use" : cached.path;
    return `${entry.name}  ${size}  ${entry.licence}\n  ${entry.description}\n  ${where}`;
  });
  return [...blocks, OTHERS].join("\n\n");
}
