/**
 * Spec → plan: prompts as tokens, references as absolutes, what cells have in common once. Pure; all that is
 * wrong is one error. What runs together is for `group-cells.ts` to say.
 */
import { specInvalid, type SpecIssue } from "../errors.ts";
import { SITES } from "../site.ts";
import type { LayerName, PatchscopeSpec } from "../spec/spec.ts";
import { writesOfCells, type Resolvable } from "./cells.ts";
import { planControls } from "./controls.ts";
import { mapNeeded, sameAcross, unlikeEnds, unmappedStates } from "./cross-model.ts";
import { encodePrompt, type EncodedPrompt, type PlanModel } from "./encode-prompt.ts";
import { entryOf } from "./entry.ts";
import { targetModelMissing } from "./errors/cross-model.ts";
import { markerWithoutText, needsTokenizer, noPromptToShare } from "./errors/prompts.ts";
import { mappedBehindNorm, ofNoRun, ofSeveral, overwriteNotResidual } from "./errors/runs.ts";
import { meanSentences, planInterventions } from "./interventions.ts";
import { checkKnockouts, hiddenBy } from "./knockouts.ts";
import { planMetrics } from "./metrics.ts";
import type { Capture, Plan, PlannedCell, PlannedModel, Write } from "./plan.ts";
import { isUnpatched, padded } from "./padding.ts";
import { checkComparisons } from "./propagation.ts";
import { resolvePosition, resolvePositions } from "./resolve.ts";
import { planSources } from "./sources.ts";
import { planTextOnly } from "./text-only.ts";
import { widthIssues } from "./vector-widths.ts";
import { encodeSource, type VectorFiles } from "./vectors.ts";
import { warningsOf } from "./warnings.ts";

/** What a plan depends on beside its spec. */
export interface PlanContext {
  readonly model: PlanModel;
  /** The target's, where the spec names another one. */
  readonly targetModel?: PlanModel | undefined;
  /** Sentences for the control `unrelated`, where the spec gives none. */
  readonly unrelatedSentences: readonly string[];
  /** What is in the files of vectors that the spec names. */
  readonly vectors?: VectorFiles | undefined;
}

/** Resolves a spec against its model. Throws `spec-invalid` with every issue. */
export function buildPlan(spec: PatchscopeSpec, context: PlanContext): Plan {
  const { model } = context;
  const targetModel = targetModelOf(spec, context);
  const issues: SpecIssue[] = [];
  const files = context.vectors;
  const { prompt: given, vectors } = encodeSource(spec.source, model, {
    path: ["source"],
    issues,
    files,
  });
  const { source, target } = padded(spec, {
    model,
    issues,
    source: given,
    target: encodeTarget(spec, { model, targetModel, source: given, issues }),
  });
  const models = targetModel === model ? undefined : modelsOf(model, targetModel);
  const resolvable = { spec, model, targetModel, models, source, target, vectors, issues };
  if (models !== undefined) issues.push(...mapNeeded(spec, models));
  const written = writesOfCells(resolvable);
  const writes = written.map((cell) => cell.writes);
  const sources = planSources(spec, { model, files, issues, layers: layersRead(writes) });
  issues.push(...widthIssues(spec, model, { source: vectors, named: sources }));
  const readAt = readPosition(resolvable);
  const isHiding = spec.target.contamination === "hide";
  checkOverwriting(spec, issues);
  checkCompat(resolvable, writes);
  const hidden = writes.map((of) => (isHiding ? hiddenBy(of) : []));
  const { points, ...planned } = planInterventions(resolvable, files);
  const swept = points.map(({ own }) => own?.knockouts ?? []);
  checkKnockouts(planned.knockouts, hidden, swept, resolvable);
  checkTexts(resolvable);
  const sentences = meanSentences(resolvable, context.unrelatedSentences);
  const { controls, warnings, baseline } = planControls(spec, { ...context, vectors }, issues);
  const { warnings: ofMetrics, ...measured } = planMetrics(
    spec,
    { source: model, target: targetModel },
    issues,
  );
  if (issues.length > 0) throw specInvalid(issues);

  const sourceAt = sourceReadAt(resolvable);
  const { layers, hiddenSize, vocabSize } = targetModel.architecture;
  const isOverwriting = spec.target.contamination === "overwrite";
  const cells = written.flatMap(({ writes: of, at }, index) =>
    points.map((point) =>
      cellOf(
        of,
        { readAt, sourceAt, last: target.tokens.length - 1, layers },
        {
          hidden: hidden[index] ?? [],
          isOverwriting,
          ...point,
          ...((at ?? point.at) && { at: { ...at, ...point.at } }),
        },
      ),
    ),
  );
  const text = planTextOnly(spec, {
    model: targetModel,
    sourceModel: model,
    source,
    target,
    cells,
  });
  const all = writes.flat();
  const plan = {
    shape: { layers, hiddenSize, vocabSize },
    models,
    source: {
      ...promptOf(source),
      positions: unique(all.map(({ from }) => from.position)),
      file: vectors,
    },
    target: { ...promptOf(target), positions: unique(all.map(({ to }) => to.position)) },
    capture: { tokens: source.tokens, states: statesOf(all) },
    cells,
    ...planned,
    meanSentences: sentences,
    mapping: [spec.mapping].flat(),
    sources,
    mode: spec.target.mode,
    compat: spec.compat && { isUnpatched: isUnpatched(spec, target.tokens) },
    read: spec.read,
    ...measured,
    seed: spec.seed,
    controls: { ...controls, textOnly: text.textOnly },
    ...(baseline === undefined ? {} : { baseline }),
  };
  const tooLarge = checkComparisons(plan, cells);
  if (tooLarge.length > 0) throw specInvalid(tooLarge);
  const across = models && [unmappedStates(spec, models), unlikeEnds(resolvable, all)];
  return {
    ...plan,
    warnings: [
      ...warnings,
      ...ofMetrics,
      ...text.warnings,
      ...warningsOf(plan, { source: model, target: targetModel }),
      ...(across ?? []).filter((warning) => warning !== undefined),
    ],
  };
}

