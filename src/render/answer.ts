/** The answer of `ask` as a person reads it: one line that says it, then what it rests on. */
import type { AnswerReadOut, AnswerRecord, AskResult } from "../result/answer.ts";
import { fit, pad, readable, widest, wrap } from "./display-text.ts";
import { styleOf, type Style, type TableOptions } from "./style.ts";

/** Answers and read-outs that are shown; all are in the JSON. */
const SHOWN_ANSWERS = 4;
const SHOWN_READ_OUTS = 6;
/** Columns of a candidate's name. */
const MAX_ANSWER_WIDTH = 32;

/** One answer with its evidence, the runners-up, the read-outs behind it. */
export function answerText(result: AskResult, options: TableOptions): string {
  const style = styleOf(options);
  return [
    headLine(result, style),
    "",
    ...answerLines(result, style),
    "",
    ...candidateLines(result, style),
    "",
    ...readOutLines(result, style),
    "",
    ...wrap(CAVEAT, style.width),
  ].join("\n");
}

const CAVEAT =
  "score: how many read-outs say it, and how much less other sources of the same kind do. evidence (nats): how much likelier a read-out is with this vector than without it or with those of unrelated sentences; from 3.0 on it depends on the vector. An answer is what can be decoded from the state: not that it is true, or used by the model.";

function headLine({ models, source, question, contrast }: AskResult, { alphabet }: Style): string {
  const [position] = source.positions;
  const piece = position === undefined ? "" : readable(source.pieces[position] ?? "", alphabet);
  const asked = question.asks ?? question.name ?? "your question";
  const [model] = models;
  return `${model?.name ?? ""}   the state of [${piece}]   ${asked}, against ${contrast.length} other sources`;
}

function answerLines({ answer, threshold, ranked }: AskResult, { paint }: Style): string[] {
  if (answer !== undefined) return [`${paint.bold(answer.answer)}   ${reasonOf(answer)}`];
  const [best] = ranked;
  const why =
    best !== undefined && best.score >= threshold
      ? `Most read-outs say "${best.answer}", and the prompts say it without the vector, too.`
      : `Nothing stands out: the best score is ${(best?.score ?? 0).toFixed(2)}, and answers begin at ${threshold.toFixed(2)}.`;
  return [paint.bold("no answer"), why];
}

function reasonOf(answer: AnswerRecord): string {
  const { score, saidBy, evidence } = answer;
  const nats = evidence === undefined ? "" : `, evidence ${evidence.toFixed(1)} nats`;
  return `score ${score.toFixed(2)}, said by ${saidBy.length} read-outs${nats}`;
}

function candidateLines({ ranked, readOuts }: AskResult, { alphabet }: Style): string[] {
  const shown = ranked.slice(0, SHOWN_ANSWERS);
  const width = Math.min(MAX_ANSWER_WIDTH, Math.max(6, widest(shown.map(({ answer }) => answer))));
  return [
    `${pad("answer", width)}  score  read-outs  other sources  evidence`,
    ...shown.map(({ answer, score, saidBy, contrastShare, evidence }) =>
      [
        pad(fit(answer, width, alphabet), width),
        pad(score.toFixed(2), 5, "left"),
        pad(`${saidBy.length} of ${readOuts.length}`, 9, "left"),
        pad(`${(100 * contrastShare).toFixed(0)}%`, 13, "left"),
        pad(evidence === undefined ? "" : evidence.toFixed(1), 8, "left"),
      ].join("  "),
    ),
  ];
}

/** Those that have the answer first, then what else was said. */
function readOutLines(result: AskResult, style: Style): string[] {
  const { readOuts, question } = result;
  const [best] = result.ranked;
  const order = [...readOuts.keys()].toSorted(
    (a, b) => Number(best?.saidBy.includes(b) ?? false) - Number(best?.saidBy.includes(a) ?? false),
  );
  const shown = order.slice(0, SHOWN_READ_OUTS).flatMap((index) => readOuts[index] ?? []);
  const hidden = readOuts.length - shown.length;
  return [
    "layer  evidence  wording and what was said",
    ...shown.map((readOut) => readOutLine(readOut, question, style)),
    ...(hidden > 0 ? [`… and ${hidden} more: --format json has all.`] : []),
  ];
}

function readOutLine(
  { source, target, evidence, wording, text }: AnswerReadOut,
  { wordings }: AskResult["question"],
  { alphabet, width }: Style,
): string {
  const layers = pad(`${source.layer}>${target.layer}`, 5, "left");
  const nats = pad(evidence === undefined ? "" : evidence.toFixed(1), 8, "left");
  const said = `${wordings[wording]?.text ?? ""} |${readable(text, alphabet)}`;
  return `${layers}  ${nats}  ${fit(said, width - 17, alphabet)}`;
}
