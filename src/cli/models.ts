/** `patchscopes models`: what can be named, what of it is on this machine, and the families that can be run. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CommandContext } from "./context.ts";
import { parseTableOrJson } from "./formats.ts";
import { verifyCommand } from "./verify.ts";

const EXAMPLES = `
Examples:
  patchscopes models
  patchscopes models --families
  patchscopes models --format json`;

/** The command. */
export function modelsCommand(context: CommandContext): CommandUnknownOpts {
  const { terminal, signal } = context;
  return new Command("models")
    .summary("list the models that have a name, or the families that can be run")
    .description(
      "Lists the models that have a name: size, licence, what each is good for, and whether it is on this machine.",
    )
    .option("--families", "list the families of models that can be run")
    .option("-f, --format <form>", "table or json", parseTableOrJson, "table")
    .addHelpText("after", EXAMPLES)
    .addCommand(verifyCommand(context))
    .action(async ({ families, format }) => {
      const lists = await import("./model-list.ts");
      const { keptWeights } = await import("../models/converted/converted-weights.ts");
      const { listFamilies, listModels } = await import("../node.ts");
      const { width } = terminal;
      if (families === true) {
        const listed = listFamilies();
        const text =
          format === "json" ? lists.familiesJson(listed) : lists.familiesTable(listed, width);
        terminal.print(`${text}\n`);
        return;
      }
      const models = await listModels({ signal });
      const text =
        format === "json"
          ? lists.modelsJson(models)
          : lists.modelsTable(models, await keptWeights(process.env), width);
      terminal.print(`${text}\n`);
    });
}
