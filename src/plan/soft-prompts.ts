/** Trained soft prompts → which vectors of which file stand at which tokens of the target. Reading the file is the caller's. */
import type { SpecIssue } from "../errors.ts";
import type { SoftPromptSpec } from "../spec/spec.ts";
import type { Resolvable } from "./cells.ts";
import { vectorsNotRead } from "./errors/vectors.ts";
import type { PlannedSoftPrompt } from "./plan.ts";
import { resolvePositions } from "./resolve.ts";
import { vectorKey, type VectorFiles } from "./vectors.ts";

/** Where a soft prompt's vectors go; what does not fit goes to the issues. */
export function planSoftPrompt(
  { file, tensor, positions: ref }: SoftPromptSpec,
  at: {
    /** Of the intervention in the spec. */
    readonly index: number;
    readonly files: VectorFiles | undefined;
    readonly resolvable: Resolvable;
  },
): PlannedSoftPrompt {
  const { target, targetModel, issues } = at.resolvable;
  const [path, before] = [["interventions", at.index], issues.length];
  const positions = resolvePositions(ref, {
    prompt: target,
    side: "target",
    path: [...path, "positions"],
    issues,
  });
  const planned = { file: { file, ...(tensor === undefined ? {} : { tensor }) }, positions };
  const found = at.files?.get(vectorKey(planned.file));
  if (found === undefined) {
    issues.push(vectorsNotRead(file, [...path, "file"]));
    return planned;
  }
  const { hiddenSize } = targetModel.architecture;
  const { shape } = found;
  const count = shape.slice(0, -1).reduce((product, axis) => product * axis, 1);
  const fits = shape.length < 3 && count === positions.length && shape.at(-1) === hiddenSize;
  if (issues.length === before && !fits) {
    issues.push(
      softPromptShape({
        file,
        shape,
        positions: positions.length,
        hiddenSize,
        path: [...path, "file"],
      }),
    );
  }
  return planned;
}

/** Adds an issue where two vectors go to one place. */
export function checkSoftPrompts(
  planned: readonly PlannedSoftPrompt[],
  { issues }: Resolvable,
): void {
  const taken = new Set<number>();
  for (const position of planned.flatMap(({ positions }) => positions)) {
    if (taken.has(position)) {
      issues.push(softPromptTwice(position));
      return;
    }
    taken.add(position);
  }
}

/** A soft prompt whose vectors do not fit where they are put. */
function softPromptShape(facts: {
  readonly file: string;
  /** As the file has it. */
  readonly shape: readonly number[];
  readonly positions: number;
  readonly hiddenSize: number;
  readonly path: SpecIssue["path"];
}): SpecIssue {
  const { file, shape, positions, hiddenSize, path } = facts;
  const expected = `[${positions}, ${hiddenSize}]${positions === 1 ? ` or [${hiddenSize}]` : ""}`;
  return {
    code: "vector-width",
    path,
    message: `${file} is [${shape.join(", ")}]; a soft prompt at ${positions} position${positions === 1 ? "" : "s"} of this model is ${expected}`,
    hint: "Use a soft prompt that was trained for this model, and name as many positions as it has vectors.",
  };
}

/** A position that gets two vectors: which one stays would be chance. */
function softPromptTwice(position: number): SpecIssue {
  return {
    code: "conflict",
    path: ["interventions"],
    message: `soft prompts put two vectors at position ${position}`,
    hint: "Name each position once.",
  };
}
