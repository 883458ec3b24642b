/** What a precision or a device costs, as lines for a terminal of 80 columns. */
import type { Alphabet } from "./display-text.ts";
import { alphabetOf, fit, visible } from "./display-text.ts";
import type { FidelityReport, Share, Summary } from "../measure/fidelity.ts";

/** Layers side by side. */
const COLUMNS = 3;
const WIDTH = 80;

/** Rounding of float32 alone makes less than this. */
const SMALLEST = 1e-7;

/** A report with its figures in words. */
export function renderFidelity(
  report: FidelityReport,
  { model, unicode }: { readonly model: string; readonly unicode: boolean },
): string {
  const alphabet = alphabetOf(unicode);
  const { precision, device, prompts, positions, top1, kl, generations } = report;
  const isElsewhere = device !== "cpu";
  const names = isElsewhere
    ? { title: `${precision} on ${device} against float32 on the CPU`, kl: `cpu || ${device}` }
    : { title: `${precision} against float32`, kl: `float32 || ${precision}` };
  const whole = generations.common.filter((count) => count === generations.tokens).length;
  const shortest = Math.min(...generations.common);
  return [
    `${model}  ${names.title}: ${prompts} sentences, ${positions} tokens`,
    "",
    `same most probable token   ${shareText(top1)}`,
    `KL(${names.kl})`.padEnd(27) + `mean ${small(kl.mean)}, worst ${small(kl.worst)} nats`,
    // Below this the place says nothing.
    ...(kl.worst < SMALLEST ? [] : [worstLine(report, alphabet)]),
    "probability of a token".padEnd(27) + `differs by ${small(report.probability)} at most`,
    `same ${generations.tokens} greedy tokens`.padEnd(27) +
      `${whole} of ${prompts} texts; first difference ${whole === prompts ? "nowhere" : `behind ${shortest} tokens`}`,
    "",
    "1 - cosine of the states behind each block: mean, worst",
    ...layerLines(report.cosine),
  ].join("\n");
}

function shareText({ count, of, low, high }: Share): string {
  const percent = (share: number): string => (100 * share).toFixed(1);
  return `${count} of ${of} = ${percent(count / of)}% (95%: ${percent(low)} to ${percent(high)}%)`;
}

/** Two digits. */
function small(value: number): string {
  if (Math.abs(value) < SMALLEST) return "<1e-7";
  return value >= 0.01 ? value.toPrecision(2) : value.toExponential(1).replace("e-0", "e-");
}

function worstLine({ kl }: FidelityReport, alphabet: Alphabet): string {
  const start = `  worst at token ${kl.position} of `;
  return start + fit(`"${visible(kl.prompt, alphabet)}"`, WIDTH - start.length, alphabet);
}

function layerLines(cosines: readonly Summary[]): string[] {
  const rows = Math.ceil(cosines.length / COLUMNS);
  const cell = (layer: number): string => {
    const at = cosines[layer];
    if (at === undefined) return "";
    const figures = `${small(1 - at.mean).padEnd(8)} ${small(1 - at.worst)}`;
    return `${String(layer).padStart(4)}  ${figures}`.padEnd(26);
  };
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: COLUMNS }, (__, column) => cell(row + column * rows))
      .join("")
      .trimEnd(),
  );
}
