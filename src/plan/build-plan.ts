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
import {
  mappedBehindNorm,
  markerWithoutText,
  noPromptToShare,
  overwriteNotResidual,
  targetModelMissing,
} from "./errors.ts";
import { hiddenBy, planKnockouts } from "./knockouts.ts";
import type { Capture, Plan, PlannedCell, PlannedModel, Write } from "./plan.ts";
import { resolvePosition, resolvePositions } from "./resolve.ts";
import { planSources } from "./sources.ts";
import { planTextOnly } from "./text-only.ts";
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
  const { prompt: source, shape } = encodeSource(spec.source, model, {
    path: ["source"],
    issues,
    files,
  });
  const target = encodeTarget(spec, { model, targetModel, source, issues });
  const models = targetModel === model ? undefined : modelsOf(model, targetModel);
  const resolvable = { spec, model, targetModel, models, source, target, vectors: shape, issues };
  if (models !== undefined) issues.push(...mapNeeded(spec, models));
  const writes = writesOfCells(resolvable);
  const sources = planSources(spec, { model, files, issues, layers: layersRead(writes) });
  const readAt = readPosition(resolvable);
  const isHiding = spec.target.contamination === "hide";
  checkOverwriting(spec, issues);
  checkCompat(resolvable, writes);
  const hidden = writes.map((of) => (isHiding ? hiddenBy(of) : []));
  const knockouts = planKnockouts(resolvable, hidden);
  const { controls, warnings } = planControls(spec, context, issues);
  if (issues.length > 0) throw specInvalid(issues);

  const cells = writes.map((of, index) =>
    cellOf(of, { spec, readAt, hidden: hidden[index] ?? [] }),
  );
  const text = planTextOnly(spec, {
    model: targetModel,
    sourceModel: model,
    source,
    target,
    cells,
  });
  const all = writes.flat();
  const { layers, hiddenSize, vocabSize } = targetModel.architecture;
  const plan = {
    shape: { layers, hiddenSize, vocabSize },
    models,
    source: {
      ...promptOf(source),
      positions: unique(all.map(({ from }) => from.position)),
      file: "file" in spec.source ? spec.source : undefined,
    },
    target: { ...promptOf(target), positions: unique(all.map(({ to }) => to.position)) },
    capture: { tokens: source.tokens, states: statesOf(all) },
    cells,
    knockouts,
    mapping: [spec.mapping].flat(),
    sources,
    mode: spec.target.mode,
    compat: spec.compat && { isUnpatched: target.tokens.length === 1 },
    read: spec.read,
    seed: spec.seed,
    controls: { ...controls, textOnly: text.textOnly },
    controlSpecs: spec.controls,
  };
  const across = models && [unmappedStates(spec, models), unlikeEnds(resolvable, all)];
  return {
    ...plan,
    warnings: [
      ...warnings,
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
  if (read.kind === "generate") return target.tokens.length - 1;
  if (read.position === "same") return "same";
  const path = ["read", "position"];
  const at = { prompt: target, side: "target", path, issues } as const;
  return resolvePosition(read.position, at) ?? 0;
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

/** Where something is hidden or overwritten, tokens differ from the clean run from block 0 on. */
function cellOf(
  writes: readonly Write[],
  {
    spec,
    readAt,
    hidden,
  }: {
    readonly spec: PatchscopeSpec;
    readonly readAt: number | "same";
    readonly hidden: PlannedCell["hidden"];
  },
): PlannedCell {
  const positions = writes.map(({ to }) => to.position);
  const isOverwriting = spec.target.contamination === "overwrite";
  return {
    writes,
    isOverwriting,
    entry: isOverwriting || hidden.length > 0 ? 0 : least(writes.map(({ to }) => entryOf(to))),
    from: least(positions),
    hidden,
    readAt: readAt === "same" ? positions.reduce((a, b) => Math.max(a, b), 0) : readAt,
    isPair: writes.length === 1,
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

function unique(values: readonly number[]): number[] {
  return [...new Set(values)];
}
