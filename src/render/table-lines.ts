/** The lines of a table: as wide as the terminal, the read-out cut where it does not fit. */
import type { PatchscopeResult } from "../result/result.ts";
import type { ReadSpec } from "../spec/spec.ts";
import { controlReadOuts, saidBy } from "./control-read-outs.ts";
import type { Alphabet } from "./display-text.ts";
import { fit, pad, readable, visible, widest } from "./display-text.ts";
import { isStrong } from "./evidence-words.ts";
import { cosineLabel, evidenceBar, evidenceLabel, probabilityLabel } from "./figures.ts";
import { metricLabel, metricNames } from "./metric-figures.ts";
import { neighboursLine } from "./neighbours.ts";
import { dependsOnVector, probabilityPerToken, type Verdict } from "./reading.ts";
import type { Section, Shape, TableRow } from "./rows.ts";
import type { Style } from "./style.ts";

const GAP = "  ";
const BAR_WIDTH = 6;
/** Narrower tables have no bar, to leave room for the words. */
const MIN_WIDTH_WITH_BAR = { alone: 72, besideContrast: 104 };
/** Wider tables write the verdict out; others say `vector` or `prompt`, as the legend explains. */
const MIN_WIDTH_WITH_SENTENCES = 112;
const MIN_TEXT_WIDTH = 16;

const SHORT_VERDICTS: Readonly<Record<Verdict, string>> = {
  "depends on the vector": "vector",
  "the prompt alone does not say this": "not prompt",
  "the prompt says this anyway": "prompt",
  "is about this source": "this source",
  "fits others of its kind": "its kind",
};

const HEADERS: Readonly<Record<ReadSpec["kind"], string>> = {
  generate: "what the state says",
  "next-token": "most probable next tokens",
  propagation: "most probable next tokens",
  neighbours: "nearest tokens, by cosine",
};

interface Line {
  readonly label: string;
  readonly text: string;
  /** The words that `text` begins with, and which of them carry the evidence; none where nobody knows. */
  readonly words: readonly { readonly text: string; readonly isStrong: boolean }[];
  readonly probability: string;
  /** Number and bar, or words of a row without evidence. */
  readonly evidence: string;
  readonly contrast: string;
  readonly roundTrip: string;
  readonly verdict: string;
  /** One column for each metric. */
  readonly metrics: readonly string[];
  readonly kind: "vector" | "prompt" | "unjudged" | "control";
}

/** Draws header, rows and the row of the unpatched target. */
export function tableLines(
  sections: readonly Section[],
  result: PatchscopeResult,
  shape: Shape,
  style: Style,
): readonly string[] {
  const hasEvidence =
    style.isPartial || result.cells.some(({ evidence }) => evidence !== undefined);
  const evidenceWidth = widest(
    sections.flatMap(({ rows }) =>
      rows.flatMap(({ evidence }) =>
        evidence === undefined ? [] : [evidenceLabel(evidence, style.alphabet)],
      ),
    ),
  );
  const names = metricNames(result);
  const toLine = (row: TableRow): Line => ({
    ...lineOf(row, evidenceWidth, style),
    metrics: names.map((name) => metricLabel(name, row.metrics?.[name])),
  });
  const drawn = sections.map(({ heading, rows }) => ({ heading, lines: rows.map(toLine) }));
  const controls = controlLines(result, hasEvidence, style);
  const lines = [...drawn.flatMap((section) => section.lines), ...controls];
  const isGenerated = result.spec.read.kind === "generate";
  const header: Line = {
    label:
      shape.rowsAre === "target layers" ? "into" : shape.rowsAre === "writes" ? "writes" : "layer",
    text: HEADERS[result.spec.read.kind],
    probability: isGenerated ? "p/token" : "",
    evidence: hasEvidence ? "evidence" : "",
    contrast: (result.controls.contrast ?? []).length > 0 ? "contrast" : "",
    roundTrip: result.cells.some(({ roundTrip }) => roundTrip) ? "round trip" : "",
    verdict: "",
    metrics: metricNames(result),
    words: [],
    kind: "unjudged",
  };
  const columns = columnsFor([header, ...lines], style);
  const plain = (line: Line): string => joined(columns(line));
  const rule = style.alphabet.rule.repeat(widest([header, ...lines].map(plain)));
  return [
    style.paint.dim(plain(header)),
    ...drawn.flatMap((section) => [
      ...(section.heading === undefined
        ? []
        : [style.paint.bold(visible(section.heading, style.alphabet))]),
      ...section.lines.map((line) => painted(line, columns(line), style)),
    ]),
    ...(controls.length > 0 ? [rule, ...controls.map(plain)] : []).map((line) =>
      style.paint.dim(line),
    ),
  ];
}

function lineOf(row: TableRow, evidenceWidth: number, style: Style): Omit<Line, "metrics"> {
  const { alphabet } = style;
  const { verdict } = row;
  const least = row.contrast === undefined ? "alone" : "besideContrast";
  const bar = style.width < MIN_WIDTH_WITH_BAR[least] ? 0 : BAR_WIDTH;
  return {
    label: row.label.replaceAll("–", alphabet.range),
    text: textOf(row, alphabet),
    probability:
      row.text === undefined || row.probability === undefined
        ? ""
        : probabilityLabel(row.probability, alphabet),
    evidence:
      row.evidence === undefined
        ? style.isPartial
          ? alphabet.ellipsis
          : ""
        : `${pad(evidenceLabel(row.evidence, alphabet), evidenceWidth, "left")} ${pad(evidenceBar(row.evidence, bar, alphabet), bar)}`,
    contrast: row.contrast === undefined ? "" : evidenceLabel(row.contrast, alphabet),
    roundTrip: row.roundTrip === undefined ? "" : cosineLabel(row.roundTrip, alphabet),
    verdict:
      verdict === undefined
        ? ""
        : style.width < MIN_WIDTH_WITH_SENTENCES
          ? SHORT_VERDICTS[verdict]
          : verdict,
    words: shownWords(row, alphabet),
    kind: dependsOnVector(verdict)
      ? "vector"
      : verdict === "the prompt says this anyway"
        ? "prompt"
        : "unjudged",
  };
}