function targetModelOf(spec: PatchscopeSpec, { model, targetModel }: PlanContext): PlanModel {
  if (spec.target.model === "same") return model;
  if (targetModel === undefined) throw specInvalid([targetModelMissing(spec.target.model)]);
  return targetModel;
}

function modelsOf(source: PlanModel, target: PlanModel): NonNullable<Plan["models"]> {
  const of = ({ name, architecture: { layers, hiddenSize } }: PlanModel): PlannedModel => ({
    name,
    layers,
    hiddenSize,
  });
  return { source: of(source), target: of(target) };
}

/** The target prompt; a marker stands once for each state where several are read together. */
function encodeTarget(
  spec: PatchscopeSpec,
  {
    model,
    targetModel,
    source,
    issues,
  }: Pick<Resolvable, "model" | "targetModel" | "source" | "issues">,
): EncodedPrompt {
  const { source: from, target } = spec;
  const { position } = target;
  const marked = typeof position === "object" && "marker" in position ? position : undefined;
  const at = { path: ["target"], issues };
  if ("prompt" in target && target.prompt === "same") {
    if (source.tokens.length === 0 && "file" in from) issues.push(noPromptToShare());
    if (marked) issues.push(markerWithoutText(["target", "position"]));
    if (targetModel === model || "file" in from) return source;
    const same = sameAcross(from, source, { model, issues });
    return same === undefined ? source : encodePrompt(same, targetModel, at);
  }
  return encodePrompt(target, targetModel, {
    ...at,
    marked: marked && { ...marked, states: statesTogether(from.position, source) },
  });
}

/** How many states the source has for one cell: a marker that stands alone is for all of them. */
function statesTogether(
  position: PatchscopeSpec["source"]["position"],
  prompt: EncodedPrompt,
): number {
  if (typeof position !== "object" || !("together" in position)) return 1;
  // What is wrong with them is said where the cells are made.
  return resolvePositions(position.together, { prompt, side: "source", path: [], issues: [] })
    .length;
}

/** Where the next token is read; `same` is where the patch is written, at the last such place. */
function readPosition({ spec, target, issues }: Resolvable): number | "same" {
  const { read } = spec;
  if (read.kind !== "next-token") return target.tokens.length - 1;
  if (read.position === "same") return "same";
  const path = ["read", "position"];
  const at = { prompt: target, side: "target", path, issues } as const;
  return resolvePosition(read.position, at) ?? 0;
}

/** Stop strings are looked for in texts, and texts are read back; without a tokenizer there are none. */
function checkTexts({ spec, model, targetModel, issues }: Resolvable): void {
  const { read } = spec;
  if (read.kind === "neighbours" && isOfSeveral(spec)) issues.push(ofSeveral("neighbours are"));
  if (read.kind === "neighbours") {
    const unused = (["metrics", "interventions"] as const).filter((key) => spec[key].length > 0);
    issues.push(...unused.map(ofNoRun));
  }
  if (read.kind !== "generate") return;
  const isRoundTrip = read.roundTrip === true;
  if (isRoundTrip && isOfSeveral(spec)) issues.push(ofSeveral("a round trip is"));
  if (read.stop !== undefined && targetModel.tokenizer === undefined) {
    issues.push(needsTokenizer("a stop string", "Leave stop out.", ["read", "stop"]));
  }
  if (isRoundTrip && (model.tokenizer === undefined || targetModel.tokenizer === undefined)) {
    issues.push(needsTokenizer("a round trip", "Leave roundTrip out.", ["read", "roundTrip"]));
  }
}

