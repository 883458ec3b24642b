/** What a run gave, with its plan and provenance → the result: token ids become texts here. */
import type { Plan, PlannedCell } from "../plan/plan.ts";
import type {
  CellPlaces,
  CellPoint,
  CellRecord,
  ControlsRecord,
  ModelRecord,
  PatchscopeResult,
  PlaceRecord,
  ReadOutRecord,
} from "../result/result.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import type { CellReadOut } from "./read-cells.ts";
import type { CellOutput, RunOutput } from "./run-plan.ts";
import { sameTokenWarnings } from "./same-token.ts";

/** Token ids as text, by a tokenizer or as `<id>`. */
export interface TokenTexts {
  readonly decode: (tokens: readonly number[]) => string;
  readonly piece: (token: number) => string;
}

/** Where a result comes from. */
export interface Provenance {
  readonly spec: PatchscopeSpec;
  readonly specHash: string;
  /** The source's, and the target's where that is another one. */
  readonly models: readonly ModelRecord[];
  readonly engine: PatchscopeResult["engine"];
  readonly timing: PatchscopeResult["timing"];
  readonly warnings: PatchscopeResult["warnings"];
}

/** The result of a run, or of the part of it that is there. */
export function buildResult(
  plan: Plan,
  output: RunOutput,
  texts: TokenTexts,
  provenance: Provenance,
): PatchscopeResult {
  const { spec, specHash, models, engine, timing, warnings } = provenance;
  const cells = plan.cells.map((cell, index) => cellRecord(cell, output.cells[index], plan, texts));
  return {
    version: 1,
    spec,
    specHash,
    models,
    source: sourceRecord(plan, output, texts),
    target: { ...promptRecord(plan.target), ...(plan.noise && { noised: plan.noise.positions }) },
    cells,
    controls: controlsRecord(plan, output, texts),
    warnings: [...plan.warnings, ...warnings, ...sameTokenWarnings(plan, output, texts.piece)],
    engine,
    timing,
  };
}

function sourceRecord(
  { source }: Plan,
  output: RunOutput,
  texts: TokenTexts,
): PatchscopeResult["source"] {
  const record = promptRecord(source);
  if (output.source?.metrics === undefined) return record;
  const { next, metrics } = output.source;
  return { ...record, metrics, next: nextRecord(next, texts) };
}

function nextRecord(next: CellReadOut["next"], texts: TokenTexts): ReadOutRecord["next"] {
  return next.map(({ token, logprob }) => ({ token, piece: texts.piece(token), logprob }));
}

function promptRecord({ tokens, pieces, positions }: Plan["target"]): PatchscopeResult["target"] {
  return { tokens, pieces, positions };
}

/** A cell as the result has it. */
export function cellRecord(
  cell: PlannedCell,
  output: CellOutput | undefined,
  plan: Plan,
  texts: TokenTexts,
): CellRecord {
  const { next, generated, textLength, neighbours, metrics, ...evidence }: CellOutput = output ?? {
    next: [],
    generated: [],
  };
  const { evidenceByToken } = evidence;
  const factor = cell.writes[0]?.factor;
  const readOut = {
    ...{ next, generated },
    ...(textLength === undefined ? {} : { textLength }),
    ...(metrics && { metrics }),
  };
  return {
    ...placesOf(cell),
    ...pointOf(cell),
    ...(factor !== undefined && { factor }),
    ...readOutRecord(readOut, plan, texts),
    ...evidence,
    ...(neighbours && {
      neighbours: neighbours.map(({ token, cosine, dot }) => ({
        ...{ token, piece: texts.piece(token) },
        ...{ cosine, dot },
      })),
    }),
    ...(evidenceByToken && { evidencePieces: piecesOf(readOut, texts, evidenceByToken.length) }),
  };
}

/** What each of the first tokens adds to the text. A character that is only begun is not there before its last token. */
function piecesOf(readOut: CellReadOut, texts: TokenTexts, count: number): readonly string[] {
  const tokens = readOut.generated.map(({ token }) => token);
  const text = textOf(readOut, texts);
  let end = 0;
  return tokens.slice(0, count).map((_, index) => {
    const isAll = index === tokens.length - 1;
    const upTo = texts.decode(tokens.slice(0, index + 1));
    const whole = isAll ? text : upTo.replace(/\ufffd+$/u, "");
    const start = end;
    if (text.startsWith(whole)) end = Math.max(start, whole.length);
    return text.slice(start, end);
  });
}

/** What the tokens write, up to a stop string where one came. */
function textOf({ generated, textLength }: CellReadOut, texts: TokenTexts): string {
  return texts.decode(generated.map(({ token }) => token)).slice(0, textLength);
}

function placesOf(cell: PlannedCell): CellPlaces {
  const pairs = cell.writes.map(({ from, to, names }) => ({
    source: place(names.source, from.position),
    target: place(names.target, to.position),
  }));
  const [only] = pairs;
  return cell.isPair && only !== undefined ? only : { writes: pairs };
}

function pointOf({ at, own }: PlannedCell): CellPoint {
  const [knockout] = own?.knockouts ?? [];
  const [ablation] = own?.ablations ?? [];
  const intervention: CellPoint["intervention"] = knockout
    ? {
        kind: "attention-knockout",
        layers: knockout.layers,
        from: knockout.from,
        to: knockout.to,
      }
    : ablation && { kind: "ablation", ...ablation };
  return { ...(at && { at }), ...(intervention && { intervention }) };
}

function place(layer: PlaceRecord["layer"], position: number): PlaceRecord {
  return { layer, position };
}

function readOutRecord(output: CellReadOut, plan: Plan, texts: TokenTexts): ReadOutRecord {
  const next = nextRecord(output.next, texts);
  const measured = output.metrics === undefined ? {} : { metrics: output.metrics };
  if (plan.read.kind !== "generate") {
    return { next, ...measured };
  }
  const tokens = output.generated.map(({ token }) => token);
  const logprobs = output.generated.map(({ logprob }) => logprob);
  return { tokens, text: textOf(output, texts), logprobs, next, ...measured };
}

function controlsRecord(plan: Plan, output: RunOutput, texts: TokenTexts): ControlsRecord {
  const { unrelated, contrast, textOnly } = plan.controls;
  return {
    ...(output.unpatched === undefined
      ? {}
      : { unpatched: readOutRecord(output.unpatched, plan, texts) }),
    ...(textOnly &&
      output.textOnly && {
        textOnly: {
          ...readOutRecord(output.textOnly, plan, texts),
          prompt: promptRecord(textOnly),
        },
      }),
    ...(unrelated.length === 0
      ? {}
      : {
          unrelated: unrelated.map((other) =>
            "prompt" in other ? { prompt: other.prompt, tokens: other.tokens } : other,
          ),
        }),
    ...(contrast.length === 0 ? {} : { contrast }),
  };
}
