/** What can be wrong where the target runs in another model than the source. Each function makes one issue. */
import type { SpecIssue } from "../../errors.ts";
import type { PlannedModel } from "../plan.ts";

type Path = SpecIssue["path"];

/** A spec of two models, of which one was given. */
export function targetModelMissing(name: string): SpecIssue {
  return {
    code: "no-target-model",
    path: ["target", "model"],
    message: `the target runs in ${name}, and that model was not given`,
    hint: "Load it too, and pass it as the option target.",
  };
}

/** The paper's code has no case of two models with a norm to skip. */
export function compatAcross(): SpecIssue {
  return {
    code: "conflict",
    path: ["compat"],
    message: "pair is for one model; here the target's is another one",
    hint: "Leave compat out.",
  };
}

/** States that are written into a model of another width. */
export function mapOfWidthsNeeded(source: PlannedModel, target: PlannedModel): SpecIssue {
  return {
    code: "needs-map",
    path: ["mapping"],
    message: `states of ${source.name} have ${source.hiddenSize} numbers and those of ${target.name} ${target.hiddenSize}: they need a map`,
    hint: `Learn one: patchscopes fit --model ${source.name} --to-model ${target.name} --sample 200 --out map.safetensors; then write mapping: {file: map.safetensors}.`,
  };
}

/** Vectors of the source's model beside one that is the target's already. */
export function namedBehindMap(step: number): SpecIssue {
  return {
    code: "conflict",
    path: ["mapping", step],
    message: "names states of the source's model, behind the map to another width",
    hint: "Put the step before the file of the map.",
  };
}

/** The source's position in a prompt that says something else, in other tokens. */
export function otherText(path: Path): SpecIssue {
  return {
    code: "no-counterpart",
    path,
    message: "position same has no meaning here: the two prompts differ, and so do their tokens",
    hint: "Give an index, or a text that the token holds: {find: x}.",
  };
}

/** A token of the source that stands for no character of the target's prompt. */
export function noCounterpart(position: number, piece: string, path: Path): SpecIssue {
  return {
    code: "no-counterpart",
    path,
    message: `position ${position} (${JSON.stringify(piece)}) has no counterpart among the target's tokens`,
    hint: "Leave it out of source.position, or name the target's position.",
  };
}

/** A metric that holds the target's next token against the source's, which is one of another vocabulary. */
export function otherVocabulary(source: string, target: string, path: Path): SpecIssue {
  return {
    code: "other-vocabulary",
    path,
    message: `the next token of ${source} cannot be held against that of ${target}: their vocabularies differ`,
    hint: "Write unpatched in place of source; a metric of a token may name it instead (inspect has --answer).",
  };
}
