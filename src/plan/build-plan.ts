/**
 * Spec → plan: prompts as tokens, references as absolutes, what cells have in common once. Pure; all that is
 * wrong is one error. What runs together is for `group-cells.ts` to say.
 */
import { specInvalid, type SpecIssue } from "../errors.ts";
import { SITES } from "../site.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { writesOfCells, type Resolvable } from "./cells.ts";
import { planControls } from "./controls.ts";
import { mapNeeded, sameAcross, unlikeEnds, unmappedStates } from "./cross-model.ts";
import { encodePrompt, type EncodedPrompt, type PlanModel } from "./encode-prompt.ts";
import { entryOf } from "./entry.ts";
import { targetModelMissing } from "./errors.ts";
import { meanSentences, planInterventions } from "./interventions.ts";
import { checkKnockouts, hiddenBy } from "./knockouts.ts";
import { planMetrics } from "./metrics.ts";
import type { Capture, Plan, PlannedCell, PlannedModel, Write } from "./plan.ts";
import { resolvePosition } from "./resolve.ts";
import { planTextOnly } from "./text-only.ts";
import { warningsOf } from "./warnings.ts";

/** What a plan depends on beside its spec. */
export interface PlanContext {
  readonly model: PlanModel;
  /** The target's, where the spec names another one. */
  readonly targetModel?: PlanModel | undefined;
  /** Sentences for the control `unrelated`, where the spec gives none. */
  readonly unrelatedSentences: readonly string[];
}

/** Resolves a spec against its model. Throws `spec-invalid` with every issue. */
export function buildPlan(spec: PatchscopeSpec, context: PlanContext): Plan {
  const { model } = context;
  const targetModel = targetModelOf(spec, context);
  const issues: SpecIssue[] = [];
  const source = encodePrompt(spec.source, model, { path: ["source"], issues });
  const target = targetPrompt(spec, source, { model, targetModel, issues });
  const models = targetModel === model ? undefined : modelsOf(model, targetModel);
  const resolvable = { spec, model, targetModel, models, source, target, issues };
  if (models !== undefined) issues.push(...mapNeeded(spec, models));
  const written = writesOfCells(resolvable);
  const writes = written.map((cell) => cell.writes);
  const readAt = readPosition(resolvable);
  const isHiding = spec.target.contamination === "hide";
  const hidden = writes.map((of) => (isHiding ? hiddenBy(of) : []));
  const { points, ...planned } = planInterventions(resolvable);
  const swept = points.map(({ own }) => own?.knockouts ?? []);
  checkKnockouts(planned.knockouts, hidden, swept, resolvable);
  const sentences = meanSentences(resolvable, context.unrelatedSentences);
  const { controls, warnings } = planControls(spec, context, issues);
  const { warnings: ofMetrics, ...measured } = planMetrics(
    spec,
    { source: model, target: targetModel },
    issues,
  );
  if (issues.length > 0) throw specInvalid(issues);

  const sourceAt = sourceReadAt(resolvable);
  const { layers, hiddenSize, vocabSize } = targetModel.architecture;
  const cells = written.flatMap(({ writes: of, at }, index) =>
    points.map((point) =>
      cellOf(
        of,
        { readAt, sourceAt, last: target.tokens.length - 1, layers },
        {
          hidden: hidden[index] ?? [],
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
    source: { ...promptOf(source), positions: unique(all.map(({ from }) => from.position)) },
    target: { ...promptOf(target), positions: unique(all.map(({ to }) => to.position)) },
    capture: { tokens: source.tokens, states: statesOf(all) },
    cells,
    ...planned,
    meanSentences: sentences,
    mapping: spec.mapping,
    mode: spec.target.mode,
    read: spec.read,
    ...measured,
    seed: spec.seed,
    controls: { ...controls, textOnly: text.textOnly },
    controlSpecs: spec.controls,
  };
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

function targetPrompt(
  spec: PatchscopeSpec,
  source: EncodedPrompt,
  { model, targetModel, issues }: Pick<Resolvable, "model" | "targetModel" | "issues">,
): EncodedPrompt {
  const at = { path: ["target"], issues };
  if (!("prompt" in spec.target && spec.target.prompt === "same")) {
    return encodePrompt(spec.target, targetModel, at);
  }
  if (targetModel === model) return source;
  const same = sameAcross(spec.source, source, { model, issues });
  return same === undefined ? source : encodePrompt(same, targetModel, at);
}

/** Where the next token is read; `same` is where the patch is written, at the last such place. */
function readPosition({ spec, target, issues }: Resolvable): number | "same" {
  const { read } = spec;
  if (read.kind === "generate") return target.tokens.length - 1;
  if (read.position === "same") return "same";
  const path = ["read", "position"];
  const at = { prompt: target, side: "target", path, issues } as const;
  return resolvePosition(read.position, at) ?? 0;
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

/** Where something is hidden, tokens behind it differ from the clean run from block 0 on. */
function cellOf(
  writes: readonly Write[],
  places: CellPlaces,
  rest: Pick<PlannedCell, "hidden" | "own" | "at">,
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
    entry: rest.hidden.length > 0 ? 0 : entry,
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
