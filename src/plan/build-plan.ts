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
import { hiddenBy, planKnockouts } from "./knockouts.ts";
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
  const writes = writesOfCells(resolvable);
  const readAt = readPosition(resolvable);
  const isHiding = spec.target.contamination === "hide";
  const hidden = writes.map((of) => (isHiding ? hiddenBy(of) : []));
  const knockouts = planKnockouts(resolvable, hidden);
  const { controls, warnings } = planControls(spec, context, issues);
  if (issues.length > 0) throw specInvalid(issues);

  const cells = writes.map((of, index) => cellOf(of, readAt, hidden[index] ?? []));
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
    source: { ...promptOf(source), positions: unique(all.map(({ from }) => from.position)) },
    target: { ...promptOf(target), positions: unique(all.map(({ to }) => to.position)) },
    capture: { tokens: source.tokens, states: statesOf(all) },
    cells,
    knockouts,
    mapping: spec.mapping,
    mode: spec.target.mode,
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

/** Where something is hidden, tokens behind it differ from the clean run from block 0 on. */
function cellOf(
  writes: readonly Write[],
  readAt: number | "same",
  hidden: PlannedCell["hidden"],
): PlannedCell {
  const positions = writes.map(({ to }) => to.position);
  return {
    writes,
    entry: hidden.length > 0 ? 0 : least(writes.map(({ to }) => entryOf(to))),
    from: least(positions),
    hidden,
    readAt: readAt === "same" ? positions.reduce((a, b) => Math.max(a, b), 0) : readAt,
    isPair: writes.length === 1,
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

function unique(values: readonly number[]): number[] {
  return [...new Set(values)];
}
