/** The post-processor of a tokenizer.json: which token it puts before every text. Nothing else is built. */
import { z } from "zod";

import { modelUnsupported } from "../errors.ts";
import { partsOf, type Part } from "./tokenizer-json-schema.ts";

const special = z.object({ SpecialToken: z.object({ id: z.string() }) });
const template = z.object({
  type: z.literal("TemplateProcessing"),
  single: z.array(z.record(z.string(), z.unknown())),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(z.number().int().nonnegative()) })),
});

/** The token. @throws `model-unsupported` where it adds anything else */
export function bosOf(postProcessor: Part | undefined, file: string): number | undefined {
  return partsOf(postProcessor, "processors")
    .map((one) => addedInFront(one, file))
    .find((bos) => bos !== undefined);
}

function addedInFront(postProcessor: Part, file: string): number | undefined {
  if (postProcessor.type === "ByteLevel") return undefined; // trims offsets only
  const parsed = template.safeParse(postProcessor);
  const [first, second, third] = parsed.success ? parsed.data.single : [];
  if (!parsed.success || first === undefined)
    throw modelUnsupported({ file, missing: `its post-processor is ${postProcessor.type}` });
  if ("Sequence" in first && second === undefined) return undefined;
  const name = special.safeParse(first).data?.SpecialToken.id ?? "";
  const [bos, more] = parsed.data.special_tokens[name]?.ids ?? [];
  const isBosOnly = second !== undefined && "Sequence" in second && third === undefined;
  if (bos === undefined || more !== undefined || !isBosOnly) {
    throw modelUnsupported({
      file,
      missing: "its tokenizer adds more than one token in front of a text",
    });
  }
  return bos;
}
