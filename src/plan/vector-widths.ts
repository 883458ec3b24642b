/** Whether the vectors of files are as wide as what they are mixed with and written over, before and behind a mapping. */
import type { SpecIssue } from "../errors.ts";
import type { PatchscopeSpec } from "../spec/spec.ts";
import { isMapped, mixedBehindMap } from "./cross-model.ts";
import type { PlanModel } from "./encode-prompt.ts";
import { namedOfOtherWidth, sentencesOfOtherWidth, vectorWidth } from "./errors/vectors.ts";
import type { PlannedSource } from "./plan.ts";
import type { PlannedVectors } from "./vectors.ts";

/** Whether vectors are no states of this model: they have another width. */
export function isOfOtherNetwork(
  vectors: PlannedVectors | undefined,
  { architecture }: PlanModel,
): vectors is PlannedVectors {
  return vectors !== undefined && vectors.width !== architecture.hiddenSize;
}

/**
 * What is wrong with the widths of a spec's vectors. Those of another network need a mapping from a file, which has its own
 * say on the widths that it takes; before it only vectors of the same width can be mixed in, and behind it none.
 */
export function widthIssues(
  spec: PatchscopeSpec,
  model: PlanModel,
  {
    source,
    named,
  }: { readonly source: PlannedVectors | undefined; readonly named: readonly PlannedSource[] },
): readonly SpecIssue[] {
  const { hiddenSize } = model.architecture;
  const width = source?.width ?? hiddenSize;
  const issues: SpecIssue[] = [];
  for (const { name, file } of named) {
    const got = file?.width ?? hiddenSize;
    if (got !== width) issues.push(namedOfOtherWidth({ name, got, width }));
  }
  if (!isOfOtherNetwork(source, model)) return issues;
  if (!isMapped(spec)) {
    const path = ["source", "file"];
    return [...issues, vectorWidth({ file: source.file, got: width, hiddenSize, path })];
  }
  issues.push(...mixedBehindMap(spec));
  if (spec.read.kind === "generate" && spec.read.roundTrip === true) {
    const widths = { source: width, model: hiddenSize };
    issues.push(sentencesOfOtherWidth("round trip", widths, ["read", "roundTrip"]));
  }
  return issues;
}