/** Whether a cell has several states of the source. */
function isOfSeveral({ source, patches }: PatchscopeSpec): boolean {
  return (
    patches !== undefined ||
    [source.position, source.layer].some((ref) => typeof ref === "object" && "together" in ref)
  );
}

/** Keys and values that come from a vector need a state that they can be computed from. */
function checkOverwriting({ target }: PatchscopeSpec, issues: SpecIssue[]): void {
  const { site } = target;
  const isResidual = site !== "attn_out" && site !== "mlp_out";
  if (target.contamination === "overwrite" && !isResidual) issues.push(overwriteNotResidual(site));
}

/** The paper's code writes a last layer's state behind the final norm, which is the same here where nothing else is done to it. */
function checkCompat(
  { spec, model, issues }: Resolvable,
  writes: readonly (readonly Write[])[],
): void {
  const isPlain =
    spec.target.mode === "replace" &&
    [spec.mapping].flat().every((step) => step.kind === "identity");
  if (spec.compat === undefined || isPlain) return;
  const last = model.architecture.layers - 1;
  const isLast = ({ site, layer }: Write["to"]): boolean => site === "resid_post" && layer === last;
  if (writes.flat().some(({ from, to }) => isLast(from) && isLast(to))) {
    issues.push(mappedBehindNorm(last));
  }
}

/**
 * Where the source's own next token is read: where the target's is, if they are one prompt; at the token whose state is
 * taken, if the target is read where that is put; else behind the whole text.
 */
function sourceReadAt({ spec, source, target }: Resolvable): number | "read" | "written" {
  const isSame = "prompt" in spec.target && spec.target.prompt === "same";
  // In another model of one vocabulary the same prompt may begin with another token.
  if (isSame && String(source.tokens) === String(target.tokens)) return "read";
  const { read } = spec;
  const isWhereWritten = read.kind === "next-token" && read.position === "same";
  return isWhereWritten && spec.patches?.length !== 0 ? "written" : source.tokens.length - 1;
}

/** What all cells have in common. */
interface CellPlaces {
  readonly readAt: number | "same";
  readonly sourceAt: ReturnType<typeof sourceReadAt>;
  /** The target's last position. */
  readonly last: number;
  readonly layers: number;
}

/** Where something is hidden or overwritten, tokens differ from the clean run from block 0 on. */
function cellOf(
  writes: readonly Write[],
  places: CellPlaces,
  rest: Pick<PlannedCell, "hidden" | "isOverwriting" | "own" | "at">,
): PlannedCell {
  const { sourceAt, last, layers } = places;
  const positions = writes.map(({ to }) => to.position);
  const readAt =
    places.readAt === "same" ? (positions.length > 0 ? greatest(positions) : last) : places.readAt;
  const taken = writes.map(({ from }) => from.position);
  const own = ownReach(rest.own);
  const entry = least([layers, own.entry, ...writes.map(({ to }) => entryOf(to))]);
  return {
    writes,
    entry: rest.isOverwriting || rest.hidden.length > 0 ? 0 : entry,
    // A cell that changes nothing is the end of the clean run.
    from: least([last, own.from, ...positions]),
    readAt,
    sourceReadAt:
      sourceAt === "read" ? readAt : sourceAt === "written" ? greatest(taken) : sourceAt,
    isPair: writes.length === 1,
    ...rest,
  };
}

/** The first block and position that a cell's own interventions change. */
function ownReach(own: PlannedCell["own"]): { readonly entry: number; readonly from: number } {
  const { knockouts = [], ablations = [] } = own ?? {};
  return {
    entry: least([...knockouts, ...ablations].flatMap(({ layers }) => layers)),
    from: least([
      ...knockouts.flatMap(({ from, to }) => (from === "all" ? to : from)),
      ...ablations.flatMap(({ positions }) => positions),
    ]),
  };
}

function layersRead(writes: readonly (readonly Write[])[]): readonly LayerName[] {
  return [...new Set(writes.flatMap((of) => of.map(({ names }) => names.source)))];
}

/** The states that are read, each once, from the bottom up. */
function statesOf(writes: readonly Write[]): Capture["states"] {
  const byKey = new Map(
    writes.map(({ from: { site, layer } }) => [`${site} ${layer}`, { site, layer }] as const),
  );
  return [...byKey.values()].sort(
    (a, b) => a.layer - b.layer || SITES.indexOf(a.site) - SITES.indexOf(b.site),
  );
}

function promptOf({ tokens, pieces }: Plan["source"] | Resolvable["source"]): {
  readonly tokens: readonly number[];
  readonly pieces: readonly string[];
} {
  return { tokens, pieces };
}

/** Lists of writes are too long to be spread into Math.min. */
function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Infinity);
}

function greatest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}

function unique(values: readonly number[]): number[] {
  return [...new Set(values)];
}
