/** What a run cannot do or hold, whatever the prompts say. Each function makes one issue. */
import type { SpecIssue } from "../../errors.ts";

type Path = SpecIssue["path"];

/** More cells, or places in them, than can be kept. */
export function tooManyWrites(writes: number, limit: number): SpecIssue {
  return {
    code: "too-many-cells",
    path: [],
    message: `the product of the axes writes ${writes} hidden states; at most ${limit} fit in one run`,
    hint: "Split the axes over several specs.",
  };
}

/** More places to compare than a result can hold. */
export function tooManyComparisons(places: number, limit: number): SpecIssue {
  return {
    code: "too-large",
    path: ["read"],
    message: `propagation compares ${places} states; at most ${limit} fit in one result`,
    hint: "Take fewer layers or positions of the source, or a shorter target prompt.",
  };
}

/** More cut edges than can be listed for each pass. */
export function tooManyEdges(edges: number, limit: number): SpecIssue {
  return {
    code: "too-many-edges",
    path: ["interventions"],
    message: `the interventions cut ${edges} edges of attention; at most ${limit} fit in one run`,
    hint: "Name fewer positions or layers.",
  };
}

/** A token that interventions leave with nothing to look at: there is no softmax of nothing. */
export function nothingToSee(position: number, layer: number): SpecIssue {
  return {
    code: "nothing-to-see",
    path: ["interventions"],
    message: `the token at position ${position} is left with nothing to look at in layer ${layer}`,
    hint: "Leave it at least its look at itself: a position in both from and to cuts that too.",
  };
}

/** What is read of one vector, where there are several at once; `what` is it with its verb. */
export function ofSeveral(what: "neighbours are" | "a round trip is"): SpecIssue {
  return {
    code: "conflict",
    path: ["patches"],
    message: `${what} of one vector, and patches are several in one cell`,
    hint: "Name the positions and layers under source.",
  };
}

/** What is of a run of the target, where none runs. */
export function ofNoRun(key: "metrics" | "interventions"): SpecIssue {
  return {
    code: "conflict",
    path: [key],
    message: "are of a run of the target, and for neighbours it does not run",
    hint: "Leave them out, or read next-token.",
  };
}

/** A metric against the source's own run, where the source is a file. */
export function noSourceRun(path: Path): SpecIssue {
  return {
    code: "no-source-run",
    path,
    message: "the source is a file of vectors: no run of its own says a next token",
    hint: "Write unpatched in place of source, or name the token.",
  };
}

/** Keys and values that are to come from a vector which is none of the residual stream. */
export function overwriteNotResidual(site: string): SpecIssue {
  return {
    code: "conflict",
    path: ["target", "contamination"],
    message: `overwrite needs a state of the residual stream; the target's site is ${site}`,
    hint: "Use resid_post, resid_pre or resid_mid, or contamination: hide.",
  };
}

/** A mapping or a mode where the paper's code skips the final norm. */
export function mappedBehindNorm(last: number): SpecIssue {
  return {
    code: "conflict",
    path: ["compat"],
    message: `with compat: pair a state of the last layer that is written at the last layer (${last}) can only replace, without a mapping`,
    hint: "Leave out the last layer, the mapping and mode, or compat.",
  };
}

/** `compat` where the caller's model does not show its final norm. */
export function noFinalNorm(): SpecIssue {
  return {
    code: "no-final-norm",
    path: ["compat"],
    message: "compat: pair needs the model's final norm, and only its engine was given",
    hint: "Pass a model as loadModel or openModel gives it.",
  };
}