function textOf(row: TableRow, alphabet: Alphabet): string {
  const { neighbours } = row;
  return neighbours === undefined ? saidBy(row, alphabet) : neighboursLine(neighbours, alphabet);
}

/** The words of a row's shares as its line shows them. */
function shownWords({ text, shares }: TableRow, alphabet: Alphabet): Line["words"] {
  if (text === undefined || shares === undefined) return [];
  const words = shares.map((word, index) => ({
    // A read-out is shown without the space that it begins with.
    text: visible(index === 0 ? word.text.replace(/^ /u, "") : word.text, alphabet),
    isStrong: isStrong(word),
  }));
  const beginning = words.map((word) => word.text).join("");
  return readable(text, alphabet).startsWith(beginning) ? words : [];
}

/** What is said without the vector. */
function controlLines(
  result: PatchscopeResult,
  hasEvidence: boolean,
  { width, alphabet }: Style,
): readonly Line[] {
  return controlReadOuts(result, width < MIN_WIDTH_WITH_SENTENCES).map(({ words, readOut }) => {
    const p = probabilityPerToken(readOut);
    const text = saidBy(readOut, alphabet);
    return {
      label: alphabet.none,
      // Where a line is too long, its end is cut.
      text: hasEvidence ? text : `${words}: ${text}`,
      probability:
        readOut.text === undefined || p === undefined ? "" : probabilityLabel([p, p], alphabet),
      evidence: hasEvidence ? words : "",
      contrast: "",
      roundTrip: "",
      verdict: "",
      metrics: metricNames(result).map((name) => metricLabel(name, readOut.metrics?.[name])),
      words: [],
      kind: "control",
    };
  });
}

/** A line's columns, in their widths. */
interface Columns {
  readonly before: string;
  readonly text: string;
  readonly after: string;
}

function columnsFor(lines: readonly Line[], style: Style): (line: Line) => Columns {
  const label = widest(lines.map((line) => line.label));
  const probability = widest(lines.map((line) => line.probability));
  // The control's words run on into the columns behind, which it does not have.
  const judged = lines.filter(({ kind }) => kind !== "control");
  const evidence = widest(judged.map((line) => line.evidence));
  const contrast = widest(judged.map((line) => line.contrast));
  const roundTrip = widest(judged.map((line) => line.roundTrip));
  const tailOf = (line: Line): string =>
    line.kind === "control"
      ? line.evidence
      : [
          pad(line.evidence, evidence),
          ...(contrast > 0 ? [pad(line.contrast, contrast, "left")] : []),
          ...(roundTrip > 0 ? [pad(line.roundTrip, roundTrip, "left")] : []),
          line.verdict,
        ]
          .join(GAP)
          .trimEnd();
  const tail = widest(lines.map(tailOf));
  const metrics = (lines[0]?.metrics ?? []).map((_, index) =>
    widest(lines.map((line) => line.metrics[index] ?? "")),
  );
  const columns = [label, probability, tail, ...metrics].filter((width) => width > 0);
  const room = style.width - columns.reduce((sum, width) => sum + width + GAP.length, 0);
  const text = Math.max(MIN_TEXT_WIDTH, Math.min(room, widest(lines.map((line) => line.text))));
  return (line) => ({
    before: `${pad(line.label, label, "left")}${GAP}`,
    text: pad(fit(line.text, text, style.alphabet), text),
    after: [
      ...(probability > 0 ? [pad(line.probability, probability, "left")] : []),
      ...metrics.map((width, index) => pad(line.metrics[index] ?? "", width, "left")),
      ...(tail > 0 ? [tailOf(line)] : []),
    ]
      .map((column) => GAP + column)
      .join("")
      .trimEnd(),
  });
}

function joined({ before, text, after }: Columns): string {
  return `${before}${text}${after}`.trimEnd();
}

function painted(line: Line, columns: Columns, { paint }: Style): string {
  switch (line.kind) {
    case "vector":
      return line.words.length === 0 || columns.after === ""
        ? paint.green(joined(columns))
        : `${paint.green(columns.before)}${paintedText(line, columns.text, paint)}${paint.green(columns.after)}`;
    case "prompt":
    case "control":
      return paint.dim(joined(columns));
    case "unjudged":
      return joined(columns);
  }
}

/** The words that carry the evidence stand out; those behind the tokens that it is about stand back. */
function paintedText({ text, words }: Line, shown: string, paint: Style["paint"]): string {
  let end = 0;
  while (end < text.length && text[end] === shown[end]) end += 1;
  let at = 0;
  const parts = words.map((word) => {
    const part = shown.slice(at, Math.min(at + word.text.length, end));
    at += word.text.length;
    return word.isStrong ? paint.green.bold(part) : part;
  });
  return parts.join("") + paint.dim(shown.slice(Math.min(at, end)));
}
