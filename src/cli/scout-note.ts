/** How near int8 is to float32, said wherever it runs: what a scout finds may be another thing in float32. */
import { catalogue } from "../models/catalogue.ts";
import type { Precision } from "../engine/engine.ts";

/** A line for standard error; nothing for precisions that say what float32 says of the same weights. */
export function scoutNote(model: string, precision: Precision): string | undefined {
  if (precision !== "int8") return undefined;
  const entry = catalogue.find(({ name }) => name === model);
  const measured = entry?.fidelity?.find((each) => each.precision === precision);
  if (measured === undefined) {
    return `int8 is only near to float32; how near: patchscopes models verify ${model} --precision int8`;
  }
  const { top1, klMean } = measured;
  const share = Math.round((100 * top1.count) / top1.of);
  return `int8 is a scout: of ${model} it says the next token of float32 in ${share}% of ${top1.of} places (KL ${klMean.toPrecision(1)} nats on average)`;
}
