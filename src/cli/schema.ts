/** `patchscopes schema`: the JSON Schema of spec files, for editors and for programs that write them. */
import { Command } from "@commander-js/extra-typings";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { specJsonSchema } from "../spec/schema.ts";
import type { CommandContext } from "./context.ts";
import { openOutput } from "./output.ts";

/** The command. */
export function schemaCommand({ terminal }: CommandContext): CommandUnknownOpts {
  return new Command("schema")
    .summary("print the JSON Schema of spec files")
    .description(
      "Prints the JSON Schema (draft 7) of spec files: with it editors complete and check them.",
    )
    .option("-o, --out <file>", "write it to this file")
    .addHelpText(
      "after",
      "\nExample:\n  patchscopes schema --out spec.schema.json\n\nThe first line of a YAML file then says\n  # yaml-language-server: $schema=spec.schema.json",
    )
    .action(async ({ out }) => {
      const output = await openOutput(out, terminal);
      await output.writeText(JSON.stringify(specJsonSchema(), null, 2));
    });
}
